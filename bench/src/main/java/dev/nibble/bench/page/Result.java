package dev.nibble.bench.page;

import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonBoolean;
import dev.nibble.engine.json.JsonValue.JsonNumber;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.engine.json.JsonValue.JsonString;

/**
 * One measured line of a run.
 *
 * @param kind codes, stage, step, inference, depth or peer
 * @param name what tells it from the others of its kind
 * @param json all that the run's file says of it
 */
record Result(String kind, String name, JsonObject json) {
  static Result of(JsonObject json) {
    return new Result(json.get("kind").asString(), json.get("name").asString(), json).checked();
  }

  /** Figures are read when the page is written: then no file could be named any more. */
  private Result checked() {
    for (String figure : new String[] {"seconds", "gflop", "bytes", "plan_mib", "saved_mib"}) {
      double value = number(figure);
      if (value <= 0) {
        throw new ResultsException("'%s' of '%s' is %s".formatted(figure, name, value));
      }
    }
    return this;
  }

  /** A figure, or NaN where there is none. */
  double number(String member) {
    JsonValue value = json.find(member);
    return value == null ? Double.NaN : value.asDouble();
  }

  /** Seconds of a call, or NaN where it was not measured. */
  double seconds() {
    return number("seconds");
  }

  /** Threads that computed, all told. */
  int threads(int ofTheRun) {
    JsonValue value = json.find("threads");
    return value == null ? ofTheRun : Math.toIntExact(value.asLong());
  }

  /** A benchmark's parameter, or a peer's argument; empty where it has none of that name. */
  String param(String key) {
    JsonValue params = json.find("params");
    JsonValue value = params == null ? json.find(key) : params.asObject().find(key);
    return value == null ? "" : text(value);
  }

  private static String text(JsonValue value) {
    return switch (value) {
      case JsonString s -> s.value();
      case JsonNumber n -> n.text();
      case JsonBoolean b -> Boolean.toString(b.value());
      default -> throw new ResultsException("a parameter is no text, number or boolean");
    };
  }
}
