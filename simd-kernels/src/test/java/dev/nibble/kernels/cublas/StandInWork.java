package dev.nibble.kernels.cublas;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.nibble.kernels.cublas.StandInMemory.Block;
import dev.nibble.kernels.cublas.StandInStreams.Event;
import dev.nibble.kernels.cublas.StandInStreams.Stream;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.ToIntFunction;

/**
 * The CUDA driver's functions that work in the order of streams: copies and events, over host
 * memory. All pointers are {@code long}.
 *
 * <p>As with the driver, a copy to memory that is not registered is done when the call returns. One
 * from there has read its source by then, but need not have arrived: only a wait tells.
 */
@SuppressWarnings({"MemberName", "UnusedMethod"}) // C's names, called as C functions
final class StandInWork {
  private static final int INVALID_VALUE = 1;
  private static final int INVALID_HANDLE = 400;
  private static final int ILLEGAL_ADDRESS = 700;
  private static final int STREAM_NON_BLOCKING = 1;
  private static final int EVENT_DISABLE_TIMING = 2;

  private final CudaStandIn owner;
  private final StandInGate gate;
  private final StandInCalls calls;
  private final StandInStreams streams;
  private final StandInMemory memory;

  StandInWork(CudaStandIn owner) {
    this.owner = owner;
    this.gate = owner.gate();
    this.calls = new StandInCalls(gate, owner.contexts());
    this.streams = owner.streams();
    this.memory = owner.memory();
  }

  int cuMemcpyHtoDAsync_v2(long to, long from, long bytes, long stream) {
    return calls.bound(
        "cuMemcpyHtoDAsync_v2", () -> copy("a copy in", to, from, bytes, stream, true));
  }

  int cuMemcpyDtoHAsync_v2(long to, long from, long bytes, long stream) {
    return calls.bound(
        "cuMemcpyDtoHAsync_v2", () -> copy("a copy out", from, to, bytes, stream, false));
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
    return calls.bound(
        "cuStreamCreate",
        () -> {
          if (flags != STREAM_NON_BLOCKING) {
            return gate.fail(INVALID_VALUE, "a stream that waits for the default stream");
          }
          StandInCalls.putLong(stream, streams.createStream());
          return 0;
        });
  }

  private int onStream(String name, long id, ToIntFunction<Stream> body) {
    return calls.bound(name, () -> withStream(name, id, body));
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
    return calls.bound(
        "cuStreamSynchronize",
        () -> withStream("cuStreamSynchronize", id, streams::synchronize),
        () -> streams.abandon(streams.stream(id)));
  }

  int cuStreamDestroy_v2(long id) {
    return calls.bound(
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
    return calls.bound(
        "cuEventCreate",
        () -> {
          if (flags != EVENT_DISABLE_TIMING) {
            return gate.fail(INVALID_VALUE, "an event that keeps time is slow");
          }
          StandInCalls.putLong(event, streams.createEvent());
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
    return calls.bound(
        "cuEventSynchronize", () -> withEvent("cuEventSynchronize", event, streams::synchronize));
  }

  int cuEventDestroy_v2(long event) {
    return calls.bound(
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
}
