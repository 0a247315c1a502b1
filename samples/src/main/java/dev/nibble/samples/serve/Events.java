package dev.nibble.samples.serve;

import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonWriter;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Passes events to all that listen. Who publishes never waits: a listener that does not keep up is
 * cut off, to come back and read the state anew.
 */
final class Events implements AutoCloseable {
  private static final int MOST_WAITING = 512;

  private final List<Subscription> subscriptions = new CopyOnWriteArrayList<>();
  private volatile boolean closed;

  /** An event on its way: its name and a line of JSON. */
  record Event(String name, String data) {
    static Event of(String name, JsonValue data) {
      return new Event(name, JsonWriter.compact(data));
    }
  }

  /** What one listener has not read yet. */
  static final class Subscription {
    private static final Event END = new Event("", "");

    private final BlockingQueue<Event> queue = new ArrayBlockingQueue<>(MOST_WAITING);
    private volatile boolean ended;

    /** Waits for the next event; null if none came in that time. See {@link #hasEnded}. */
    @Nullable Event poll(long seconds) throws InterruptedException {
      Event event = queue.poll(seconds, TimeUnit.SECONDS);
      return event == null || event.equals(END) ? null : event;
    }

    /** Whether no more will come. */
    boolean hasEnded() {
      return ended;
    }

    void offer(Event event) {
      if (!queue.offer(event)) {
        end();
      }
    }

    void end() {
      ended = true;
      queue.clear();
      queue.offer(END); // wakes a reader that waits; where there is no room, none waits
    }
  }

  /** Listens from now on. */
  Subscription subscribe() {
    Subscription subscription = new Subscription();
    subscriptions.add(subscription);
    if (closed) {
      subscription.end();
    }
    return subscription;
  }

  void unsubscribe(Subscription subscription) {
    subscriptions.remove(subscription);
  }

  /** How many listen. */
  int listeners() {
    return subscriptions.size();
  }

  void publish(String name, JsonValue data) {
    if (subscriptions.isEmpty()) {
      return;
    }
    Event event = Event.of(name, data);
    subscriptions.forEach(s -> s.offer(event));
  }

  /** Ends all listening. */
  @Override
  public void close() {
    closed = true;
    subscriptions.forEach(Subscription::end);
  }
}
