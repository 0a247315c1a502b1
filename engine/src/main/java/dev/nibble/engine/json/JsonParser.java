package dev.nibble.engine.json;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads JSON exactly as RFC 8259 writes it, and refuses what it leaves open.
 *
 * <p>Refused are duplicate names, lone surrogates, a byte order mark and anything after the value.
 */
public final class JsonParser {
  private final String text;
  private final JsonLimits limits;
  private int at;
  private int values;

  private JsonParser(String text, JsonLimits limits) {
    this.text = text;
    this.limits = limits;
  }

  /**
   * Parses a whole text within the default limits.
   *
   * @throws JsonException with the place of the first fault
   */
  public static JsonValue parse(String text) {
    return parse(text, JsonLimits.DEFAULT);
  }

  /**
   * Parses a whole text.
   *
   * @throws JsonException with the place of the first fault, or if a limit is passed
   */
  public static JsonValue parse(String text, JsonLimits limits) {
    if (text.length() > limits.maxLength()) {
      throw new JsonException(
          "the text has " + text.length() + " characters, at most " + limits.maxLength() + " pass");
    }
    JsonParser parser = new JsonParser(text, limits);
    JsonValue value = parser.value(0);
    parser.space();
    if (parser.at < text.length()) {
      throw parser.fault("unexpected " + parser.found() + " after the value");
    }
    return value;
  }

  /**
   * Parses a whole text that is given as UTF-8.
   *
   * @throws JsonException with the place of the first fault, if a limit is passed, or if the bytes
   *     are not UTF-8
   */
  public static JsonValue parseUtf8(byte[] utf8, JsonLimits limits) {
    if (utf8.length > limits.maxLength()) {
      throw new JsonException(
          "the text has " + utf8.length + " bytes, at most " + limits.maxLength() + " pass");
    }
    try {
      return parse(
          StandardCharsets.UTF_8
              .newDecoder()
              .onMalformedInput(CodingErrorAction.REPORT)
              .onUnmappableCharacter(CodingErrorAction.REPORT)
              .decode(ByteBuffer.wrap(utf8))
              .toString(),
          limits);
    } catch (CharacterCodingException e) {
      throw new JsonException("the text is not UTF-8");
    }
  }

  private JsonValue value(int depth) {
    space();
    if (++values > limits.maxValues()) {
      throw fault("more than " + limits.maxValues() + " values");
    }
    return switch (peek()) {
      case '{' -> object(depth + 1);
      case '[' -> array(depth + 1);
      case '"' -> new JsonValue.JsonString(string());
      case 't' -> word("true", new JsonValue.JsonBoolean(true));
      case 'f' -> word("false", new JsonValue.JsonBoolean(false));
      case 'n' -> word("null", new JsonValue.JsonNull());
      default -> number();
    };
  }

  private JsonValue object(int depth) {
    enter(depth);
    Map<String, JsonValue> members = new LinkedHashMap<>();
    space();
    if (peek() == '}') {
      at++;
      return new JsonValue.JsonObject(members);
    }
    while (true) {
      space();
      if (peek() != '"') {
        throw fault("expected a name in quotes but found " + found());
      }
      int nameAt = at;
      String name = string();
      if (members.containsKey(name)) {
        at = nameAt;
        throw fault("the name '" + name + "' stands twice in one object");
      }
      space();
      expect(':');
      members.put(name, value(depth));
      space();
      if (peek() == '}') {
        at++;
        return new JsonValue.JsonObject(members);
      }
      expect(',');
    }
  }

  private JsonValue array(int depth) {
    enter(depth);
    List<JsonValue> list = new ArrayList<>();
    space();
    if (peek() == ']') {
      at++;
      return new JsonValue.JsonArray(list);
    }
    while (true) {
      list.add(value(depth));
      space();
      if (peek() == ']') {
        at++;
        return new JsonValue.JsonArray(list);
      }
      expect(',');
    }
  }

  private void enter(int depth) {
    if (depth > limits.maxDepth()) {
      throw fault("nested deeper than " + limits.maxDepth());
    }
    at++;
  }

  private JsonValue word(String word, JsonValue value) {
    if (!text.startsWith(word, at)) {
      throw fault("expected a value but found " + found());
    }
    at += word.length();
    return value;
  }

  private JsonValue number() {
    char first = peek();
    if (first != '-' && (first < '0' || first > '9')) {
      throw fault("expected a value but found " + found());
    }
    int end = NumberGrammar.end(text, at);
    if (end < 0) {
      throw fault("incomplete number");
    }
    JsonValue value = new JsonValue.JsonNumber(text.substring(at, end));
    at = end;
    return value;
  }

  private String string() {
    int start = at++;
    StringBuilder out = new StringBuilder();
    while (true) {
      if (at >= text.length()) {
        at = start;
        throw fault("the string is not closed");
      }
      char c = text.charAt(at);
      if (c == '"') {
        at++;
        return out.toString();
      } else if (c < ' ') {
        throw fault("unescaped control character " + found() + " in a string");
      } else if (c == '\\') {
        escape(out);
      } else {
        // Plain surrogates come in pairs or not at all, like escaped ones.
        requirePaired(out, c);
        out.append(c);
        at++;
      }
      if (Character.isHighSurrogate(out.charAt(out.length() - 1)) && !surrogateFollows()) {
        throw fault("lone surrogate in a string");
      }
    }
  }

  private void escape(StringBuilder out) {
    int start = at++;
    char c = peek();
    at++;
    switch (c) {
      case '"', '\\', '/' -> out.append(c);
      case 'b' -> out.append('\b');
      case 'f' -> out.append('\f');
      case 'n' -> out.append('\n');
      case 'r' -> out.append('\r');
      case 't' -> out.append('\t');
      case 'u' -> {
        char unit = hex4(start);
        requirePaired(out, unit);
        out.append(unit);
      }
      default -> {
        at = start;
        throw fault("unknown escape in a string");
      }
    }
  }

  private char hex4(int start) {
    int unit = 0;
    for (int i = 0; i < 4; i++) {
      char c = peek();
      // Character.digit alone would take the digits of every script.
      int digit = c < 128 ? Character.digit(c, 16) : -1;
      if (digit < 0) {
        at = start;
        throw fault("an escape \\u needs four hexadecimal digits");
      }
      unit = unit << 4 | digit;
      at++;
    }
    return (char) unit;
  }

  private void requirePaired(StringBuilder before, char unit) {
    int n = before.length();
    if (Character.isLowSurrogate(unit)
        && (n == 0 || !Character.isHighSurrogate(before.charAt(n - 1)))) {
      throw fault("lone surrogate in a string");
    }
  }

  /** After a high surrogate: does a low one follow, plain or escaped? */
  private boolean surrogateFollows() {
    char c = peek();
    if (c != '\\') {
      return Character.isLowSurrogate(c);
    }
    return text.startsWith("\\u", at)
        && at + 4 <= text.length()
        && (text.charAt(at + 2) == 'd' || text.charAt(at + 2) == 'D')
        && "cdefCDEF".indexOf(text.charAt(at + 3)) >= 0;
  }

  private void space() {
    while (at < text.length() && " \t\n\r".indexOf(text.charAt(at)) >= 0) {
      at++;
    }
  }

  private void expect(char c) {
    if (peek() != c) {
      throw fault("expected '" + c + "' but found " + found());
    }
    at++;
  }

  /** The next character, or NUL at the end: NUL is legal nowhere outside a string. */
  private char peek() {
    return at < text.length() ? text.charAt(at) : '\0';
  }

  private String found() {
    if (at >= text.length()) {
      return "the end of the text";
    }
    char c = text.charAt(at);
    return c > ' ' && c < 127 ? "'" + c + "'" : String.format("U+%04X", (int) c);
  }

  private JsonException fault(String sentence) {
    return new JsonException(sentence, text, Math.min(at, text.length()));
  }
}
