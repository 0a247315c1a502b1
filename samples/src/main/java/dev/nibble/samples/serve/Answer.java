package dev.nibble.samples.serve;

import dev.nibble.engine.json.JsonValue;
import java.io.IOException;
import java.io.OutputStream;

/** What goes back to a client: a status of HTTP, a media type, and a body of known length. */
interface Answer extends AutoCloseable {
  int OK = 200;
  int CREATED = 201;
  int ACCEPTED = 202;

  int status();

  /** Media type of the body. */
  String type();

  /** The name under which a browser saves it, or "" to show it. */
  String fileName();

  /** Bytes of the body. */
  long length();

  /**
   * Writes the body, once.
   *
   * @throws IOException if the client is gone, or the disk fails
   */
  void writeTo(OutputStream out) throws IOException;

  /** Lets go of what the body is read from. */
  @Override
  default void close() throws IOException {}

  /** An answer of bytes, which are not to be changed any more. */
  static Answer of(int status, String type, byte[] body) {
    return new Bytes(status, type, body);
  }

  static Answer json(int status, JsonValue value) {
    return new Bytes(status, "application/json; charset=utf-8", Json.bytes(value));
  }

  static Answer ok(JsonValue value) {
    return json(OK, value);
  }

  static Answer error(int status, String sentence) {
    return json(status, Json.error(sentence));
  }

  /** An answer in memory. */
  @SuppressWarnings("ArrayRecordComponent") // made for one answer, never compared
  record Bytes(int status, String type, byte[] body) implements Answer {
    @Override
    public String fileName() {
      return "";
    }

    @Override
    public long length() {
      return body.length;
    }

    @Override
    public void writeTo(OutputStream out) throws IOException {
      out.write(body);
    }
  }
}
