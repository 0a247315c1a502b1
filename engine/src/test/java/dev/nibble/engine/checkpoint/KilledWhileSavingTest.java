package dev.nibble.engine.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Really kills a process that saves checkpoints, again and again over one folder. */
class KilledWhileSavingTest {
  private static final int KILLS = 10;
  private static final long SEED = 2026;
  private static final Pattern SAVED = Pattern.compile("saved ([0-9]+)\\.");

  @TempDir Path folder;

  @Test
  @Timeout(300)
  void everySavedStepSurvivesAKillAtAnyInstant() throws Exception {
    Random random = new Random(SEED);
    long last = 0;
    for (int kill = 0; kill < KILLS; kill++) {
      long saved = saveUntilKilled(random);
      assertThat(saved).as("kill %d of seed %d", kill, SEED).isGreaterThan(last);
      List<String> warnings = new ArrayList<>();
      Optional<LoadedCheckpoint> latest = new CheckpointStore(folder).loadLatest(warnings::add);
      assertThat(latest).as("kill %d of seed %d", kill, SEED).isPresent();
      try (LoadedCheckpoint loaded = latest.get()) {
        // The kill may fall between the rename and the word of it: then it is one step ahead.
        assertThat(loaded.meta().step())
            .as("kill %d of seed %d", kill, SEED)
            .isBetween(saved, saved + 1);
        assertThat(Checkpoints.isIntact(loaded, SaveLoop.BYTES)).isTrue();
        last = loaded.meta().step();
      }
      assertThat(warnings).isEmpty();
    }
  }

  /** Returns the last step that the process said was safe. */
  private long saveUntilKilled(Random random) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx64m",
                "-XX:+UseSerialGC",
                "-cp",
                classes(SaveLoop.class) + File.pathSeparator + classes(CheckpointStore.class),
                SaveLoop.class.getName(),
                folder.toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    long saved = 0;
    try (BufferedReader lines = process.inputReader()) {
      for (int line = random.nextInt(3); line >= 0; line--) {
        saved = Math.max(saved, step(lines.readLine()));
      }
      TimeUnit.MICROSECONDS.sleep(random.nextInt(20_000));
      // By its handle: Process.destroyForcibly would also close the pipe with the last words in it.
      process.toHandle().destroyForcibly();
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        saved = Math.max(saved, step(line));
      }
    } finally {
      process.destroyForcibly().waitFor();
    }
    return saved;
  }

  /** Returns the step of a whole line, 0 for one that the kill cut. */
  private static long step(@Nullable String line) {
    Matcher saved = SAVED.matcher(String.valueOf(line));
    return saved.matches() ? Long.parseLong(saved.group(1)) : 0;
  }

  /** Returns the folder that a class was loaded from, whether on a class path or in a module. */
  private static String classes(Class<?> type) {
    String name = "/" + type.getName().replace('.', '/') + ".class";
    URL url = type.getResource(name);
    assertThat(url).as(name).isNotNull();
    try {
      String file = Path.of(url.toURI()).toString();
      return file.substring(0, file.length() - name.length());
    } catch (URISyntaxException e) {
      throw new AssertionError(e);
    }
  }
}
