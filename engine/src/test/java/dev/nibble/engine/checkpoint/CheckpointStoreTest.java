package dev.nibble.engine.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.nibble.engine.files.FailingDisk;
import dev.nibble.engine.files.FailingDisk.Fault;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CheckpointStoreTest {
  private static final int BYTES = 20;

  @TempDir Path root;

  @Test
  void anEmptyStoreHasNothing() {
    CheckpointStore store = new CheckpointStore(root.resolve("none"));
    assertThat(store.list()).isEmpty();
    assertThat(store.loadLatest(w -> {})).isEmpty();
    assertThat(root.resolve("none")).doesNotExist();
    assertThat(new CheckpointStore(root).loadLatest(w -> {})).isEmpty();
    assertThatIllegalArgumentException().isThrownBy(() -> new CheckpointStore(root, 0));
  }

  @Test
  void keepsTheLastTwo() throws IOException {
    Path folder = root.resolve("a/b");
    CheckpointStore store = new CheckpointStore(folder);
    for (long step : new long[] {1, 2, 5, 5, 12_345_678_901L}) {
      save(store, step);
    }
    assertThat(names(folder)).containsExactly("step-000000005.nibble", "step-12345678901.nibble");
    assertThat(store.list()).first().isEqualTo(folder.resolve("step-12345678901.nibble"));
    assertLoads(store, 12_345_678_901L);
    CheckpointStore three = new CheckpointStore(root.resolve("c"), 3);
    for (int step = 0; step < 5; step++) {
      save(three, step);
    }
    assertThat(three.list()).hasSize(3);
  }

  @Test
  void removesWhatAKillLeftAndNothingElse() throws IOException {
    Files.writeString(root.resolve("step-000000003.nibble.tmp"), "half");
    Files.writeString(root.resolve("notes.tmp"), "mine");
    Files.writeString(root.resolve("step-3.nibble"), "mine");
    save(new CheckpointStore(root), 4);
    assertThat(names(root)).containsExactly("notes.tmp", "step-000000004.nibble", "step-3.nibble");
  }

  @Test
  void aDamagedOneIsNamedAndTheOneBeforeIsUsed() throws IOException {
    CheckpointStore store = new CheckpointStore(root);
    save(store, 1);
    Path damaged = save(store, 2);
    byte[] bytes = Files.readAllBytes(damaged);
    bytes[bytes.length - 1] ^= 1;
    Files.write(damaged, bytes);
    List<String> warnings = new ArrayList<>();
    assertLoads(store, 1, warnings);
    assertThat(warnings)
        .containsExactly(
            "Checkpoint "
                + damaged
                + " is damaged: its checksum is wrong. Using step-000000001.nibble instead.");
  }

  @Test
  void ifNoneIsWholeAllAreNamed() throws IOException {
    CheckpointStore store = new CheckpointStore(root);
    Path first = save(store, 1);
    Path second = save(store, 2);
    Files.write(first, new byte[0]);
    Files.write(second, new byte[500]);
    assertThatExceptionOfType(CheckpointException.class)
        .isThrownBy(() -> store.loadLatest(w -> {}))
        .withMessageStartingWith("No checkpoint in " + root + " can be used.")
        .withMessageContaining(first + " is damaged: it has only 0 bytes.")
        .withMessageContaining(second + " is damaged: it does not begin as a checkpoint does.");
  }

  @Test
  void afterAFallBackTheDamagedOneIsSetAsideAndTwoGoodOnesAreKept() throws IOException {
    CheckpointStore store = new CheckpointStore(root);
    save(store, 200);
    Files.write(save(store, 400), new byte[100]);
    save(store, 300);
    assertThat(names(root))
        .containsExactly(
            "step-000000200.nibble", "step-000000300.nibble", "step-000000400.nibble.unusable");
    assertLoads(store, 300);
    save(store, 450);
    assertThat(store.list()).hasSize(2);
    assertLoads(store, 450);
  }

  @Test
  void anotherRunsLaterCheckpointIsNotCoveredUp() throws IOException {
    CheckpointStore store = new CheckpointStore(root);
    save(store, 400);
    assertThatExceptionOfType(CheckpointException.class)
        .isThrownBy(() -> save(store, 100))
        .withMessageContaining("already holds a checkpoint of step 400, later than step 100");
    assertThat(names(root)).containsExactly("step-000000400.nibble");
  }

  @Test
  void aFullDiskLeavesTheOldOnesWhereverItFills() throws IOException {
    CheckpointStore store = new CheckpointStore(root);
    save(store, 1);
    long size = Files.size(save(store, 2));
    for (long room = 0; room < size; room++) {
      CheckpointStore full = new CheckpointStore(root, 2, FailingDisk.withRoom(room));
      assertThatExceptionOfType(CheckpointException.class)
          .as("room for %d bytes", room)
          .isThrownBy(() -> save(full, 3))
          .withMessage(
              "Cannot save checkpoint %s: No space left on device.",
              root.resolve("step-000000003.nibble"));
      assertThat(names(root)).containsExactly("step-000000001.nibble", "step-000000002.nibble");
    }
    assertLoads(store, 2);
    save(new CheckpointStore(root, 2, FailingDisk.withRoom(size)), 3);
    assertLoads(store, 3);
  }

  @ParameterizedTest
  @EnumSource(
      value = Fault.class,
      names = {"CREATE", "FORCE", "RENAME"})
  void aFailingDiskLeavesTheOldOnes(Fault fault) throws IOException {
    CheckpointStore store = new CheckpointStore(root);
    save(store, 1);
    save(store, 2);
    for (long step : new long[] {2, 3}) {
      assertThatExceptionOfType(CheckpointException.class)
          .isThrownBy(() -> save(new CheckpointStore(root, 2, FailingDisk.at(fault)), step))
          .withMessageContaining("the disk fails at " + fault);
      assertThat(names(root)).containsExactly("step-000000001.nibble", "step-000000002.nibble");
      assertLoads(store, 2);
    }
  }

  @Test
  void aFolderThatCannotBeForcedIsSaidAndNothingIsDeleted() throws IOException {
    CheckpointStore store = new CheckpointStore(root, 1);
    save(store, 1);
    assertThatExceptionOfType(CheckpointException.class)
        .isThrownBy(() -> save(new CheckpointStore(root, 1, FailingDisk.at(Fault.FORCE_FOLDER)), 2))
        .withMessageContaining("the disk fails at FORCE_FOLDER");
    assertThat(names(root)).containsExactly("step-000000001.nibble", "step-000000002.nibble");
    assertLoads(store, 2);
  }

  @Test
  void aFileInPlaceOfTheFolderIsSaid() throws IOException {
    Path file = root.resolve("file");
    Files.writeString(file, "mine");
    CheckpointStore store = new CheckpointStore(file);
    assertThatExceptionOfType(CheckpointException.class)
        .isThrownBy(() -> save(store, 1))
        .withMessageStartingWith("Cannot save checkpoint");
    assertThatExceptionOfType(CheckpointException.class)
        .isThrownBy(() -> store.loadLatest(w -> {}))
        .withMessageStartingWith("Cannot read checkpoint folder " + file);
    assertThat(file).hasContent("mine");
  }

  private static Path save(CheckpointStore store, long step) {
    return store.save(Checkpoints.meta(step), Checkpoints.sections(step, BYTES));
  }

  private static void assertLoads(CheckpointStore store, long step) {
    List<String> warnings = new ArrayList<>();
    assertLoads(store, step, warnings);
    assertThat(warnings).isEmpty();
  }

  private static void assertLoads(CheckpointStore store, long step, List<String> warnings) {
    Optional<LoadedCheckpoint> latest = store.loadLatest(warnings::add);
    assertThat(latest).isPresent();
    try (LoadedCheckpoint loaded = latest.get()) {
      assertThat(loaded.meta().step()).isEqualTo(step);
      assertThat(Checkpoints.isIntact(loaded, BYTES)).isTrue();
    }
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(Files::isRegularFile)
          .map(f -> f.getFileName().toString())
          .sorted()
          .toList();
    }
  }
}
