package dev.nibble.engine.json;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** One immutable JSON value; objects keep the order in which their members were given. */
public sealed interface JsonValue {
  /** The names of the kinds, for messages. */
  private static String kind(JsonValue value) {
    return switch (value) {
      case JsonObject o -> "an object";
      case JsonArray a -> "an array";
      case JsonString s -> "a string";
      case JsonNumber n -> "the number " + n.text();
      case JsonBoolean b -> "the boolean " + b.value();
      case JsonNull n -> "null";
    };
  }

  /**
   * Returns this value as an object.
   *
   * @throws JsonException if it is of another kind
   */
  default JsonObject asObject() {
    if (this instanceof JsonObject o) {
      return o;
    }
    throw new JsonException("expected an object but found " + kind(this));
  }

  /**
   * Returns the values of this array.
   *
   * @throws JsonException if it is of another kind
   */
  default List<JsonValue> asList() {
    if (this instanceof JsonArray a) {
      return a.values();
    }
    throw new JsonException("expected an array but found " + kind(this));
  }

  /**
   * Returns the characters of this string.
   *
   * @throws JsonException if it is of another kind
   */
  default String asString() {
    if (this instanceof JsonString s) {
      return s.value();
    }
    throw new JsonException("expected a string but found " + kind(this));
  }

  /**
   * Returns this whole number, which must be written without fraction and exponent.
   *
   * @throws JsonException if it is of another kind, not whole, or beyond 64 bits
   */
  default long asLong() {
    if (this instanceof JsonNumber n) {
      try {
        return Long.parseLong(n.text());
      } catch (NumberFormatException e) {
        throw new JsonException("expected a whole number of 64 bits but found " + n.text());
      }
    }
    throw new JsonException("expected a whole number but found " + kind(this));
  }

  /**
   * Returns this number as the nearest double.
   *
   * @throws JsonException if it is of another kind or beyond the range of a double
   */
  default double asDouble() {
    if (this instanceof JsonNumber n) {
      double value = Double.parseDouble(n.text());
      if (Double.isFinite(value)) {
        return value;
      }
      throw new JsonException("the number " + n.text() + " is beyond the range of a double");
    }
    throw new JsonException("expected a number but found " + kind(this));
  }

  /**
   * Returns this boolean.
   *
   * @throws JsonException if it is of another kind
   */
  default boolean asBoolean() {
    if (this instanceof JsonBoolean b) {
      return b.value();
    }
    throw new JsonException("expected true or false but found " + kind(this));
  }

  /** Returns a string value. */
  static JsonValue of(String value) {
    return new JsonString(value);
  }

  /** Returns a whole number. */
  static JsonValue of(long value) {
    return new JsonNumber(Long.toString(value));
  }

  /**
   * Returns a number that reads back as exactly this double.
   *
   * @throws IllegalArgumentException if the value is not finite, which JSON cannot say
   */
  static JsonValue of(double value) {
    return new JsonNumber(Double.toString(requireFinite(value)));
  }

  /**
   * Returns a number with the shortest digits that read back as exactly this float.
   *
   * @throws IllegalArgumentException if the value is not finite, which JSON cannot say
   */
  static JsonValue of(float value) {
    requireFinite(value);
    return new JsonNumber(Float.toString(value));
  }

  /** Returns true or false. */
  static JsonValue of(boolean value) {
    return new JsonBoolean(value);
  }

  /** Returns an array of these values, in their order. */
  static JsonValue array(Collection<? extends JsonValue> values) {
    return new JsonArray(List.copyOf(values));
  }

  /** Returns an array of whole numbers. */
  static JsonValue array(long... values) {
    List<JsonValue> list = new ArrayList<>(values.length);
    for (long value : values) {
      list.add(of(value));
    }
    return new JsonArray(list);
  }

  /** Returns an object of strings, in the order of the map. */
  static JsonValue object(Map<String, String> members) {
    JsonObject.Builder builder = JsonObject.builder();
    members.forEach(builder::put);
    return builder.build();
  }

  private static double requireFinite(double value) {
    if (!Double.isFinite(value)) {
      throw new IllegalArgumentException("JSON has no number " + value);
    }
    return value;
  }

  /** A string of valid UTF-16. */
  record JsonString(String value) implements JsonValue {}

  /** A number, kept as the text of its literal so that no digit is lost. */
  record JsonNumber(String text) implements JsonValue {
    /**
     * Checks that the text is a number by JSON's grammar.
     *
     * @throws IllegalArgumentException if it is not
     */
    public JsonNumber {
      if (NumberGrammar.end(text, 0) != text.length()) {
        throw new IllegalArgumentException("'" + text + "' is not a JSON number");
      }
    }
  }

  /** True or false. */
  record JsonBoolean(boolean value) implements JsonValue {}

  /** The value null. */
  record JsonNull() implements JsonValue {}

  /** An array. */
  record JsonArray(List<JsonValue> values) implements JsonValue {
    /** Copies the list. */
    public JsonArray {
      values = List.copyOf(values);
    }
  }

  /** An object; equal to another with the same members in any order. */
  record JsonObject(Map<String, JsonValue> members) implements JsonValue {
    /** Copies the map and its order. */
    public JsonObject {
      members = Collections.unmodifiableMap(new LinkedHashMap<>(members));
    }

    /** Returns the member of this name, or null if there is none. */
    public @Nullable JsonValue find(String name) {
      return members.get(name);
    }

    /**
     * Returns the member of this name.
     *
     * @throws JsonException if there is none
     */
    public JsonValue get(String name) {
      JsonValue value = members.get(name);
      if (value == null) {
        throw new JsonException("the member '" + name + "' is missing");
      }
      return value;
    }

    /**
     * Returns the members as strings, in their order.
     *
     * @throws JsonException naming the member that is not a string
     */
    public Map<String, String> asStrings() {
      Map<String, String> strings = new LinkedHashMap<>();
      members.forEach(
          (name, value) -> {
            if (!(value instanceof JsonString s)) {
              throw new JsonException(
                  "the member '" + name + "' is " + kind(value) + ", no string");
            }
            strings.put(name, s.value());
          });
      return Collections.unmodifiableMap(strings);
    }

    /** Returns an empty builder. */
    public static Builder builder() {
      return new Builder();
    }

    /** Collects members in order; a name may be given once. */
    public static final class Builder {
      private final Map<String, JsonValue> members = new LinkedHashMap<>();

      private Builder() {}

      /**
       * Adds a member.
       *
       * @throws IllegalArgumentException if the name was given before
       */
      public Builder put(String name, JsonValue value) {
        if (members.putIfAbsent(name, value) != null) {
          throw new IllegalArgumentException("the member '" + name + "' was given twice");
        }
        return this;
      }

      /** Adds a string. */
      public Builder put(String name, String value) {
        return put(name, of(value));
      }

      /** Adds a whole number. */
      public Builder put(String name, long value) {
        return put(name, of(value));
      }

      /** Adds a finite double. */
      public Builder put(String name, double value) {
        return put(name, of(value));
      }

      /** Adds a finite float with the shortest digits that read back exactly. */
      public Builder put(String name, float value) {
        return put(name, of(value));
      }

      /** Adds true or false. */
      public Builder put(String name, boolean value) {
        return put(name, of(value));
      }

      /** Returns the object. */
      public JsonObject build() {
        return new JsonObject(members);
      }
    }
  }
}
