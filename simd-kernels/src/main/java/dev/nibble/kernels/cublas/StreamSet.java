package dev.nibble.kernels.cublas;

import dev.nibble.kernels.DeviceException;
import dev.nibble.kernels.cublas.DevicePlan.Placement;
import java.lang.foreign.MemorySegment;

/**
 * What one thread computes with: three streams, for copies in, products and copies out, a cuBLAS
 * handle with a workspace of its own (so that results do not depend on other threads), and two
 * slots. Used by one thread at a time, whose context must be the device's.
 *
 * <p>Host memory that a copy reads or writes is staging, which outlives the set of streams.
 */
final class StreamSet {
  /** Buffers of a group of pictures: indices into staging, their twins on the device, events. */
  private record Slot(
      long in,
      long out,
      DevicePointer deviceIn,
      DevicePointer deviceOut,
      long arrived,
      long computed,
      long done) {}

  private final CudaDriver driver;
  private final CudaStreams streams;
  private final MemorySegment staging;
  private final long copyIn;
  private final long compute;
  private final long copyOut;
  private final ConvolutionProducts products;
  private final Slot[] slots = new Slot[DevicePlan.SLOTS];
  private final long gradient;
  private final DevicePointer deviceGradient;

  /**
   * Takes everything from the device.
   *
   * @param at byte offset of the set's part of staging, {@link DevicePlan#setBytes} long
   * @param workspace bytes for cuBLAS
   * @param releases gets what gives it back
   */
  StreamSet(
      Cuda cuda,
      DevicePlan plan,
      Precision precision,
      MemorySegment staging,
      long at,
      long workspace,
      Releases releases) {
    this.driver = cuda.driver();
    this.streams = driver.streams();
    this.staging = staging;
    copyIn = stream(releases);
    compute = stream(releases);
    copyOut = stream(releases);
    // Before the handle, so that it is freed behind it.
    DevicePointer space = memory(workspace, "cuBLAS' workspace", releases);
    long handle = handle(cuda);
    releases.add(() -> cuda.blas().destroy(handle));
    cuda.blas().setStream(handle, compute);
    // After the stream, which resets the workspace.
    cuda.blas().setWorkspace(handle, space);
    products = new ConvolutionProducts(cuda.blas(), handle, precision);
    long next = at;
    for (int i = 0; i < slots.length; i++) {
      slots[i] =
          new Slot(
              next,
              next + plan.inBytes(),
              memory(plan.inBytes(), "activations", releases),
              memory(plan.outBytes(), "products", releases),
              event(releases),
              event(releases),
              event(releases));
      next += plan.inBytes() + plan.outBytes();
    }
    gradient = next;
    deviceGradient = memory(plan.gradientBytes(), "weights' gradient", releases);
    releases.add(this::drain);
  }

  /** cuBLAS takes memory of its own, and says no more than that it could not. */
  private static long handle(Cuda cuda) {
    try {
      return cuda.blas().create();
    } catch (DeviceException e) {
      String free = cuda.driver().freeText();
      throw new DeviceException(e.status(), e.code(), e.call(), free, e.outOfMemory());
    }
  }

  private long stream(Releases releases) {
    long stream = streams.createStream();
    releases.add(() -> streams.destroyStream(stream));
    return stream;
  }

  private long event(Releases releases) {
    long event = streams.createEvent();
    releases.add(() -> streams.destroyEvent(event));
    return event;
  }

  private DevicePointer memory(long bytes, String purpose, Releases releases) {
    DevicePointer memory = driver.allocate(bytes, purpose);
    releases.add(() -> driver.free(memory));
    return memory;
  }

  /**
   * Computes every kind of product once, of whatever lies in the buffers: CUDA loads code when it
   * is first used, and what it has no room for must show while the CPU may still stand in.
   */
  void rehearse(DevicePlan plan, DevicePointer weights) {
    for (Placement place : plan.placements()) {
      forward(0, place.grid(), place.pictures(), weights, 0);
      if (plan.trains()) {
        backwardWeights(0, place.grid(), place.pictures(), false);
        backwardData(0, place.grid(), place.pictures(), weights, 0);
      }
    }
    streams.synchronizeStream(compute);
  }

  /** Where groups are staged. */
  MemorySegment staging() {
    return staging;
  }

  /** Byte offset in staging of what goes to the device through a slot. */
  long in(int slot) {
    return slots[slot].in();
  }

  /** Byte offset in staging of what comes back through a slot. */
  long out(int slot) {
    return slots[slot].out();
  }

  /** Byte offset in staging of the weights' gradient that {@link #receiveGradient} fetched. */
  long gradient() {
    return gradient;
  }

  /** Starts the copy to the device of a slot's first bytes; products begin after it. */
  void send(int slot, long bytes) {
    Slot s = slots[slot];
    streams.copyToDevice(s.deviceIn(), 0, staging, s.in(), bytes, copyIn);
    streams.recordEvent(s.arrived(), copyIn);
    streams.waitEvent(compute, s.arrived());
  }

  /** Multiplies a slot's group by weights. */
  void forward(int slot, ConvolutionGrid grid, int pictures, DevicePointer weights, long at) {
    Slot s = slots[slot];
    products.forward(grid, pictures, s.deviceIn(), weights, at, s.deviceOut());
  }

  /** Adds a group's gradient of the weights to the set's, or begins it. */
  void backwardWeights(int slot, ConvolutionGrid grid, int pictures, boolean add) {
    products.backwardWeights(grid, pictures, slots[slot].deviceIn(), add, deviceGradient);
  }

  /** Multiplies a slot's group of gradients back through weights. */
  void backwardData(int slot, ConvolutionGrid grid, int pictures, DevicePointer weights, long at) {
    Slot s = slots[slot];
    products.backwardData(grid, pictures, s.deviceIn(), weights, at, s.deviceOut());
  }

  /** Starts the copy from the device of a slot's products so far; 0 bytes for none. */
  void receive(int slot, long bytes) {
    Slot s = slots[slot];
    if (bytes == 0) {
      streams.recordEvent(s.done(), compute);
      return;
    }
    streams.recordEvent(s.computed(), compute);
    streams.waitEvent(copyOut, s.computed());
    streams.copyToHost(staging, s.out(), s.deviceOut(), 0, bytes, copyOut);
    streams.recordEvent(s.done(), copyOut);
  }

  /** Waits until a slot's group is done: its products have arrived, its buffers are free. */
  void await(int slot) {
    streams.synchronizeEvent(slots[slot].done());
  }

  /** Fetches the weights' gradient into staging and waits for it. */
  void receiveGradient(long bytes) {
    streams.copyToHost(staging, gradient, deviceGradient, 0, bytes, compute);
    streams.synchronizeStream(compute);
  }

  /**
   * Waits for all that is under way after a failure, so that no copy outlives the call that began
   * it. A device that refuses has nothing under way any more.
   */
  void abandon(Throwable cause) {
    try {
      drain();
    } catch (DeviceException e) {
      cause.addSuppressed(e);
    }
  }

  private void drain() {
    try (Releases waits = new Releases()) {
      waits.add(() -> streams.synchronizeStream(copyOut));
      waits.add(() -> streams.synchronizeStream(compute));
      waits.add(() -> streams.synchronizeStream(copyIn));
    }
  }
}
