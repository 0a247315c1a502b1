package dev.nibble.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SuiteOptionsTest {
  @Test
  void readsEveryOption(@TempDir Path folder) {
    Path file = folder.resolve("results.json");
    SuiteOptions options =
        SuiteOptions.parse(
            "--quick",
            "--only",
            "stage.*3x3",
            "--threads",
            "3",
            "--json",
            file.toString(),
            "--peers");
    assertThat(options.quick()).isTrue();
    assertThat(options.only().pattern()).isEqualTo("stage.*3x3");
    assertThat(options.threads()).isEqualTo(3);
    assertThat(options.json()).isEqualTo(file.toAbsolutePath());
    assertThat(options.peers()).isTrue();
    assertThat(options.list()).isFalse();
    assertThat(options.command()).startsWith("nibble bench --quick --only stage.*3x3");
  }

  @Test
  void takesAllCoresAndEverythingByDefault() {
    SuiteOptions options = SuiteOptions.parse();
    assertThat(options.threads()).isEqualTo(Runtime.getRuntime().availableProcessors());
    assertThat(options.only().matcher("step resnet20 int4").find()).isTrue();
    assertThat(options.json()).isNull();
    assertThat(options.command()).isEqualTo("nibble bench");
  }

  @ParameterizedTest
  @CsvSource({
    "--fast, , Unknown argument '--fast'",
    "--only, , needs a value",
    "--only, (, is no regular expression",
    "--threads, , needs a value",
    "--threads, 0, 1 to 1024",
    "--threads, two, 1 to 1024",
    "--threads, 99999999999, 1 to 1024",
    "--json, , needs a value",
    "--json, no/such/folder/x.json, folder that exists",
    "--json, ., folder that exists"
  })
  void badArgumentsGiveASentence(String option, @Nullable String value, String expected) {
    String[] arguments = value == null ? new String[] {option} : new String[] {option, value};
    assertThatIllegalArgumentException()
        .isThrownBy(() -> SuiteOptions.parse(arguments))
        .withMessageContaining(expected);
  }
}
