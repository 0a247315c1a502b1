package dev.nibble.engine.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LoadedCheckpointTest {
  @TempDir Path folder;

  @Test
  void givesBackWhatWasSaved() {
    Map<String, String> model = new LinkedHashMap<>();
    model.put("model", "resnet20");
    model.put("input", "32x32x3");
    CheckpointMeta meta =
        new CheckpointMeta(model, 400, 2, Long.MIN_VALUE, Map.of("permutation", "é\n"), 0.1234567f);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment weights = arena.allocate(200_000L);
      for (int i = 0; i < 50_000; i++) {
        weights.setAtIndex(ValueLayout.JAVA_FLOAT, i, 1f / (i + 1));
      }
      Path path =
          new CheckpointStore(folder)
              .save(
                  meta,
                  List.of(
                      new Section("weights", weights),
                      new Section("running", MemorySegment.ofArray(new float[] {1, 2})),
                      new Section("empty", MemorySegment.NULL)));
      assertThat(path).hasFileName("step-000000400.nibble");
      try (LoadedCheckpoint loaded = LoadedCheckpoint.open(path)) {
        assertThat(loaded.meta()).isEqualTo(meta);
        assertThat(loaded.meta().model()).containsExactlyEntriesOf(model);
        assertThat(loaded.path()).isEqualTo(path);
        assertThat(loaded.sections())
            .containsExactlyEntriesOf(sizes("weights", 200_000L, "running", 8L, "empty", 0L));
        MemorySegment offHeap = arena.allocate(200_000L);
        loaded.copySection("weights", offHeap);
        assertThat(offHeap.mismatch(weights)).isEqualTo(-1);
        float[] onHeap = new float[50_000];
        loaded.copySection("weights", MemorySegment.ofArray(onHeap));
        assertThat(MemorySegment.ofArray(onHeap).mismatch(weights)).isEqualTo(-1);
        loaded.copySection("empty", MemorySegment.NULL);
      }
    }
  }

  @Test
  void aRunWithoutALossYetCanBeSaved() {
    CheckpointMeta meta = new CheckpointMeta(Map.of(), 0, 0, 1, Map.of(), Float.NaN);
    try (LoadedCheckpoint loaded =
        LoadedCheckpoint.open(new CheckpointStore(folder).save(meta, List.of()))) {
      assertThat(loaded.meta()).isEqualTo(meta);
      assertThat(loaded.sections()).isEmpty();
    }
  }

  @Test
  void everyFlippedBitIsDetected() throws IOException {
    byte[] good = Files.readAllBytes(small());
    Path path = folder.resolve("flipped.nibble");
    for (int bit = 0; bit < good.length * 8; bit++) {
      byte[] bad = good.clone();
      bad[bit / 8] ^= (byte) (1 << bit % 8);
      overwrite(path, bad);
      assertRefused(path, "bit " + bit);
    }
  }

  @Test
  void everyTruncationAndAnyAppendixIsDetected() throws IOException {
    byte[] good = Files.readAllBytes(small());
    Path path = folder.resolve("cut.nibble");
    for (int length = 0; length < good.length; length++) {
      Files.write(path, Arrays.copyOf(good, length));
      assertRefused(path, "length " + length);
    }
    Files.write(path, Arrays.copyOf(good, good.length + 1));
    assertRefused(path, "one byte too many");
  }

  @Test
  void flippedBitsInALargeFileAreDetectedAndNamed() throws IOException {
    byte[] good =
        Files.readAllBytes(
            new CheckpointStore(folder)
                .save(Checkpoints.meta(1), Checkpoints.sections(1, 300_000)));
    Path path = folder.resolve("flipped.nibble");
    for (int seed = 0; seed < 20; seed++) {
      byte[] bad = good.clone();
      int at = 1000 + new Random(seed).nextInt(300_000 - 1000);
      bad[at] ^= 64;
      Files.write(path, bad);
      assertThatExceptionOfType(CheckpointException.class)
          .as("seed %d", seed)
          .isThrownBy(() -> LoadedCheckpoint.open(path).close())
          .withMessage(
              "Checkpoint %s is damaged: the checksum of its '%s' is wrong.",
              path, at < 150_000 ? "weights" : "momentum");
    }
  }

  @Test
  void randomBytesAreRefused() throws IOException {
    byte[] good = Files.readAllBytes(small());
    Path path = folder.resolve("random.nibble");
    for (int seed = 0; seed < 500; seed++) {
      Random random = new Random(seed);
      byte[] bad = good.clone();
      int from = random.nextInt(bad.length - 1);
      byte[] noise = new byte[1 + random.nextInt(bad.length - from)];
      random.nextBytes(noise);
      if (Arrays.equals(noise, Arrays.copyOfRange(bad, from, from + noise.length))) {
        continue;
      }
      System.arraycopy(noise, 0, bad, from, noise.length);
      overwrite(path, bad);
      assertRefused(path, "seed " + seed);
    }
  }

  @Test
  void anotherVersionIsNamed() throws IOException {
    byte[] bytes = Files.readAllBytes(small());
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(8, 2);
    Path path = folder.resolve("new.nibble");
    Files.write(path, bytes);
    assertThatExceptionOfType(CheckpointException.class)
        .isThrownBy(() -> LoadedCheckpoint.open(path).close())
        .withMessage("Checkpoint %s has format version 2, but this program reads version 1.", path);
  }

  @Test
  void anotherNetworkIsNamed() {
    Path path = small();
    try (LoadedCheckpoint loaded = LoadedCheckpoint.open(path)) {
      loaded.requireModel(Map.of("model", "resnet20"));
      loaded.requireSections(sizes("momentum", 10L, "weights", 10L));
      assertRefuses(
          () -> loaded.requireModel(Map.of("model", "resnet56")),
          "its model is resnet20, here it is resnet56");
      assertRefuses(
          () -> loaded.requireModel(words("model", "resnet20", "classes", "10")),
          "its classes is not there, here it is 10");
      assertRefuses(
          () -> loaded.requireModel(Map.of()), "its model is resnet20, here it is not there");
      assertRefuses(
          () -> loaded.requireSections(sizes("weights", 10L, "momentum", 12L)),
          "section 'momentum' is 10 bytes, here it is 12 bytes");
      assertRefuses(
          () -> loaded.requireSections(sizes("weights", 10L)),
          "section 'momentum' is 10 bytes, here it is not there");
      assertRefuses(
          () -> loaded.copySection("weights", MemorySegment.ofArray(new byte[9])),
          "section 'weights' is 10 bytes, here it is 9 bytes");
      assertRefuses(
          () -> loaded.copySection("none", MemorySegment.ofArray(new byte[9])),
          "section 'none' is not there, here it is 9 bytes");
    }
  }

  @Test
  void aFileThatChangesWhileItIsOpenIsNoticed() throws IOException {
    Path path = small();
    byte[] bytes = Files.readAllBytes(path);
    try (LoadedCheckpoint loaded = LoadedCheckpoint.open(path)) {
      int weightsAt = bytes.length - 32 - 8 - 20;
      bytes[weightsAt] ^= 1;
      Files.write(path, bytes);
      assertRefuses(
          () -> loaded.copySection("weights", MemorySegment.ofArray(new byte[10])),
          "was changed while it was open");
      Files.write(path, new byte[3]);
      assertRefuses(
          () -> loaded.copySection("weights", MemorySegment.ofArray(new byte[10])),
          "the file ends at byte 3");
    }
  }

  @Test
  void impossibleMetaIsRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new CheckpointMeta(Map.of(), -1, 0, 0, Map.of(), 0f));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new CheckpointMeta(Map.of(), 0, 0, 0, Map.of(), Float.POSITIVE_INFINITY));
    assertThatIllegalArgumentException().isThrownBy(() -> new Section("", MemorySegment.NULL));
    Section section = new Section("a", MemorySegment.NULL);
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> new CheckpointStore(folder).save(Checkpoints.meta(1), List.of(section, section)))
        .withMessageContaining("two sections are called 'a'");
    assertThat(folder).isEmptyDirectory();
  }

  private Path small() {
    return new CheckpointStore(folder).save(Checkpoints.meta(7), Checkpoints.sections(7, 20));
  }

  /** Writes without truncating first, which some file systems answer with a slow flush. */
  private static void overwrite(Path path, byte[] sameLength) throws IOException {
    Files.write(path, sameLength, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
  }

  private static void assertRefused(Path path, String what) {
    assertThatExceptionOfType(CheckpointException.class)
        .as(what)
        .isThrownBy(() -> LoadedCheckpoint.open(path).close())
        .withMessageStartingWith("Checkpoint " + path);
  }

  private static void assertRefuses(ThrowingCallable call, String why) {
    assertThatExceptionOfType(CheckpointException.class)
        .isThrownBy(call)
        .withMessageContaining(why);
  }

  private static Map<String, Long> sizes(Object... pairs) {
    Map<String, Long> map = new LinkedHashMap<>();
    for (int i = 0; i < pairs.length; i += 2) {
      map.put((String) pairs[i], (Long) pairs[i + 1]);
    }
    return map;
  }

  private static Map<String, String> words(String... pairs) {
    Map<String, String> map = new LinkedHashMap<>();
    for (int i = 0; i < pairs.length; i += 2) {
      map.put(pairs[i], pairs[i + 1]);
    }
    return map;
  }
}
