package dev.nibble.samples.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.samples.NibbleProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One service at a time has a home, in this process and in others. */
class HomeTest {
  @TempDir private Path folder;

  @Test
  void keepsItsLockWhereItIsOpenedASecondTime() throws IOException, InterruptedException {
    Path home = folder.resolve("home");
    Path link = folder.resolve("link");
    try (Home first = Home.open(home)) {
      assertThat(first.models()).isDirectory();
      Files.createSymbolicLink(link, home);
      for (Path again : new Path[] {home, link, folder.resolve("link/../home")}) {
        assertThatThrownBy(() -> Home.open(again).close())
            .isInstanceOf(ServiceException.class)
            .hasMessageContaining("This process serves from " + again);
      }
      NibbleProcess.Result other = NibbleProcess.run(folder, "serve", "--home", "link");
      assertThat(other.code()).as(other.out() + other.err()).isEqualTo(2);
      assertThat(other.err()).contains("Another process serves from");
    }
  }

  @Test
  void canBeOpenedAgainOnceItIsClosed() {
    Path home = folder.resolve("home");
    for (int i = 0; i < 2; i++) {
      try (Home opened = Home.open(home)) {
        assertThat(opened.models()).isDirectory();
      }
    }
  }
}
