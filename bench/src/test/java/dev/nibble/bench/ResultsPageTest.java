package dev.nibble.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ResultsPageTest {
  @TempDir Path home;

  private static String complaint(int code, String... arguments) {
    PrintStream before = System.err;
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
    try {
      assertThat(ResultsPage.run(arguments)).isEqualTo(code);
    } finally {
      System.setErr(before);
    }
    return err.toString(StandardCharsets.UTF_8);
  }

  @Test
  void badJsonIsOneSentenceWithTheFilesName() throws IOException {
    Path broken = Files.writeString(home.resolve("suite.json"), "{\"results\": [1]}");
    assertThat(complaint(2, home.toString(), home.resolve("README.md").toString()))
        .startsWith("nibble: " + broken + " is no file of results (")
        .hasLineCount(1);
    assertThat(home.resolve("README.md")).doesNotExist();
  }

  @Test
  void aFolderThatIsNotThereIsBadInput() {
    String missing = home.resolve("nowhere").toString();
    assertThat(complaint(2, missing, "page.md")).contains("nowhere").hasLineCount(1);
  }

  @Test
  void argumentsAreExplained() {
    assertThat(complaint(2)).startsWith("usage: ResultsPage");
  }
}
