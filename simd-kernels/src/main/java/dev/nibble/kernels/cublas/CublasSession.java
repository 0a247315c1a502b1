package dev.nibble.kernels.cublas;

import dev.nibble.kernels.DeviceException;
import dev.nibble.kernels.HostKernels;
import dev.nibble.kernels.KernelSession;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.Stage;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.ToIntFunction;

/** All that a session holds of a device, taken in one go and given back in the opposite order. */
final class CublasSession implements KernelSession {
  /** What NVIDIA recommends for cuBLAS: 32 MiB from compute capability 9 on, 4 MiB before. */
  private static final long LARGE_WORKSPACE = 32 << 20;

  private static final long SMALL_WORKSPACE = 4 << 20;

  private final CudaDriver driver;
  private final long context;
  private final Releases releases;
  private final Kernels kernels;
  private final DeviceWeights weights;
  private final StreamSetPool sets;
  private final AtomicBoolean closed = new AtomicBoolean();
  private boolean entered;

  /**
   * Takes everything.
   *
   * @throws dev.nibble.kernels.DeviceException if the device refuses; nothing is held then
   */
  CublasSession(
      Cuda cuda,
      DevicePlan plan,
      Precision precision,
      HostKernels host,
      ToIntFunction<Stage> packedFloats,
      String description,
      MemorySegment staging) {
    this.driver = cuda.driver();
    this.releases = new Releases();
    try {
      int device = driver.device(0);
      context = driver.retainPrimaryContext(device);
      releases.add(() -> driver.releasePrimaryContext(device));
      releases.add(this::leave);
      enter();
      long workspace =
          driver.attribute(device, CudaDriver.COMPUTE_CAPABILITY_MAJOR) >= 9
              ? LARGE_WORKSPACE
              : SMALL_WORKSPACE;
      MemorySegment pinned = staging.asSlice(0, plan.stagingBytes());
      // Where a device can't, in confidential computing for one, copies are right and slower.
      if (driver.attribute(device, CudaDriver.HOST_REGISTER_SUPPORTED) != 0) {
        driver.register(pinned);
        releases.add(() -> driver.unregister(pinned));
      }
      weights = weights(plan, context);
      StreamSet[] all = new StreamSet[plan.sets()];
      for (int i = 0; i < all.length; i++) {
        long at = i * plan.setBytes();
        all[i] = new StreamSet(cuda, plan, precision, pinned, at, workspace, releases);
      }
      all[0].rehearse(plan, weights.memory());
      sets = new StreamSetPool(all);
      kernels =
          new SessionKernels(
              host, plan, driver, context, weights, sets, closed, packedFloats, description);
    } catch (RuntimeException | Error e) {
      releases.closeAfter(e);
      throw e;
    }
    try {
      leave();
    } catch (DeviceException e) {
      releases.add(this::enter);
      releases.closeAfter(e);
      throw e;
    }
  }

  /** What is taken or given back needs the context, on whichever thread. */
  private void enter() {
    driver.pushContext(context);
    entered = true;
  }

  private void leave() {
    if (entered) {
      entered = false;
      driver.popContext();
    }
  }

  private DeviceWeights weights(DevicePlan plan, long current) {
    DevicePointer memory = driver.allocate(plan.weightBytes(), "weights");
    releases.add(() -> driver.free(memory));
    long stream = driver.streams().createStream();
    releases.add(() -> driver.streams().destroyStream(stream));
    return new DeviceWeights(driver, current, memory, stream, plan.weightCount());
  }

  @Override
  public Kernels kernels() {
    return kernels;
  }

  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      sets.close();
      weights.close();
      releases.add(this::enter);
      releases.close();
    }
  }
}
