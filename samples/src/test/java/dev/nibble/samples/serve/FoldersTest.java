package dev.nibble.samples.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every folder in which a name is new is made durable, not the last one alone. */
class FoldersTest {
  @TempDir private Path folder;

  @Test
  void knowsWhichFoldersGetANewName() throws IOException {
    Path deep = folder.resolve("a/b/models");
    assertThat(Folders.changedBy(deep))
        .containsExactly(folder.resolve("a/b"), folder.resolve("a"), folder);
    Folders.create(deep);
    assertThat(deep).isDirectory();
    assertThat(Folders.changedBy(deep)).isEmpty();
    assertThat(Folders.changedBy(folder.resolve("a/c"))).containsExactly(folder.resolve("a"));
  }
}
