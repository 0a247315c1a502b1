package dev.nibble.samples.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LabelsTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "café",
        "Äpfel",
        "猫",
        "кот",
        "القط",
        "می\u200Cخواهم",
        "👩\u200D🚀",
        "a/b",
        "<b>",
        "50 % & more",
        "'",
        "½"
      })
  void takesWhatCanBePrinted(String label) {
    assertThat(Labels.of(label, List.of())).isEqualTo(label);
  }

  @ParameterizedTest
  @CsvSource({
    "'cafe\u0301', café",
    "'  cat  ', cat",
    "'\u3000猫\u00A0', 猫",
    "'ﬁ', 'ﬁ'", // only the composed form: no letter becomes another
    "'\u1112\u1161\u11ab', 한"
  })
  void keepsTheComposedFormWithoutSpacesAround(String text, String label) {
    assertThat(Labels.of(text, List.of())).isEqualTo(label);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "\u3000",
        "a\u0000b",
        "a\nb",
        "a\u007Fb",
        "a\u0085b",
        "a\u200Bb",
        "a\u202Eb",
        "\uFEFFcat",
        "a\u2028b",
        "\uE000",
        "\u0378",
        "\uD83D",
        "caf\uFFFD",
        "\u0301",
        "\u200D",
        "a\u200D",
        "\u200Da"
      })
  void refusesWhatCannotAndSaysWhat(String label) {
    assertThatThrownBy(() -> Labels.of(label, List.of()))
        .isInstanceOf(HttpProblem.class)
        .hasMessageContaining("label");
  }

  @Test
  void namesTheCharacter() {
    assertThatThrownBy(() -> Labels.of("a\u202Eb", List.of())).hasMessageContaining("U+202E");
    assertThatThrownBy(() -> Labels.of("caf\uFFFD", List.of())).hasMessageContaining("UTF-8");
  }

  @Test
  void countsCharactersNotBytes() {
    String most = "😀".repeat(Labels.MOST_CHARACTERS);
    assertThat(Labels.of(most, List.of())).isEqualTo(most);
    assertThat(ExampleRecord.labelBytes(most)).isEqualTo(Labels.MOST_BYTES);
    assertThatThrownBy(() -> Labels.of(most + "a", List.of())).hasMessageContaining("65");
  }

  @Test
  void takesItsOwnClassesWhateverTheirNames() {
    String odd = " a\tb ";
    String longer = "x".repeat(200);
    List<String> known = List.of("cafe\u0301", odd, longer);
    assertThat(Labels.of("café", known)).isEqualTo("café");
    assertThat(Labels.of(odd, known)).isEqualTo(odd);
    assertThat(Labels.of(longer, known)).isEqualTo(longer);
  }
}
