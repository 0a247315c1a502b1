package dev.nibble.engine.json;

import java.util.Iterator;
import java.util.Map;

/** Writes values as JSON text; the same value always gives the same characters. */
public final class JsonWriter {
  private final StringBuilder out = new StringBuilder();
  private final boolean indented;

  private JsonWriter(boolean indented) {
    this.indented = indented;
  }

  /**
   * Returns the value on one line without spaces, as a line of a .jsonl file.
   *
   * @throws IllegalArgumentException if a string holds a lone surrogate, which UTF-8 cannot carry
   */
  public static String compact(JsonValue value) {
    JsonWriter writer = new JsonWriter(false);
    writer.value(value, 0);
    return writer.out.toString();
  }

  /**
   * Returns the value over several lines, two spaces a level, without a line end after the last.
   *
   * @throws IllegalArgumentException if a string holds a lone surrogate, which UTF-8 cannot carry
   */
  public static String indented(JsonValue value) {
    JsonWriter writer = new JsonWriter(true);
    writer.value(value, 0);
    return writer.out.toString();
  }

  private void value(JsonValue value, int level) {
    switch (value) {
      case JsonValue.JsonObject o -> object(o, level);
      case JsonValue.JsonArray a -> array(a, level);
      case JsonValue.JsonString s -> string(s.value());
      case JsonValue.JsonNumber n -> out.append(n.text());
      case JsonValue.JsonBoolean b -> out.append(b.value());
      case JsonValue.JsonNull n -> out.append("null");
    }
  }

  private void object(JsonValue.JsonObject object, int level) {
    if (object.members().isEmpty()) {
      out.append("{}");
      return;
    }
    out.append('{');
    Iterator<Map.Entry<String, JsonValue>> members = object.members().entrySet().iterator();
    while (members.hasNext()) {
      Map.Entry<String, JsonValue> member = members.next();
      line(level + 1);
      string(member.getKey());
      out.append(indented ? ": " : ":");
      value(member.getValue(), level + 1);
      if (members.hasNext()) {
        out.append(',');
      }
    }
    line(level);
    out.append('}');
  }

  private void array(JsonValue.JsonArray array, int level) {
    if (array.values().isEmpty()) {
      out.append("[]");
      return;
    }
    out.append('[');
    Iterator<JsonValue> values = array.values().iterator();
    while (values.hasNext()) {
      line(level + 1);
      value(values.next(), level + 1);
      if (values.hasNext()) {
        out.append(',');
      }
    }
    line(level);
    out.append(']');
  }

  private void line(int level) {
    if (indented) {
      out.append('\n').repeat("  ", level);
    }
  }

  private void string(String value) {
    out.append('"');
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        default -> {
          if (c < ' ') {
            out.append(String.format("\\u%04x", (int) c));
          } else {
            requirePaired(value, i);
            out.append(c);
          }
        }
      }
    }
    out.append('"');
  }

  private static void requirePaired(String value, int i) {
    char c = value.charAt(i);
    boolean lone =
        Character.isHighSurrogate(c)
            ? i + 1 == value.length() || !Character.isLowSurrogate(value.charAt(i + 1))
            : Character.isLowSurrogate(c)
                && (i == 0 || !Character.isHighSurrogate(value.charAt(i - 1)));
    if (lone) {
      throw new IllegalArgumentException("the string has a lone surrogate at index " + i);
    }
  }
}
