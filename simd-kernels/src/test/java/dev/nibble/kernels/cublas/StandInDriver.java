package dev.nibble.kernels.cublas;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import dev.nibble.kernels.cublas.StandInMemory.Block;
import dev.nibble.kernels.cublas.StandInStreams.Event;
import dev.nibble.kernels.cublas.StandInStreams.Stream;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;

/**
 * The CUDA driver's functions over host memory. All pointers are {@code long}.
 *
 * <p>As with the driver, a copy to memory that is not registered is done when the call returns. One
 * from there has read its source by then, but need not have arrived: only a wait tells.
 */
@SuppressWarnings({"MemberName", "UnusedMethod"}) // C's names, called as C functions
final class StandInDriver {
  private static final int INVALID_VALUE = 1;
  private static final int OUT_OF_MEMORY = 2;
  private static final int NO_DEVICE = 100;
  private static final int INVALID_DEVICE = 101;
  private static final int INVALID_CONTEXT = 201;
  private static final int INVALID_HANDLE = 400;
  private static final int ILLEGAL_ADDRESS = 700;
  private static final int ALREADY_REGISTERED = 712;
  private static final int NOT_REGISTERED = 713;
  private static final int NOT_SUPPORTED = 801;
  private static final int STREAM_NON_BLOCKING = 1;
  private static final int EVENT_DISABLE_TIMING = 2;
  private static final String NAME = "Stand-in";

  /** Statuses with a name of their own; others get one made of their number. */
  private static final Map<Integer, String> STATUSES =
      Map.ofEntries(
          Map.entry(1, "CUDA_ERROR_INVALID_VALUE"),
          Map.entry(2, "CUDA_ERROR_OUT_OF_MEMORY"),
          Map.entry(100, "CUDA_ERROR_NO_DEVICE"),
          Map.entry(101, "CUDA_ERROR_INVALID_DEVICE"),
          Map.entry(201, "CUDA_ERROR_INVALID_CONTEXT"),
          Map.entry(400, "CUDA_ERROR_INVALID_HANDLE"),
          Map.entry(700, "CUDA_ERROR_ILLEGAL_ADDRESS"),
          Map.entry(712, "CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED"),
          Map.entry(713, "CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED"),
          Map.entry(719, "CUDA_ERROR_LAUNCH_FAILED"),
          Map.entry(801, "CUDA_ERROR_NOT_SUPPORTED"),
          Map.entry(999, "CUDA_ERROR_UNKNOWN"));

  private final CudaStandIn owner;
  private final StandInGate gate;
  private final StandInContexts contexts;
  private final StandInStreams streams;
  private final StandInMemory memory;

  StandInDriver(CudaStandIn owner) {
    this.owner = owner;
    this.gate = owner.gate();
    this.contexts = owner.contexts();
    this.streams = owner.streams();
    this.memory = owner.memory();
  }

  private static void nothing() {}

  private int free(String name, StandInGate.Body body) {
    return gate.call(name, body, StandInDriver::nothing);
  }

  private int bound(String name, StandInGate.Body body) {
    return bound(name, body, StandInDriver::nothing);
  }

  /** Runs what needs the thread's context. */
  private int bound(String name, StandInGate.Body body, Runnable refused) {
    return gate.call(
        name,
        () -> {
          if (contexts.isCurrent()) {
            return body.run();
          }
          refused.run();
          return contexts.isExcused()
              ? INVALID_CONTEXT
              : gate.fail(INVALID_CONTEXT, "%s was called without a current context", name);
        },
        refused);
  }

  private static void putInt(long address, int value) {
    StandInStubs.at(address, 4).set(JAVA_INT_UNALIGNED, 0, value);
  }

  private static void putLong(long address, long value) {
    StandInStubs.at(address, 8).set(JAVA_LONG_UNALIGNED, 0, value);
  }

  int cuInit(int flags) {
    return free("cuInit", () -> flags != 0 ? INVALID_VALUE : owner.devices() == 0 ? NO_DEVICE : 0);
  }

  int cuDriverGetVersion(long version) {
    return free(
        "cuDriverGetVersion",
        () -> {
          putInt(version, owner.driverVersion());
          return 0;
        });
  }

  int cuDeviceGetCount(long count) {
    return free(
        "cuDeviceGetCount",
        () -> {
          putInt(count, owner.devices());
          return 0;
        });
  }

  int cuDeviceGet(long device, int ordinal) {
    return free(
        "cuDeviceGet",
        () -> {
          if (noDevice(ordinal)) {
            return INVALID_DEVICE;
          }
          putInt(device, ordinal);
          return 0;
        });
  }

  private boolean noDevice(int device) {
    return device < 0 || device >= owner.devices();
  }

  int cuDeviceGetName(long name, int length, int device) {
    return free(
        "cuDeviceGetName",
        () -> {
          if (noDevice(device) || length <= NAME.length()) {
            return noDevice(device) ? INVALID_DEVICE : INVALID_VALUE;
          }
          StandInStubs.at(name, length).setString(0, NAME);
          return 0;
        });
  }

  int cuDeviceGetAttribute(long value, int attribute, int device) {
    return free(
        "cuDeviceGetAttribute",
        () -> {
          if (noDevice(device) || attribute <= 0) {
            return noDevice(device) ? INVALID_DEVICE : INVALID_VALUE;
          }
          putInt(value, attribute(attribute));
          return 0;
        });
  }

  private int attribute(int attribute) {
    return switch (attribute) {
      case CudaDriver.COMPUTE_CAPABILITY_MAJOR -> owner.capability() / 10;
      case CudaDriver.COMPUTE_CAPABILITY_MINOR -> owner.capability() % 10;
      case CudaDriver.HOST_REGISTER_SUPPORTED -> owner.registers() ? 1 : 0;
      default -> gate.fail(0, "attribute %d was asked for", attribute);
    };
  }

  int cuDevicePrimaryCtxRetain(long context, int device) {
    return free(
        "cuDevicePrimaryCtxRetain",
        () -> {
          if (noDevice(device)) {
            return INVALID_DEVICE;
          }
          putLong(context, contexts.retain(device));
          return 0;
        });
  }

  int cuDevicePrimaryCtxRelease_v2(int device) {
    return gate.call("cuDevicePrimaryCtxRelease_v2", () -> release(device), () -> release(device));
  }

  private int release(int device) {
    int left = contexts.release(device);
    if (left < 0) {
      return gate.fail(INVALID_CONTEXT, "a context was released that was not retained");
    }
    List<String> lost = owner.leftInContext();
    if (left == 0 && !lost.isEmpty()) {
      gate.fail("the context was released before %s", lost);
    }
    if (contexts.isStale()) {
      gate.fail("a context ended that a thread still has");
    }
    return 0;
  }

  int cuCtxPushCurrent_v2(long context) {
    return gate.call(
        "cuCtxPushCurrent_v2",
        () ->
            contexts.push(context)
                ? 0
                : gate.fail(INVALID_CONTEXT, "a context was made current that is gone"),
        contexts::excuse);
  }

  int cuCtxPopCurrent_v2(long popped) {
    return gate.call("cuCtxPopCurrent_v2", () -> pop(popped), () -> pop(popped));
  }

  private int pop(long popped) {
    long context = contexts.pop();
    if (context == 0) {
      return gate.fail(INVALID_CONTEXT, "a thread gave up a context that it did not have");
    }
    putLong(popped, context);
    return 0;
  }

  int cuMemGetInfo_v2(long free, long total) {
    return bound(
        "cuMemGetInfo_v2",
        () -> {
          putLong(free, memory.free());
          putLong(total, memory.total());
          return 0;
        });
  }

  int cuMemAlloc_v2(long pointer, long bytes) {
    return bound(
        "cuMemAlloc_v2",
        () -> {
          if (bytes <= 0) {
            return gate.fail(INVALID_VALUE, "%d bytes were asked for", bytes);
          }
          long address = memory.allocate(bytes);
          if (address == 0) {
            return OUT_OF_MEMORY;
          }
          putLong(pointer, address);
          return 0;
        });
  }

  int cuMemFree_v2(long pointer) {
    return bound("cuMemFree_v2", () -> giveBack(pointer), () -> giveBack(pointer));
  }

  private int giveBack(long pointer) {
    StandInRange range = memory.release(pointer);
    if (range == null) {
      return gate.fail(INVALID_VALUE, "device memory was freed that is none: %x", pointer);
    }
    List<String> users = streams.using(range);
    if (!users.isEmpty()) {
      gate.fail("device memory was freed while %s was under way", users);
    }
    if (owner.isWorkspace(range)) {
      gate.fail("a workspace was freed before its handle was destroyed");
    }
    return 0;
  }

  int cuMemHostRegister_v2(long pointer, long bytes, int flags) {
    return bound(
        "cuMemHostRegister_v2",
        () -> {
          if (pointer == 0 || bytes <= 0 || flags != 0) {
            return gate.fail(INVALID_VALUE, "%d bytes were registered with %d", bytes, flags);
          }
          if (!owner.registers()) {
            return gate.fail(NOT_SUPPORTED, "a device registers no memory, and was asked to");
          }
          return memory.register(new StandInRange(pointer, bytes)) ? 0 : ALREADY_REGISTERED;
        });
  }

  int cuMemHostUnregister(long pointer) {
    return bound("cuMemHostUnregister", () -> unregister(pointer), () -> unregister(pointer));
  }

  private int unregister(long pointer) {
    StandInRange range = memory.unregister(pointer);
    if (range == null) {
      return gate.fail(NOT_REGISTERED, "memory was unregistered that was not registered");
    }
    List<String> users = streams.using(range);
    if (!users.isEmpty()) {
      gate.fail("host memory was unregistered while %s was under way", users);
    }
    return 0;
  }

  int cuMemcpyHtoDAsync_v2(long to, long from, long bytes, long stream) {
    return bound("cuMemcpyHtoDAsync_v2", () -> copy("a copy in", to, from, bytes, stream, true));
  }

  int cuMemcpyDtoHAsync_v2(long to, long from, long bytes, long stream) {
    return bound("cuMemcpyDtoHAsync_v2", () -> copy("a copy out", from, to, bytes, stream, false));
  }

  private int copy(String name, long device, long host, long bytes, long id, boolean in) {
    Stream stream = streams.stream(id);
    if (stream == null) {
      return gate.fail(INVALID_HANDLE, "%s was given to a stream that is none", name);
    }
    if (bytes == 0) {
      return 0;
    }
    StandInRange deviceRange = new StandInRange(device, bytes);
    StandInRange hostRange = new StandInRange(host, bytes);
    Block block = memory.block(deviceRange);
    if (block == null || host == 0) {
      return gate.fail(INVALID_VALUE, "%s reaches outside its memory: %s", name, deviceRange);
    }
    StandInRange registration = memory.registration(hostRange);
    if (registration == null && memory.meetsRegistered(hostRange)) {
      return gate.fail(INVALID_VALUE, "%s reaches beyond registered memory", name);
    }
    if (registration == null) {
      owner.countPageable();
    }
    if (registration == null && in) {
      MemorySegment taken = MemorySegment.ofArray(StandInStubs.at(host, bytes).toArray(JAVA_BYTE));
      streams.queue(
          stream,
          name,
          List.of(),
          List.of(deviceRange),
          () -> {
            block.segment(device, bytes).copyFrom(taken);
            return 0;
          });
      return 0;
    }
    streams.queue(
        stream,
        name,
        List.of(in ? hostRange : deviceRange),
        List.of(in ? deviceRange : hostRange),
        () -> {
          if (registration != null && !memory.isRegistered(registration)) {
            return gate.fail(ILLEGAL_ADDRESS, "%s ran after its memory was unregistered", name);
          }
          MemorySegment ours = block.segment(device, bytes);
          MemorySegment theirs = StandInStubs.at(host, bytes);
          (in ? ours : theirs).copyFrom(in ? theirs : ours);
          return 0;
        });
    return registration == null ? streams.synchronize(stream) : 0;
  }

  int cuStreamCreate(long stream, int flags) {
    return bound(
        "cuStreamCreate",
        () -> {
          if (flags != STREAM_NON_BLOCKING) {
            return gate.fail(INVALID_VALUE, "a stream that waits for the default stream");
          }
          putLong(stream, streams.createStream());
          return 0;
        });
  }

  private int onStream(String name, long id, ToIntFunction<Stream> body) {
    return bound(name, () -> withStream(name, id, body));
  }

  private int withStream(String name, long id, ToIntFunction<Stream> body) {
    Stream stream = streams.stream(id);
    return stream == null
        ? gate.fail(INVALID_HANDLE, "%s was given a stream that is none", name)
        : body.applyAsInt(stream);
  }

  private int withEvent(String name, long id, ToIntFunction<Event> body) {
    Event event = streams.event(id);
    return event == null
        ? gate.fail(INVALID_HANDLE, "%s was given an event that is none", name)
        : body.applyAsInt(event);
  }

  int cuStreamSynchronize(long id) {
    return bound(
        "cuStreamSynchronize",
        () -> withStream("cuStreamSynchronize", id, streams::synchronize),
        () -> streams.abandon(streams.stream(id)));
  }

  int cuStreamDestroy_v2(long id) {
    return bound(
        "cuStreamDestroy_v2",
        () ->
            withStream(
                "cuStreamDestroy_v2",
                id,
                stream -> {
                  streams.destroyStream(id);
                  return 0;
                }),
        () -> streams.destroyStream(id));
  }

  int cuStreamWaitEvent(long id, long event, int flags) {
    return onStream(
        "cuStreamWaitEvent",
        id,
        stream ->
            withEvent(
                "cuStreamWaitEvent",
                event,
                known -> {
                  streams.await(stream, known);
                  return flags == 0 ? 0 : INVALID_VALUE;
                }));
  }

  int cuEventCreate(long event, int flags) {
    return bound(
        "cuEventCreate",
        () -> {
          if (flags != EVENT_DISABLE_TIMING) {
            return gate.fail(INVALID_VALUE, "an event that keeps time is slow");
          }
          putLong(event, streams.createEvent());
          return 0;
        });
  }

  int cuEventRecord(long event, long id) {
    return onStream(
        "cuEventRecord",
        id,
        stream ->
            withEvent(
                "cuEventRecord",
                event,
                known -> {
                  streams.record(known, stream);
                  return 0;
                }));
  }

  int cuEventSynchronize(long event) {
    return bound(
        "cuEventSynchronize", () -> withEvent("cuEventSynchronize", event, streams::synchronize));
  }

  int cuEventDestroy_v2(long event) {
    return bound(
        "cuEventDestroy_v2",
        () ->
            withEvent(
                "cuEventDestroy_v2",
                event,
                known -> {
                  streams.destroyEvent(event);
                  return 0;
                }),
        () -> streams.destroyEvent(event));
  }

  int cuGetErrorName(int status, long text) {
    return text(status, text, STATUSES.get(status));
  }

  int cuGetErrorString(int status, long text) {
    return text(status, text, "what " + STATUSES.get(status) + " means");
  }

  private int text(int status, long text, @Nullable String words) {
    if (!STATUSES.containsKey(status) || words == null) {
      putLong(text, 0);
      return INVALID_VALUE;
    }
    putLong(text, owner.cString(words));
    return 0;
  }
}
