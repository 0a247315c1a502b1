package dev.nibble.kernels.cublas;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The weights of a session's convolutions on the device, each in a place of its own, which is found
 * by where they lie on the host. They are copied when a forward pass packs them and stay for the
 * backward pass.
 */
final class DeviceWeights {
  private static final long ALIGNMENT = 256;

  private final CudaDriver driver;
  private final CudaStreams streams;
  private final long context;
  private final DevicePointer memory;
  private final long stream;
  private final long[] hosts;
  private final long[] places;
  private int count;
  private long used;
  private boolean closed;

  /**
   * Takes over memory of at least the sum of {@link #bytes} of all weights.
   *
   * @param context whose the memory and the stream are
   * @param most how many different weights there are at most
   */
  DeviceWeights(CudaDriver driver, long context, DevicePointer memory, long stream, int most) {
    this.driver = driver;
    this.streams = driver.streams();
    this.context = context;
    this.memory = memory;
    this.stream = stream;
    this.hosts = new long[most];
    this.places = new long[most];
  }

  /** Bytes that weights of this size take on the device. */
  static long bytes(long weightBytes) {
    return (weightBytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }

  /** Where all of them lie. */
  DevicePointer memory() {
    return memory;
  }

  /** Byte offset of these weights; -1 if they were never copied. */
  synchronized long find(MemorySegment weights) {
    int index = Arrays.binarySearch(hosts, 0, count, weights.address());
    return index < 0 ? -1 : places[index];
  }

  /** Copies weights and waits for it: the host may change them as soon as this returns. */
  synchronized void copy(MemorySegment weights, long weightBytes) {
    if (closed) {
      throw new IllegalStateException("The session is closed");
    }
    long place = find(weights);
    boolean known = place >= 0;
    if (!known && count == hosts.length) {
      throw new IllegalStateException(
          "The session was opened for " + count + " sets of weights, and this is another");
    }
    long target = known ? place : used;
    // In here, behind the lock: a virtual thread that waits for it may go on on another carrier.
    driver.pushContext(context);
    try {
      streams.copyToDevice(memory, target, weights, 0, weightBytes, stream);
      streams.synchronizeStream(stream);
    } catch (RuntimeException | Error e) {
      driver.popContextAfter(e);
      throw e;
    }
    driver.popContext();
    if (!known) {
      insert(weights.address(), target);
      used += bytes(weightBytes);
    }
  }

  /** Waits for a copy under way and begins no other. */
  synchronized void close() {
    closed = true;
  }

  private void insert(long host, long place) {
    int index = -Arrays.binarySearch(hosts, 0, count, host) - 1;
    System.arraycopy(hosts, index, hosts, index + 1, count - index);
    System.arraycopy(places, index, places, index + 1, count - index);
    hosts[index] = host;
    places[index] = place;
    count++;
  }
}
