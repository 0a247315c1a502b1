package dev.nibble.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

/** A soak that misreads its time would be too short to tell anything. */
class SoakArgumentsTest {
  @Test
  void takesTwoHoursUnlessTold() {
    SoakArguments arguments = SoakArguments.parse("soak.json");
    assertThat(arguments.minutes()).isEqualTo(120);
    assertThat(arguments.rate()).isEqualTo(40);
    assertThat(arguments.file()).isAbsolute();
    assertThat(arguments.longestLifeMillis()).isEqualTo(18_000);
  }

  @Test
  void takesWhatItIsTold() {
    SoakArguments arguments =
        SoakArguments.parse("a.json", "--requests-per-second", "7.5", "--minutes", "2");
    assertThat(arguments.rate()).isEqualTo(7.5);
    assertThat(arguments.longestLifeMillis()).as("several lives in two minutes").isEqualTo(5_000);
    assertThat(arguments).hasToString("--minutes 2.0 --requests-per-second 7.5");
  }

  @Test
  void refusesTheRest() {
    String[][] wrong = {
      {},
      {"--minutes", "2"},
      {"a.json", "--minutes"},
      {"a.json", "--minutes", "two"},
      {"a.json", "--minutes", "0.1"},
      {"a.json", "--requests-per-second", "0"},
      {"a.json", "--hours", "2"}
    };
    for (String[] words : wrong) {
      assertThatThrownBy(() -> SoakArguments.parse(words))
          .as(String.join(" ", words))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("nibble bench --soak FILE");
    }
  }
}
