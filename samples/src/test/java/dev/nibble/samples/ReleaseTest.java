package dev.nibble.samples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a release relies on. */
class ReleaseTest {
  private static final Path ROOT = Path.of(System.getProperty("nibble.root", ".."));
  private static final Pattern EXPORTED = Pattern.compile("exports ([a-z.]+);");
  private static final Pattern COMPARED =
      Pattern.compile("<include>(dev\\.nibble[a-z.]*)</include>");

  private static String revision() throws IOException {
    Matcher revision =
        Pattern.compile("<revision>(.*)</revision>")
            .matcher(Files.readString(ROOT.resolve("pom.xml")));
    assertThat(revision.find()).isTrue();
    return revision.group(1);
  }

  /** The POM says it, the command repeats it, and what users copy from the README is that. */
  @Test
  void theVersionIsSetInOnePlace() throws IOException {
    String version = revision();
    assertThat(Release.version()).isEqualTo(version);
    Matcher named =
        Pattern.compile("<version>([^<]*)</version>|nibble-bom:([0-9A-Za-z.-]+)")
            .matcher(Files.readString(ROOT.resolve("README.md")));
    int count = 0;
    while (named.find()) {
      count++;
      assertThat(named.group(1) == null ? named.group(2) : named.group(1)).isEqualTo(version);
    }
    assertThat(count).isPositive();
  }

  /** The comparison with the last release looks at all that users may compile against. */
  @ParameterizedTest
  @ValueSource(strings = {"memory", "simd-kernels", "engine"})
  void everyExportedPackageIsComparedWithTheLastRelease(String module) throws IOException {
    Path folder = ROOT.resolve(module);
    List<String> exported =
        all(EXPORTED, Files.readString(folder.resolve("src/main/java/module-info.java")));
    assertThat(all(COMPARED, Files.readString(folder.resolve("pom.xml"))))
        .isNotEmpty()
        .containsExactlyInAnyOrderElementsOf(exported);
  }

  private static List<String> all(Pattern pattern, String text) {
    return pattern.matcher(text).results().map(match -> match.group(1)).toList();
  }

  @Test
  void notesComeFromTheChangelog() throws Exception {
    String changelog = Files.readString(ROOT.resolve("CHANGELOG.md"));
    Matcher head = Pattern.compile("(?m)^## \\[([^]]+)]").matcher(changelog);
    assertThat(head.find()).isTrue();
    String notes = notes(head.group(1), 0);
    assertThat(notes).isNotBlank().doesNotContain("\n## ");
    assertThat(changelog).contains(notes.strip().lines().toList().getLast());
    assertThat(notes("0.0.0", 1)).contains("no part headed '## [0.0.0]'");
  }

  private static String notes(String version, int code) throws Exception {
    Process process =
        new ProcessBuilder(ROOT.resolve(".ci/notes").toString(), version)
            .redirectErrorStream(true)
            .start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(output).isEqualTo(code);
    return output;
  }
}
