package dev.nibble.samples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunFolderTest {
  @TempDir Path temporary;

  private static void create(RunFolder folder, String epochs) {
    Settings settings = Settings.fresh();
    settings.free("epochs", epochs, "3");
    folder.create(settings);
  }

  @Test
  void whoResumesARunThatIsUnderWayChangesNothingOfIt() throws Exception {
    Path path = temporary.resolve("run");
    try (RunFolder first = RunFolder.fresh(path, "")) {
      create(first, "3");
      String options = Files.readString(path.resolve(RunFolder.SETTINGS));
      for (int i = 0; i < 2; i++) {
        try (RunFolder second = RunFolder.existing(path)) {
          assertThatThrownBy(() -> create(second, "5"))
              .isInstanceOf(BadInputException.class)
              .hasMessageContaining("Another process is training in " + path);
        }
        assertThat(path.resolve(RunFolder.SETTINGS)).hasContent(options);
      }
    }
    try (RunFolder next = RunFolder.existing(path)) {
      create(next, "5");
    }
  }
}
