package dev.nibble.kernels.cublas;

import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.HostKernels;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.cublas.DevicePlan.Placement;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;

/** The table of an open session: convolutions on the device, everything else on the CPU. */
final class SessionKernels extends HostDelegate {
  private final DevicePlan plan;
  private final CudaDriver driver;
  private final long context;
  private final DeviceWeights weights;
  private final LanePool lanes;
  private final AtomicBoolean closed;
  private final ToIntFunction<Stage> packedFloats;
  private final String description;
  private final GroupedPasses passes;

  SessionKernels(
      HostKernels host,
      DevicePlan plan,
      CudaDriver driver,
      long context,
      DeviceWeights weights,
      LanePool lanes,
      AtomicBoolean closed,
      ToIntFunction<Stage> packedFloats,
      String description) {
    super(host);
    this.plan = plan;
    this.driver = driver;
    this.context = context;
    this.weights = weights;
    this.lanes = lanes;
    this.closed = closed;
    this.packedFloats = packedFloats;
    this.description = description;
    this.passes = new GroupedPasses(host.ends());
  }

  @Override
  public String name() {
    return CublasKernels.NAME;
  }

  @Override
  public String description() {
    int left = plan.countOnHost();
    return left == 0
        ? description
        : description + "; " + left + " convolutions on the CPU for want of device memory";
  }

  @Override
  public int packedFloats(Stage stage) {
    return packedFloats.applyAsInt(stage);
  }

  /** The contract's door, although a device needs no array. */
  private void checkPacked(Stage stage, float[] packed) {
    int floats = packedFloats(stage);
    if (packed.length < floats) {
      throw new IllegalArgumentException(
          "The packed weights hold " + packed.length + " floats, but the stage needs " + floats);
    }
  }

  /** Where the stage's products are made; null for the CPU. */
  private @Nullable Placement place(Stage stage) {
    if (!(stage.operator() instanceof Convolution op) || plan.isOnHost(op)) {
      return null;
    }
    if (closed.get()) {
      throw new IllegalStateException("The session is closed");
    }
    Placement place = plan.find(op);
    if (place == null) {
      throw new IllegalArgumentException("The session was not opened for " + op);
    }
    return place;
  }

  @Override
  public void packForward(ForwardArgs args, float[] packed) {
    Placement place = place(args.stage());
    if (place == null) {
      host().packForward(args, packed);
    } else {
      checkPacked(args.stage(), packed);
      MemorySegment source = Objects.requireNonNull(args.weights(), "convolutions have weights");
      weights.copy(source, place.grid().weightBytes());
    }
  }

  @Override
  public void packBackward(BackwardArgs args, float[] packed) {
    Placement place = place(args.stage());
    if (place == null) {
      host().packBackward(args, packed);
      return;
    }
    checkPacked(args.stage(), packed);
    MemorySegment source = Objects.requireNonNull(args.weights(), "convolutions have weights");
    if (weights.find(source) < 0) {
      weights.copy(source, place.grid().weightBytes());
    }
  }

  private long weightsAt(@Nullable MemorySegment source) {
    long at = weights.find(Objects.requireNonNull(source, "convolutions have weights"));
    if (at < 0) {
      throw new IllegalStateException("The weights must be packed before a pass");
    }
    return at;
  }

  @Override
  public void forward(
      ForwardArgs args, int shard, int from, int to, float[] packed, float[] scratch) {
    Placement place = place(args.stage());
    if (place == null) {
      host().forward(args, shard, from, to, packed, scratch);
      return;
    }
    checkPacked(args.stage(), packed);
    long at = weightsAt(args.weights());
    Lane lane = lanes.claim();
    try {
      driver.pushContext(context);
      try {
        passes.forward(lane, place, weights.memory(), at, args, shard, from, to, scratch);
      } catch (RuntimeException | Error e) {
        lane.abandon(e);
        driver.popContextAfter(e);
        throw e;
      }
      driver.popContext();
    } finally {
      lanes.release(lane);
    }
  }

  @Override
  public void backward(
      BackwardArgs args, int shard, int from, int to, float[] packed, float[] scratch) {
    Placement place = place(args.stage());
    if (place == null) {
      host().backward(args, shard, from, to, packed, scratch);
      return;
    }
    checkPacked(args.stage(), packed);
    long at = weightsAt(args.weights());
    Lane lane = lanes.claim();
    try {
      driver.pushContext(context);
      try {
        passes.backward(lane, place, weights.memory(), at, args, shard, from, to, scratch);
      } catch (RuntimeException | Error e) {
        lane.abandon(e);
        driver.popContextAfter(e);
        throw e;
      }
      driver.popContext();
    } finally {
      lanes.release(lane);
    }
  }
}
