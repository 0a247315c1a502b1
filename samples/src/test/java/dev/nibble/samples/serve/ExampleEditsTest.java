package dev.nibble.samples.serve;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.kernels.FeatureMap;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What was relabelled or deleted stays so, whatever happens to the file. */
class ExampleEditsTest {
  private static final FeatureMap INPUT = new FeatureMap(8, 8, 3);

  @TempDir private Path folder;
  private final List<String> log = new ArrayList<>();

  @SuppressWarnings("NullAway.Init") // set by name
  private Path file;

  @SuppressWarnings("NullAway.Init") // set when the store opens it
  private FailingFile failing;

  @BeforeEach
  void name() {
    file = folder.resolve("examples.log");
  }

  private ExampleStore open() {
    return ExampleStore.open(file, INPUT, AppendFile::open, log::add);
  }

  private ExampleStore openFailing() {
    return ExampleStore.open(
        file,
        INPUT,
        path -> {
          FailingFile opened = FailingFile.open(path);
          failing = opened;
          return opened;
        },
        log::add);
  }

  private static byte[] pixels(int seed) {
    return TinyPictures.pixels(true, seed);
  }

  private static void fill(ExampleStore store, int count) throws IOException {
    for (int i = 0; i < count; i++) {
      store.add("a" + i, pixels(i));
    }
  }

  private static Map<Long, String> labels(ExampleStore store) {
    Map<Long, String> labels = new TreeMap<>();
    store.page(Long.MAX_VALUE, 1000, e -> true).forEach(e -> labels.put(e.id(), e.label()));
    return labels;
  }

  private boolean isInFile(byte[] pixels) throws IOException {
    return new String(Files.readAllBytes(file), ISO_8859_1)
        .contains(new String(pixels, ISO_8859_1));
  }

  @Test
  void surviveReopening() throws IOException {
    try (ExampleStore store = open()) {
      fill(store, 5);
      Example changed = store.relabel(1, "a much longer label");
      assertThat(Objects.requireNonNull(changed).id()).isEqualTo(1);
      assertThat(store.delete(3)).isNotNull();
      assertThat(store.delete(3)).isNull();
      assertThat(store.relabel(3, "x")).isNull();
      assertThat(store.delete(4)).as("the last").isNotNull();
    }
    for (int opening = 0; opening < 2; opening++) {
      try (ExampleStore store = open()) {
        assertThat(labels(store)).isEqualTo(Map.of(0L, "a0", 1L, "a much longer label", 2L, "a2"));
        assertThat(store.labels()).containsOnlyKeys("a0", "a2", "a much longer label");
        assertThat(store.pixels(1)).isEqualTo(pixels(1));
        assertThat(store.pixels(3)).isNull();
      }
    }
    try (ExampleStore store = open()) {
      assertThat(store.add("z", pixels(9)).id()).as("an id is used once").isEqualTo(5);
    }
    assertThat(log).isEmpty();
  }

  @Test
  void leaveNoPictureOnTheDisk() throws IOException {
    try (ExampleStore store = open()) {
      fill(store, 3);
      assertThat(isInFile(pixels(1))).isTrue();
      store.delete(1);
      assertThat(isInFile(pixels(1))).isFalse();
    }
  }

  @Test
  void waitForWhoStillReads() throws IOException {
    try (ExampleStore store = open()) {
      fill(store, 3);
      try (ExampleStore.Hold hold = store.hold()) {
        store.delete(1);
        store.relabel(2, "b");
        byte[] read = new byte[INPUT.values()];
        for (int i = 0; i < 3; i++) {
          store.read(hold.examples().get(i), MemorySegment.ofArray(read), 0);
          assertThat(read).isEqualTo(pixels(i));
        }
      }
      assertThat(isInFile(pixels(1))).isFalse();
      assertThat(isInFile(pixels(2))).isTrue();
    }
  }

  /** Killed between both: the picture is not lost, and no old label ever comes back. */
  @Test
  void areWholeWhereACrashCameBetweenTheNewRecordAndTheOld() throws IOException {
    try (ExampleStore store = open()) {
      fill(store, 3);
    }
    byte[] record = ExampleRecord.encode(1, 77, "new", pixels(1)).array();
    byte[] before = Files.readAllBytes(file);
    byte[] after = Arrays.copyOf(before, before.length + record.length);
    System.arraycopy(record, 0, after, before.length, record.length);
    Files.write(file, after);
    try (ExampleStore store = open()) {
      assertThat(labels(store)).isEqualTo(Map.of(0L, "a0", 1L, "new", 2L, "a2"));
      assertThat(store.pixels(1)).isEqualTo(pixels(1));
      store.delete(1);
    }
    try (ExampleStore store = open()) {
      assertThat(labels(store)).isEqualTo(Map.of(0L, "a0", 2L, "a2"));
    }
  }

  /** Killed after the mark, before the picture was overwritten. */
  @Test
  void areFinishedByTheNextOpening() throws IOException {
    Example deleted;
    try (ExampleStore store = open()) {
      fill(store, 2);
      deleted = Objects.requireNonNull(store.find(0));
    }
    byte[] bytes = Files.readAllBytes(file);
    ByteBuffer mark = ExampleRecord.erase(deleted, INPUT.values());
    mark.get(bytes, (int) ExampleRecord.start(deleted), ExampleRecord.ERASED);
    Files.write(file, bytes);
    assertThat(isInFile(pixels(0))).isTrue();
    try (ExampleStore store = open()) {
      assertThat(labels(store)).isEqualTo(Map.of(1L, "a1"));
      assertThat(isInFile(pixels(0))).isFalse();
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void areUndoneWhereTheDiskFails(boolean isFull) throws IOException {
    try (ExampleStore store = openFailing()) {
      fill(store, 3);
      if (isFull) {
        failing.setRoom(10);
      } else {
        failing.setFailsToForce(true);
      }
      assertThatThrownBy(() -> store.relabel(1, "b")).isInstanceOf(IOException.class);
      assertThatThrownBy(() -> store.delete(2)).isInstanceOf(IOException.class);
      assertThat(labels(store)).isEqualTo(Map.of(0L, "a0", 1L, "a1", 2L, "a2"));
      failing.setRoom(Long.MAX_VALUE);
      failing.setFailsToForce(false);
    }
    try (ExampleStore store = open()) {
      assertThat(labels(store)).isEqualTo(Map.of(0L, "a0", 1L, "a1", 2L, "a2"));
      for (int i = 0; i < 3; i++) {
        assertThat(store.pixels(i)).isEqualTo(pixels(i));
      }
      assertThat(log).isEmpty();
    }
  }

  /**
   * Any damage, anywhere: it may cost examples, but what was deleted or had another label is gone.
   */
  @Test
  void bringNothingBackWhereTheFileIsDamaged() throws IOException {
    try (ExampleStore store = open()) {
      fill(store, 12);
      for (int i = 0; i < 12; i += 3) {
        store.delete(i);
        store.relabel(i + 1, "new" + i);
      }
    }
    byte[] sound = Files.readAllBytes(file);
    long seed = System.nanoTime();
    SplittableRandom random = new SplittableRandom(seed);
    for (int trial = 0; trial < 60; trial++) {
      byte[] damaged = sound.clone();
      int from = random.nextInt(ExampleRecord.HEADER, sound.length);
      int to = Math.min(sound.length, from + 1 + random.nextInt(trial % 2 == 0 ? 4 : 600));
      for (int i = from; i < to; i++) {
        damaged[i] ^= (byte) (1 + random.nextInt(255));
      }
      Files.write(file, damaged);
      String where = "seed %d, trial %d".formatted(seed, trial);
      try (ExampleStore store = open()) {
        labels(store)
            .forEach(
                (id, label) ->
                    assertThat(label)
                        .as("%s, example %d", where, id)
                        .isEqualTo(id % 3 == 1 ? "new" + (id - 1) : id % 3 == 2 ? "a" + id : ""));
        assertThat(store.count()).as(where).isGreaterThanOrEqualTo(8 - 4);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void takeNoSpaceForEver(boolean isLastDeleted) throws IOException {
    try (ExampleStore store = open()) {
      fill(store, 70);
      if (isLastDeleted) {
        store.delete(69);
      }
    }
    grow(7000);
    long before = Files.size(file);
    try (ExampleStore store = open()) {
      assertThat(Files.size(file)).isLessThan(before / 2);
      assertThat(store.count()).isEqualTo(isLastDeleted ? 69 : 70);
      for (Example example : store.examples()) {
        assertThat(store.pixels(example.id())).isEqualTo(pixels((int) example.id()));
      }
      assertThat(store.add("z", pixels(1)).id()).as("an id is used once").isEqualTo(70);
    }
    assertThat(log).isEmpty();
  }

  /** Adds records as relabelling leaves them. */
  private void grow(int records) throws IOException {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    all.writeBytes(Files.readAllBytes(file));
    int bytes = INPUT.values();
    for (int i = 0; i < records; i++) {
      Example old = new Example(i % 50, "x", 0, 0);
      byte[] erased = new byte[ExampleRecord.length(old, bytes)];
      ExampleRecord.erase(old, bytes).get(erased, 0, ExampleRecord.ERASED);
      all.writeBytes(erased);
    }
    Files.write(file, all.toByteArray());
  }

  @Test
  void makeNoSecondCopyOfADamagedPicture() throws IOException {
    try (ExampleStore store = open()) {
      fill(store, 2);
      Example example = Objects.requireNonNull(store.find(1));
      byte[] bytes = Files.readAllBytes(file);
      bytes[(int) example.pixels() + 5] ^= 1;
      Files.write(file, bytes);
      assertThatThrownBy(() -> store.relabel(1, "b"))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("damaged");
    }
  }
}
