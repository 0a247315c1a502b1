package dev.nibble.samples.serve;

import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue.JsonObject;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Iterator;
import java.util.Map;
import java.util.stream.Stream;

/** Asks a service over HTTP. */
final class Client implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final HttpClient http =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(PATIENCE).build();
  private final int port;

  Client(int port) {
    this.port = port;
  }

  /** An answer. */
  record Reply(int status, String text, HttpResponse<String> response) {
    JsonObject json() {
      return JsonParser.parse(text).asObject();
    }

    String error() {
      return json().get("error").asString();
    }

    String header(String name) {
      return response.headers().firstValue(name).orElse("");
    }
  }

  HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path)).timeout(PATIENCE);
  }

  Reply send(HttpRequest request) {
    try {
      HttpResponse<String> response = http.send(request, BodyHandlers.ofString());
      return new Reply(response.statusCode(), response.body(), response);
    } catch (IOException e) {
      throw new AssertionError("no answer to " + request, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }

  Reply get(String path) {
    return send(request(path).GET().build());
  }

  Reply post(String path, byte[] body) {
    return send(request(path).POST(BodyPublishers.ofByteArray(body)).build());
  }

  Reply post(String path, String body) {
    return send(request(path).POST(BodyPublishers.ofString(body)).build());
  }

  Reply post(String path) {
    return send(request(path).POST(BodyPublishers.noBody()).build());
  }

  Reply patch(String path, String body) {
    return send(request(path).method("PATCH", BodyPublishers.ofString(body)).build());
  }

  /** Sends pictures as the files of a form, as curl -F does. */
  Reply postForm(String path, Map<String, byte[]> files) {
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    files.forEach(
        (name, bytes) -> {
          String head =
              "--bound\r\nContent-Disposition: form-data; name=\"f\"; filename=\"%s\"\r\n\r\n"
                  .formatted(name);
          body.writeBytes(head.getBytes(StandardCharsets.UTF_8));
          body.writeBytes(bytes);
          body.writeBytes("\r\n".getBytes(StandardCharsets.UTF_8));
        });
    body.writeBytes("--bound--\r\n".getBytes(StandardCharsets.UTF_8));
    return send(
        request(path)
            .header("Content-Type", "multipart/form-data; boundary=bound")
            .POST(BodyPublishers.ofByteArray(body.toByteArray()))
            .build());
  }

  /** The body of an answer as it is, whose status must be 200. */
  byte[] bytes(String path) {
    try {
      HttpResponse<byte[]> response = http.send(request(path).build(), BodyHandlers.ofByteArray());
      if (response.statusCode() != 200) {
        throw new AssertionError("status " + response.statusCode());
      }
      return response.body();
    } catch (IOException e) {
      throw new AssertionError(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }

  Reply delete(String path) {
    return send(request(path).DELETE().build());
  }

  /** An event of the stream. */
  record Event(String name, JsonObject data) {}

  /** The events from now on; the first is the status as it is. Close it. */
  EventStream events() {
    return new EventStream(this);
  }

  /** Waits until no training runs, and returns the training's status then. */
  JsonObject awaitTraining() {
    try (EventStream events = events()) {
      while (true) {
        Event event = events.next();
        if (event.name().equals("status")) {
          JsonObject training = event.data().get("training").asObject();
          if (!training.get("state").asString().equals("running")) {
            return training;
          }
        }
      }
    }
  }

  /** Server-sent events. */
  static final class EventStream implements AutoCloseable {
    private final Stream<String> lines;
    private final Iterator<String> iterator;

    private EventStream(Client client) {
      try {
        HttpResponse<Stream<String>> response =
            client.http.send(client.request("/events").build(), BodyHandlers.ofLines());
        if (response.statusCode() != 200) {
          throw new AssertionError("status " + response.statusCode());
        }
        lines = response.body();
        iterator = lines.iterator();
      } catch (IOException e) {
        throw new AssertionError(e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new AssertionError(e);
      }
    }

    /** Waits for the next one. */
    Event next() {
      String name = "";
      while (true) {
        String line = iterator.next();
        if (line.startsWith("event: ")) {
          name = line.substring("event: ".length());
        } else if (line.startsWith("data: ")) {
          return new Event(name, JsonParser.parse(line.substring("data: ".length())).asObject());
        }
      }
    }

    /** Waits for the next one of that name. */
    JsonObject next(String name) {
      Event event = next();
      while (!event.name().equals(name)) {
        event = next();
      }
      return event.data();
    }

    /** Whether the service has ended the stream. */
    boolean hasEnded() {
      while (iterator.hasNext()) {
        iterator.next();
      }
      return true;
    }

    @Override
    public void close() {
      lines.close();
    }
  }

  @Override
  public void close() {
    http.shutdownNow();
    http.close();
  }
}
