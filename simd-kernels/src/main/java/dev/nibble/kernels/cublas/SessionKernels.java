package dev.nibble.kernels.cublas;

import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.HostKernels;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.cublas.DevicePlan.Placement;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;

/** The kernels of an open session: convolutions on the device, everything else on the CPU. */
final class SessionKernels extends HostDelegate {
  private final DevicePlan plan;
  private final CudaDriver driver;
  private final long context;
  private final DeviceWeights weights;
  private final StreamSetPool sets;
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
      StreamSetPool sets,
      AtomicBoolean closed,
      ToIntFunction<Stage> packedFloats,
      String description) {
    super(host);
    this.plan = plan;
    this.driver = driver;
    this.context = context;
    this.weights = weights;
    this.sets = sets;
    this.closed = closed;
    this.packedFloats = packedFloats;
    this.description = description;
    this.passes = new GroupedPasses(host.offload());
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
    Operator op = stage.operator();
    if (!ConvolutionGrid.covers(op) || plan.isOnHost(op)) {
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
  public int portions(Stage stage) {
    return place(stage) == null ? host().portions(stage) : 1;
  }

  @Override
  public int packUnits(Stage stage) {
    return place(stage) == null ? host().packUnits(stage) : 1;
  }

  @Override
  public void packForward(ForwardArgs args, int unit, float[] packed) {
    Placement place = place(args.stage());
    if (place == null) {
      host().packForward(args, unit, packed);
    } else {
      checkPacked(args.stage(), packed);
      Objects.checkIndex(unit, 1);
      MemorySegment source = Objects.requireNonNull(args.weights(), "convolutions have weights");
      weights.copy(source, place.grid().weightBytes());
    }
  }

  @Override
  public void packBackward(BackwardArgs args, int unit, float[] packed) {
    Placement place = place(args.stage());
    if (place == null) {
      host().packBackward(args, unit, packed);
      return;
    }
    checkPacked(args.stage(), packed);
    Objects.checkIndex(unit, 1);
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
      ForwardArgs args,
      int region,
      int from,
      int to,
      int part,
      int parts,
      float[] packed,
      float[] scratch) {
    Placement place = place(args.stage());
    if (place == null) {
      host().forward(args, region, from, to, part, parts, packed, scratch);
      return;
    }
    checkPacked(args.stage(), packed);
    Objects.checkIndex(part, parts);
    long at = weightsAt(args.weights());
    // A device takes a group's pictures whole, in its first part.
    int end = part == 0 ? to : from;
    StreamSet set = enter();
    try {
      passes.forward(set, place, weights.memory(), at, args, region, from, end, scratch);
    } catch (RuntimeException | Error e) {
      leaveAfter(e, set);
      throw e;
    }
    leave(set);
  }

  @Override
  public void backward(
      BackwardArgs args,
      int region,
      int from,
      int to,
      int part,
      int parts,
      float[] packed,
      float[] scratch) {
    Placement place = place(args.stage());
    if (place == null) {
      host().backward(args, region, from, to, part, parts, packed, scratch);
      return;
    }
    checkPacked(args.stage(), packed);
    Objects.checkIndex(part, parts);
    long at = weightsAt(args.weights());
    int end = part == 0 ? to : from;
    backward(place, at, args, region, from, end, true, true, false, scratch);
  }

  @Override
  public void backwardData(
      BackwardArgs args,
      int region,
      int from,
      int to,
      int part,
      int parts,
      float[] packed,
      float[] scratch) {
    Placement place = place(args.stage());
    if (place == null) {
      host().backwardData(args, region, from, to, part, parts, packed, scratch);
      return;
    }
    checkPacked(args.stage(), packed);
    Objects.checkIndex(part, parts);
    long at = weightsAt(args.weights());
    int end = part == 0 ? to : from;
    backward(place, at, args, region, from, end, true, false, true, scratch);
  }

  @Override
  public void backwardWeights(
      BackwardArgs args, int region, int from, int to, int part, int parts, float[] scratch) {
    Placement place = place(args.stage());
    if (place == null) {
      host().backwardWeights(args, region, from, to, part, parts, scratch);
      return;
    }
    Objects.checkIndex(part, parts);
    if (part > 0) {
      return;
    }
    backward(place, 0, args, region, from, to, false, true, true, scratch);
  }

  /** Claims a set of streams and makes the session's context current. */
  private StreamSet enter() {
    StreamSet set = sets.claim();
    try {
      driver.pushContext(context);
    } catch (RuntimeException | Error e) {
      sets.release(set);
      throw e;
    }
    return set;
  }

  private void leave(StreamSet set) {
    try {
      driver.popContext();
    } finally {
      sets.release(set);
    }
  }

  private void leaveAfter(Throwable failure, StreamSet set) {
    try {
      set.abandon(failure);
      driver.popContextAfter(failure);
    } finally {
      sets.release(set);
    }
  }

  private void backward(
      Placement place,
      long weightsAt,
      BackwardArgs args,
      int region,
      int from,
      int to,
      boolean data,
      boolean weighs,
      boolean summed,
      float[] scratch) {
    StreamSet set = enter();
    try {
      passes.backward(
          set,
          place,
          weights.memory(),
          weightsAt,
          args,
          region,
          from,
          to,
          data,
          weighs,
          summed,
          scratch);
    } catch (RuntimeException | Error e) {
      leaveAfter(e, set);
      throw e;
    }
    leave(set);
  }
}
