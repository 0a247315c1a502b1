package dev.nibble.samples.serve;

import dev.nibble.engine.json.JsonValue;

/**
 * What goes back to a client.
 *
 * @param status of HTTP
 * @param type media type
 * @param body whole; not to be changed any more
 */
@SuppressWarnings("ArrayRecordComponent") // made for one answer, never compared
record Answer(int status, String type, byte[] body) {
  static final int OK = 200;
  static final int CREATED = 201;
  static final int ACCEPTED = 202;

  private static final String JSON = "application/json; charset=utf-8";

  static Answer json(int status, JsonValue value) {
    return new Answer(status, JSON, Json.bytes(value));
  }

  static Answer ok(JsonValue value) {
    return json(OK, value);
  }

  static Answer error(int status, String sentence) {
    return json(status, Json.error(sentence));
  }
}
