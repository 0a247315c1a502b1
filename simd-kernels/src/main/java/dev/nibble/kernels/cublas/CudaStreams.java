package dev.nibble.kernels.cublas;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.nibble.kernels.DeviceException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The part of the CUDA driver API that works in the order of streams: copies, and events between
 * them. Streams and events are handles in a {@code long}, which only this class made and which are
 * not used after they were destroyed. Every method needs a current context, and throws {@link
 * DeviceException} where the driver returns another status than success.
 */
final class CudaStreams {
  private static final int STREAM_NON_BLOCKING = 1;
  private static final int EVENT_DISABLE_TIMING = 2;

  private final DriverErrors errors;
  private final NativeFunction copyIn;
  private final NativeFunction copyOut;
  private final NativeFunction streamCreate;
  private final NativeFunction streamSynchronize;
  private final NativeFunction streamDestroy;
  private final NativeFunction streamWait;
  private final NativeFunction eventCreate;
  private final NativeFunction eventRecord;
  private final NativeFunction eventSynchronize;
  private final NativeFunction eventDestroy;

  CudaStreams(Symbols symbols, DriverErrors errors) throws CudaUnavailableException {
    this.errors = errors;
    copyIn = symbols.function("cuMemcpyHtoDAsync_v2", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
    copyOut = symbols.function("cuMemcpyDtoHAsync_v2", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
    streamCreate = symbols.function("cuStreamCreate", JAVA_LONG, JAVA_INT);
    streamSynchronize = symbols.function("cuStreamSynchronize", JAVA_LONG);
    streamDestroy = symbols.function("cuStreamDestroy_v2", JAVA_LONG);
    streamWait = symbols.function("cuStreamWaitEvent", JAVA_LONG, JAVA_LONG, JAVA_INT);
    eventCreate = symbols.function("cuEventCreate", JAVA_LONG, JAVA_INT);
    eventRecord = symbols.function("cuEventRecord", JAVA_LONG, JAVA_LONG);
    eventSynchronize = symbols.function("cuEventSynchronize", JAVA_LONG);
    eventDestroy = symbols.function("cuEventDestroy_v2", JAVA_LONG);
  }

  /**
   * Has the stream copy bytes to the device. The caller keeps the memory alive until an event that
   * it records behind the copy.
   *
   * @throws IndexOutOfBoundsException if a range reaches outside its memory
   */
  void copyToDevice(
      DevicePointer to,
      long toOffset,
      MemorySegment from,
      long fromOffset,
      long bytes,
      long stream) {
    long device = to.at(toOffset, bytes);
    int status = copyIn.call(device, HostMemory.address(from, fromOffset, bytes), bytes, stream);
    if (status != 0) {
      throw errors.exception(status, copyIn, DeviceSize.format(bytes));
    }
  }

  /**
   * Has the stream copy bytes from the device. The caller keeps the memory alive until an event
   * that it records behind the copy.
   *
   * @throws IndexOutOfBoundsException if a range reaches outside its memory
   */
  void copyToHost(
      MemorySegment to,
      long toOffset,
      DevicePointer from,
      long fromOffset,
      long bytes,
      long stream) {
    if (to.isReadOnly()) {
      throw new IllegalArgumentException("The memory that is copied to must not be read-only");
    }
    long device = from.at(fromOffset, bytes);
    int status = copyOut.call(HostMemory.address(to, toOffset, bytes), device, bytes, stream);
    if (status != 0) {
      throw errors.exception(status, copyOut, DeviceSize.format(bytes));
    }
  }

  /** A stream that does not wait for the default stream. */
  long createStream() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_LONG);
      errors.check(streamCreate.call(out.address(), STREAM_NON_BLOCKING), streamCreate);
      return out.get(JAVA_LONG, 0);
    }
  }

  void synchronizeStream(long stream) {
    errors.check(streamSynchronize.call(stream), streamSynchronize);
  }

  void destroyStream(long stream) {
    errors.check(streamDestroy.call(stream), streamDestroy);
  }

  /** An event that keeps no time. */
  long createEvent() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_LONG);
      errors.check(eventCreate.call(out.address(), EVENT_DISABLE_TIMING), eventCreate);
      return out.get(JAVA_LONG, 0);
    }
  }

  void recordEvent(long event, long stream) {
    errors.check(eventRecord.call(event, stream), eventRecord);
  }

  /** Has a stream wait for an event before what it is given next. */
  void waitEvent(long stream, long event) {
    errors.check(streamWait.call(stream, event, 0), streamWait);
  }

  void synchronizeEvent(long event) {
    errors.check(eventSynchronize.call(event), eventSynchronize);
  }

  void destroyEvent(long event) {
    errors.check(eventDestroy.call(event), eventDestroy);
  }
}
