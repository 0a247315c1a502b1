package dev.nibble.kernels.cublas;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Streams as lazy as the driver's may be: what is queued runs when something waits for it, not
 * before. So whoever reads a result without waiting finds what was there before.
 *
 * <p>Each stream counts what it is given, and knows up to which count of every other stream it
 * waits for: a vector clock. An operation that touches what one on another stream writes, or writes
 * what it reads, while that one is neither done nor waited for, is reported as a race, whichever
 * would have come first this time. Whoever uses this holds the {@link StandInGate}.
 */
final class StandInStreams {
  /** A stream with what it has not done yet. */
  static final class Stream {
    private final long id;
    private final Deque<Queued> queue = new ArrayDeque<>();
    private final Map<Long, Long> clock = new HashMap<>();
    private long count;

    Stream(long id) {
      this.id = id;
    }
  }

  /** A place in a stream: all that was queued up to it. */
  private record Mark(Stream stream, long count, Map<Long, Long> clock) {}

  /** An event with the place where it was last recorded, if it was. */
  static final class Event {
    private @Nullable Mark mark;
  }

  /** Something in a queue: work, or a wait for another stream's place. */
  private record Queued(
      String name,
      long count,
      List<StandInRange> reads,
      List<StandInRange> writes,
      IntSupplier work,
      @Nullable Mark awaited) {}

  private final StandInGate gate;
  private final Map<Long, Stream> streams = new LinkedHashMap<>();
  private final Map<Long, Event> events = new LinkedHashMap<>();
  private long next = 0x5_0000;

  StandInStreams(StandInGate gate) {
    this.gate = gate;
  }

  long createStream() {
    next += 16;
    streams.put(next, new Stream(next));
    return next;
  }

  long createEvent() {
    next += 16;
    events.put(next, new Event());
    return next;
  }

  @Nullable Stream stream(long id) {
    return streams.get(id);
  }

  @Nullable Event event(long id) {
    return events.get(id);
  }

  /** Ends a stream; what it had to do is dropped, which is the caller's mistake. */
  void destroyStream(long id) {
    Stream stream = streams.remove(id);
    if (stream != null && !stream.queue.isEmpty()) {
      gate.fail("a stream was destroyed with %s under way", names(stream));
      stream.queue.clear();
    }
  }

  void destroyEvent(long id) {
    events.remove(id);
  }

  /** Queues work that touches these ranges. */
  void queue(
      Stream stream,
      String name,
      List<StandInRange> reads,
      List<StandInRange> writes,
      IntSupplier work) {
    Queued queued = new Queued(name, tick(stream), reads, writes, work, null);
    for (Stream other : streams.values()) {
      long known = stream.clock.getOrDefault(other.id, 0L);
      for (Queued earlier : other.queue) {
        if (earlier.count > known && clash(earlier, queued)) {
          gate.fail(
              "race: %s touches what %s, queued on another stream, is not waited for",
              name, earlier.name);
        }
      }
    }
    stream.queue.add(queued);
  }

  private static long tick(Stream stream) {
    stream.clock.put(stream.id, ++stream.count);
    return stream.count;
  }

  private static boolean clash(Queued one, Queued other) {
    return meet(one.writes, other.writes)
        || meet(one.writes, other.reads)
        || meet(one.reads, other.writes);
  }

  private static boolean meet(List<StandInRange> some, List<StandInRange> others) {
    return some.stream().anyMatch(range -> others.stream().anyMatch(range::meets));
  }

  void record(Event event, Stream stream) {
    event.mark = new Mark(stream, stream.count, Map.copyOf(stream.clock));
  }

  /** Queues a wait for the place where the event was last recorded; nothing without one. */
  void await(Stream stream, Event event) {
    Mark mark = event.mark;
    if (mark != null) {
      mark.clock.forEach((id, count) -> stream.clock.merge(id, count, Math::max));
      IntSupplier work = () -> run(mark.stream, mark.count);
      stream.queue.add(new Queued("a wait", tick(stream), List.of(), List.of(), work, mark));
    }
  }

  /** Does all that a stream has to do, and what that waits for. */
  int synchronize(Stream stream) {
    return run(stream, stream.count);
  }

  int synchronize(Event event) {
    Mark mark = event.mark;
    return mark == null ? 0 : run(mark.stream, mark.count);
  }

  private static int run(Stream stream, long until) {
    int status = 0;
    Queued head = stream.queue.peek();
    while (head != null && head.count <= until) {
      stream.queue.remove();
      int result = head.work.getAsInt();
      status = status == 0 ? result : status;
      head = stream.queue.peek();
    }
    return status;
  }

  /** What a wait that fails means: the stream's work was given up. */
  void abandon(@Nullable Stream stream) {
    if (stream != null) {
      stream.queue.clear();
    }
  }

  void abandonAll() {
    streams.values().forEach(this::abandon);
  }

  /** Work under way that touches a range. */
  List<String> using(StandInRange range) {
    List<String> names = new ArrayList<>();
    for (Stream stream : streams.values()) {
      for (Queued queued : stream.queue) {
        if (meet(queued.reads, List.of(range)) || meet(queued.writes, List.of(range))) {
          names.add(queued.name);
        }
      }
    }
    return names;
  }

  List<String> underWay() {
    List<String> all = new ArrayList<>();
    streams.values().forEach(stream -> all.addAll(names(stream)));
    return all;
  }

  private static List<String> names(Stream stream) {
    return stream.queue.stream().filter(q -> q.awaited == null).map(Queued::name).toList();
  }

  List<String> left() {
    List<String> left = new ArrayList<>();
    streams.keySet().forEach(id -> left.add("stream %x".formatted(id)));
    events.keySet().forEach(id -> left.add("event %x".formatted(id)));
    return left;
  }
}
