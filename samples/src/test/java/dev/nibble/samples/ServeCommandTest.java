package dev.nibble.samples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Locale;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ServeCommandTest {
  @ParameterizedTest
  @CsvSource({"1, 0.01", "1%, 0.01", "0.5, 0.005", "' 2.5 % ', 0.025", "0, 0", "100, 1"})
  void takesTheMarginInPerCentWithTheSignOrWithout(String text, double share) {
    assertThat(ServeCommand.marginOf(text)).isEqualTo(share);
  }

  @ParameterizedTest
  @CsvSource({"127.0.0.1, http://127.0.0.1:8080", "::1, http://[::1]:8080"})
  void saysWhereItIsInEveryLocale(String host, String address) {
    Locale before = Locale.getDefault(Locale.Category.FORMAT);
    Locale.setDefault(Locale.Category.FORMAT, Locale.forLanguageTag("fa-IR"));
    try {
      assertThat(ServeCommand.address(host, 8080)).isEqualTo(address);
    } finally {
      Locale.setDefault(Locale.Category.FORMAT, before);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"-1", "101", "100.5%", "NaN", "one", "%", ""})
  void refusesAMarginThatIsNone(String text) {
    assertThatThrownBy(() -> ServeCommand.marginOf(text))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("--margin is '" + text + "'");
  }
}
