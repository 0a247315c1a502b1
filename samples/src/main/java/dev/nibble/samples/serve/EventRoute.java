package dev.nibble.samples.serve;

import io.javalin.http.Context;
import jakarta.servlet.ServletOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/**
 * Server-sent events: the status at once, then whatever is published, until either side ends it.
 */
final class EventRoute {
  private static final long HEARTBEAT_SECONDS = 15;
  private static final int MOST_LISTENERS = 64;

  private final Events events;
  private final TrainingBoard board;

  EventRoute(Events events, TrainingBoard board) {
    this.events = events;
    this.board = board;
  }

  void addTo(Api.Routes routes) {
    routes.stream("/events", this::listen);
  }

  /** Stays on the request's own thread, a virtual one: waiting costs nothing else. */
  private void listen(Context request) throws IOException, InterruptedException {
    if (events.listeners() >= MOST_LISTENERS) {
      throw new HttpProblem(
          HttpProblem.TOO_MANY, "Too many pages listen to this service: close some.", 10);
    }
    Events.Subscription subscription = events.subscribe();
    try {
      request.status(Answer.OK).contentType("text/event-stream; charset=utf-8");
      ServletOutputStream out = request.res().getOutputStream();
      send(out, Events.Event.of("status", board.toJson()));
      while (!subscription.hasEnded()) {
        Events.Event event = subscription.poll(HEARTBEAT_SECONDS);
        if (!subscription.hasEnded()) {
          send(out, event == null ? Events.Event.of("status", board.toJson()) : event);
        }
      }
    } catch (IOException e) {
      // The client has gone, as clients do.
      assert events.listeners() > 0;
    } finally {
      events.unsubscribe(subscription);
    }
  }

  private static void send(ServletOutputStream out, Events.Event event) throws IOException {
    String text = "event: " + event.name() + "\ndata: " + event.data() + "\n\n";
    out.write(text.getBytes(StandardCharsets.UTF_8));
    out.flush();
  }
}
