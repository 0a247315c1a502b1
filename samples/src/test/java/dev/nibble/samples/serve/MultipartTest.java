package dev.nibble.samples.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MultipartTest {
  private static final String TYPE = "multipart/form-data; boundary=XX";
  private static final String FORM =
      """
      preamble
      --XX
      Content-Disposition: form-data; name="f"; filename="a \\"b\\".png"
      Content-Type: image/png

      one
      --two
      --XX \s
      content-disposition: form-data; name=g


      --XX

      last
      --XX--
      epilogue\
      """
          .replace("\n", "\r\n");

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static List<String> texts(String form, String type) {
    byte[] body = bytes(form);
    return Multipart.parts(body, type, 10).stream()
        .map(
            part ->
                part.name()
                    + "="
                    + new String(
                        Arrays.copyOfRange(body, part.from(), part.to()), StandardCharsets.UTF_8))
        .toList();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        TYPE,
        "Multipart/Form-Data;charset=utf-8; Boundary=\"XX\"",
        "multipart/form-data; boundary=XX; charset=utf-8"
      })
  void takesAFormApart(String type) {
    assertThat(texts(FORM, type)).containsExactly("a \"b\".png=one\r\n--two", "g=", "=last");
  }

  @Test
  void needsNoLineBeforeTheFirstPart() {
    assertThat(texts(FORM.substring("preamble\r\n".length()), TYPE)).hasSize(3);
  }

  @Test
  void keepsNamesInUtf8() {
    String form =
        "--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"café%22.png\"\r\n\r\nx\r\n--XX--";
    assertThat(texts(form, TYPE)).containsExactly("café\".png=x");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "text/plain",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/mixed; boundary=XX",
        ""
      })
  void refusesAnotherType(String type) {
    assertThatThrownBy(() -> Multipart.parts(bytes(FORM), type, 10))
        .isInstanceOf(HttpProblem.class)
        .hasMessageContaining("multipart/form-data");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "--XX",
        "--XX--",
        "--XX\r\n",
        "--XX\r\n--XX--",
        "--XX\r\nA: b\r\n\r\nx",
        "--XX\r\nA: b",
        "--XXY\r\n\r\nx\r\n--XX--",
        "nothing of the kind"
      })
  void refusesAFormThatIsNotWhole(String form) {
    assertThatThrownBy(() -> Multipart.parts(bytes(form), TYPE, 10))
        .isInstanceOf(HttpProblem.class);
  }

  @Test
  void refusesMorePartsThanItIsToTake() {
    assertThat(Multipart.parts(bytes(FORM), TYPE, 3)).hasSize(3);
    assertThatThrownBy(() -> Multipart.parts(bytes(FORM), TYPE, 2))
        .isInstanceOf(HttpProblem.class)
        .hasMessageContaining("more than 2");
  }

  /** Whatever arrives: parts within the body, or a sentence. */
  @Test
  void survivesAnyBytes() {
    long seed = System.nanoTime();
    SplittableRandom random = new SplittableRandom(seed);
    for (int trial = 0; trial < 20_000; trial++) {
      byte[] body = bytes(FORM);
      for (int i = random.nextInt(4); i >= 0; i--) {
        body[random.nextInt(body.length)] = (byte) "\r\n-X: \"\\".charAt(random.nextInt(8));
      }
      body = Arrays.copyOf(body, random.nextInt(body.length + 1));
      try {
        int end = 0;
        for (Multipart.Part part : Multipart.parts(body, TYPE, 10)) {
          assertThat(part.from()).as("seed %d", seed).isBetween(end, part.to());
          end = part.to();
        }
        assertThat(end).as("seed %d", seed).isLessThanOrEqualTo(body.length);
      } catch (HttpProblem e) {
        assertThat(e.sentence()).as("seed %d", seed).endsWith(".");
      }
    }
  }
}
