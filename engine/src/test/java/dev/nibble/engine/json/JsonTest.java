package dev.nibble.engine.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.nibble.engine.json.JsonValue.JsonObject;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTest {
  @Test
  void readsEveryKindOfValue() {
    JsonObject o =
        JsonParser.parse(
                " { \"s\" : \"a\\n\\u00e9\\ud83d\\ude00\u00fc\", \"n\":-12, \"d\":1.5E-3,\r\n"
                    + "\"t\":true,\"f\":false,\"z\":null,\"a\":[1,[ ],{ }] }\t")
            .asObject();
    assertThat(o.get("s").asString()).isEqualTo("a\n\u00e9\ud83d\ude00\u00fc");
    assertThat(o.get("n").asLong()).isEqualTo(-12);
    assertThat(o.get("d").asDouble()).isEqualTo(0.0015);
    assertThat(o.get("t").asBoolean()).isTrue();
    assertThat(o.get("f").asBoolean()).isFalse();
    assertThat(o.get("z")).isEqualTo(new JsonValue.JsonNull());
    assertThat(o.get("a").asList()).hasSize(3);
    assertThat(o.find("none")).isNull();
    assertThat(o.members().keySet()).containsExactly("s", "n", "d", "t", "f", "z", "a");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "``|expected a value but found the end of the text at line 1, column 1",
        "[1,]|expected a value but found ']' at line 1, column 4",
        "{\"a\":1,}|expected a name in quotes but found '}' at line 1, column 8",
        "{\"a\":1,\"a\":2}|the name 'a' stands twice in one object at line 1, column 8",
        "{\"a\":1,\"\\u0061\":2}|the name 'a' stands twice in one object at line 1, column 8",
        "{a:1}|expected a name in quotes but found 'a' at line 1, column 2",
        "[1 2]|expected ',' but found '2' at line 1, column 4",
        "{\"a\" 1}|expected ':' but found '1' at line 1, column 6",
        "[1] x|unexpected 'x' after the value at line 1, column 5",
        "tru|expected a value but found 't' at line 1, column 1",
        "NaN|expected a value but found 'N' at line 1, column 1",
        "01|unexpected '1' after the value at line 1, column 2",
        "-|incomplete number at line 1, column 1",
        "1.|incomplete number at line 1, column 1",
        "1e+|incomplete number at line 1, column 1",
        "+1|expected a value but found '+' at line 1, column 1",
        ".5|expected a value but found '.' at line 1, column 1",
        "\"abc|the string is not closed at line 1, column 1",
        "\"\\x\"|unknown escape in a string at line 1, column 2",
        "\"\\u12g4\"|an escape \\u needs four hexadecimal digits at line 1, column 2",
        "\"\\ud800\"|lone surrogate in a string at line 1, column 8",
        "\"\\ud800\\n\"|lone surrogate in a string at line 1, column 8",
        "\"\\udc00\"|lone surrogate in a string at line 1, column 8",
        "'a'|expected a value but found ''' at line 1, column 1",
      })
  void namesThePlaceOfAFault(String text, String message) {
    assertThatExceptionOfType(JsonException.class)
        .isThrownBy(() -> JsonParser.parse(text))
        .withMessage(message);
  }

  @Test
  void countsLinesAndRefusesControlCharactersAndByteOrderMarks() {
    JsonException e =
        catchThrowableOfType(JsonException.class, () -> JsonParser.parse("[\n  1,\n \"a\tb\"]"));
    assertThat(e).hasMessageContaining("U+0009").hasMessageContaining("at line 3, column 4");
    assertThat(e.offset()).isEqualTo(10);
    assertThatExceptionOfType(JsonException.class)
        .isThrownBy(() -> JsonParser.parse("\ufeff1"))
        .withMessageContaining("U+FEFF");
    assertThatExceptionOfType(JsonException.class).isThrownBy(() -> JsonParser.parse("\0"));
  }

  @Test
  void keepsItsLimits() {
    JsonLimits limits = new JsonLimits(3, 20, 5);
    assertThat(JsonParser.parse("[[[1]]]", limits).asList()).hasSize(1);
    assertThatExceptionOfType(JsonException.class)
        .isThrownBy(() -> JsonParser.parse("[[[[1]]]]", limits))
        .withMessage("nested deeper than 3 at line 1, column 4");
    assertThatExceptionOfType(JsonException.class)
        .isThrownBy(() -> JsonParser.parse("[1,2,3,4,5]", limits))
        .withMessageContaining("more than 5 values");
    assertThatExceptionOfType(JsonException.class)
        .isThrownBy(() -> JsonParser.parse(" ".repeat(21), limits))
        .withMessageContaining("21 characters");
    assertThatExceptionOfType(JsonException.class)
        .isThrownBy(() -> JsonParser.parse("[".repeat(1_000_000)))
        .withMessageContaining("nested deeper than 64");
    assertThatIllegalArgumentException().isThrownBy(() -> new JsonLimits(1001, 1, 1));
  }

  @Test
  void aHostileNameDoesNotMakeALongMessage() {
    String name = "n".repeat(100_000);
    assertThatExceptionOfType(JsonException.class)
        .isThrownBy(() -> JsonParser.parse("{\"" + name + "\":1,\"" + name + "\":1}"))
        .satisfies(e -> assertThat(e.getMessage()).hasSizeLessThan(300));
  }

  @Test
  void refusesBytesThatAreNotUtf8() {
    byte[] overlong = {'"', (byte) 0xC0, (byte) 0x80, '"'};
    assertThatExceptionOfType(JsonException.class)
        .isThrownBy(() -> JsonParser.parseUtf8(overlong, JsonLimits.DEFAULT))
        .withMessage("the text is not UTF-8");
  }

  @ParameterizedTest
  @ValueSource(strings = {"1.0", "1e3", "9223372036854775808", "\"1\"", "null"})
  void aWholeNumberIsWrittenAsOne(String text) {
    JsonValue value = JsonParser.parse(text);
    assertThatExceptionOfType(JsonException.class).isThrownBy(value::asLong);
  }

  @Test
  void saysWhatWasExpected() {
    JsonValue value = JsonParser.parse("{\"a\":[1e999]}");
    assertThatExceptionOfType(JsonException.class)
        .isThrownBy(value::asString)
        .withMessage("expected a string but found an object");
    assertThatExceptionOfType(JsonException.class)
        .isThrownBy(() -> value.asObject().get("b"))
        .withMessage("the member 'b' is missing");
    assertThatExceptionOfType(JsonException.class)
        .isThrownBy(() -> value.asObject().asStrings())
        .withMessage("the member 'a' is an array, no string");
    assertThatExceptionOfType(JsonException.class)
        .isThrownBy(() -> value.asObject().get("a").asList().getFirst().asDouble())
        .withMessageContaining("beyond the range");
  }

  @Test
  void writesInTheGivenOrder() {
    Map<String, String> strings = new LinkedHashMap<>();
    strings.put("z", "1");
    strings.put("a", "\"\\\n\t\r\u0001\u00e9\ud83d\ude00");
    JsonValue value =
        JsonObject.builder()
            .put("step", 7)
            .put("loss", 0.1f)
            .put("ratio", 1e-300)
            .put("last", true)
            .put("text", JsonValue.object(strings))
            .put("shape", JsonValue.array(3, -4))
            .put("none", JsonValue.array(List.of()))
            .build();
    assertThat(JsonWriter.compact(value))
        .isEqualTo(
            "{\"step\":7,\"loss\":0.1,\"ratio\":1.0E-300,\"last\":true,\"text\":{\"z\":\"1\",\"a\":\"\\\"\\\\\\n"
                + "\\t\\r"
                + "\\u0001\u00e9\ud83d\ude00\"},\"shape\":[3,-4],\"none\":[]}");
    assertThat(JsonWriter.indented(JsonParser.parse("{\"a\":[1,{}],\"b\":{\"c\":2}}")))
        .isEqualTo("{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": {\n    \"c\": 2\n  }\n}");
    assertThat(JsonParser.parse(JsonWriter.compact(value))).isEqualTo(value);
    assertThat(JsonParser.parse(JsonWriter.indented(value))).isEqualTo(value);
  }

  @Test
  void refusesToWriteWhatJsonCannotSay() {
    assertThatIllegalArgumentException().isThrownBy(() -> JsonValue.of(Double.NaN));
    assertThatIllegalArgumentException().isThrownBy(() -> JsonValue.of(Float.POSITIVE_INFINITY));
    assertThatIllegalArgumentException().isThrownBy(() -> new JsonValue.JsonNumber("0x1"));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> JsonWriter.compact(JsonValue.of("\ud800")));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> JsonObject.builder().put("a", 1).put("a", 2));
  }

  @Test
  void floatsAndDoublesReadBackExactly() {
    Random random = new Random(11);
    for (int i = 0; i < 2000; i++) {
      double d = Double.longBitsToDouble(random.nextLong());
      float f = Float.intBitsToFloat(random.nextInt());
      if (Double.isFinite(d)) {
        assertThat(JsonParser.parse(JsonWriter.compact(JsonValue.of(d))).asDouble()).isEqualTo(d);
      }
      if (Float.isFinite(f)) {
        assertThat((float) JsonParser.parse(JsonWriter.compact(JsonValue.of(f))).asDouble())
            .isEqualTo(f);
      }
    }
  }

  @Test
  void damagedTextGivesAValueOrAJsonException() {
    byte[] good =
        "{\"a\":[1,-2.5e3,\"x\\u00e9\\ud83d\\ude00\"],\"b\":{\"c\":null,\"d\":true}}"
            .getBytes(StandardCharsets.UTF_8);
    int refused = 0;
    for (int seed = 0; seed < 5000; seed++) {
      Random random = new Random(seed);
      byte[] bad = good.clone();
      for (int i = 0; i <= seed % 3; i++) {
        bad[random.nextInt(bad.length)] = (byte) random.nextInt(256);
      }
      try {
        JsonValue value = JsonParser.parseUtf8(bad, JsonLimits.DEFAULT);
        assertThat(JsonParser.parse(JsonWriter.compact(value)))
            .as("seed %d", seed)
            .isEqualTo(value);
      } catch (JsonException e) {
        refused++;
      }
    }
    assertThat(refused).isGreaterThan(2500);
  }
}
