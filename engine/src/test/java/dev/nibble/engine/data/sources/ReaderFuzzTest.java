package dev.nibble.engine.data.sources;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.DataFixtures;
import dev.nibble.engine.data.DataOptions;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.data.parquet.ParquetSeeds;
import dev.nibble.engine.data.random.SplitMix64;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Damaged pictures and data sets are refused with a sentence, or read; nothing else comes of them.
 *
 * <p>{@code -Dnibble.fuzz.inputs=N} tries so many a kind instead of a few, {@code
 * -Dnibble.fuzz.seconds=N} for so long; {@code -Dnibble.fuzz.seed} draws others. Once, not for each
 * provider of kernels: no kernel runs.
 */
class ReaderFuzzTest {
  private static final int INPUTS = Integer.getInteger("nibble.fuzz.inputs", 150);
  private static final long SEED = Long.getLong("nibble.fuzz.seed", 1);
  private static final long SECONDS = Long.getLong("nibble.fuzz.seconds", 0);

  /** Nanoseconds that reading one input may take: a picture of 100 megapixels takes some. */
  private static final long PATIENCE = 60_000_000_000L;

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"jpeg", "png", "gif", "bmp", "tiff"})
  void pictures(String format) throws IOException {
    byte[] sound = picture(format);
    assertThat(read(sound)).isTrue();
    Mutator mutator = new Mutator(SEED + format.hashCode());
    tryAll(
        format,
        () -> {
          byte[] damaged = mutator.mutate(sound);
          return () -> read(damaged);
        });
  }

  @Test
  void cifar() throws IOException {
    Path sound = DataFixtures.cifar10(sound());
    dataSet("cifar", sound, "data_batch_1.bin");
  }

  @Test
  void idx() throws IOException {
    dataSet("idx", DataFixtures.idxFolder(sound(), false), "idx");
  }

  @Test
  void zippedIdx() throws IOException {
    dataSet("idx.gz", DataFixtures.idxFolder(sound(), true), "idx");
  }

  @Test
  void parquet() throws IOException {
    Path sound = ParquetSeeds.write(sound());
    // Hardwood 1.0.1 waits for ever for some of them: little patience makes a short test of it.
    System.setProperty("nibble.parquet.patience", "1000");
    try {
      dataSet("parquet", sound, "train");
    } finally {
      System.clearProperty("nibble.parquet.patience");
    }
  }

  private Path sound() throws IOException {
    return Files.createDirectories(folder.resolve("sound"));
  }

  /** Damages one file of a data set, the first of that name, in a folder of its own. */
  private void dataSet(String kind, Path sound, String named) throws IOException {
    Path victim;
    try (var files = Files.list(sound)) {
      victim =
          files
              .filter(path -> String.valueOf(path.getFileName()).contains(named))
              .sorted()
              .findFirst()
              .orElseThrow();
    }
    byte[] bytes = Files.readAllBytes(victim);
    assertThat(open(sound)).isTrue();
    Mutator mutator = new Mutator(SEED + kind.hashCode());
    tryAll(
        kind,
        () -> {
          Files.write(victim, mutator.mutate(bytes));
          return () -> open(sound);
        });
  }

  /** Makes the next damaged input. */
  private interface Damage {
    Reading next() throws IOException;
  }

  private static void tryAll(String kind, Damage damage) throws IOException {
    long start = System.nanoTime();
    int count = 0;
    int read = 0;
    while (count < INPUTS || System.nanoTime() - start < SECONDS * 1_000_000_000) {
      read += guarded(kind, count, damage.next()) ? 1 : 0;
      count++;
    }
    if (count > INPUTS) {
      System.out.printf("fuzz %s: %d damaged inputs, %d of them read%n", kind, count, read);
    }
    // If all stayed readable, the mutations would be no test.
    assertThat(read).as("%s read, seed %d", kind, SEED).isLessThan(count);
  }

  private interface Reading {
    boolean run();
  }

  private static boolean guarded(String kind, int input, Reading reading) {
    long start = System.nanoTime();
    boolean read;
    try {
      read = reading.run();
    } catch (RuntimeException | Error e) {
      throw new AssertionError("%s, input %d of seed %d".formatted(kind, input, SEED), e);
    }
    assertThat(System.nanoTime() - start)
        .as("nanoseconds for %s, input %d of seed %d", kind, input, SEED)
        .isLessThan(PATIENCE);
    return read;
  }

  private static boolean read(byte[] file) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment target = arena.allocate(4 * 4 * 3);
      PictureFiles.read(file, "the picture", new PictureSize(4, 4), 3, target, 0);
      return true;
    } catch (DataException e) {
      assertThat(e).hasMessageContaining("the picture").hasMessageEndingWith(".");
      return false;
    }
  }

  private static boolean open(Path folder) {
    try (DataSplits splits = DataSources.open(folder.toString(), DataOptions.defaults());
        Arena arena = Arena.ofConfined()) {
      for (Dataset split : new Dataset[] {splits.train(), splits.test()}) {
        MemorySegment target = arena.allocate(split.pictureBytes());
        for (int i = 0; i < Math.min(3, split.size()); i++) {
          split.read(i, target, 0);
          assertThat(split.label(i)).isBetween(0, split.classNames().size() - 1);
        }
      }
      return true;
    } catch (DataException e) {
      assertThat(e.getMessage()).endsWith(".");
      return false;
    }
  }

  private static byte[] picture(String format) throws IOException {
    BufferedImage image = new BufferedImage(40, 30, BufferedImage.TYPE_INT_RGB);
    for (int i = 0; i < 40 * 30; i++) {
      image.setRGB(i % 40, i / 40, (int) SplitMix64.at(1, i / 7));
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    assertThat(ImageIO.write(image, format, bytes)).isTrue();
    return bytes.toByteArray();
  }

  /** Damages files, mostly near their ends, where headers and footers are. */
  private static final class Mutator {
    private static final int[] TELLING = {0, 1, 0x7F, 0x80, 0xFE, 0xFF};

    private final SplittableRandom random;

    Mutator(long seed) {
      random = new SplittableRandom(seed);
    }

    byte[] mutate(byte[] sound) {
      byte[] bytes = sound.clone();
      int damages = 1 + random.nextInt(4);
      for (int i = 0; i < damages && bytes.length > 0; i++) {
        bytes = damage(bytes);
      }
      return bytes;
    }

    private byte[] damage(byte[] bytes) {
      int at = position(bytes.length);
      switch (random.nextInt(8)) {
        case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
        case 1, 2 -> bytes[at] = (byte) TELLING[random.nextInt(TELLING.length)];
        case 3 -> bytes[at] = (byte) random.nextInt();
        case 4 -> {
          byte value = (byte) TELLING[random.nextInt(TELLING.length)];
          Arrays.fill(bytes, at, Math.min(bytes.length, at + 4), value);
        }
        case 5 -> {
          return Arrays.copyOf(bytes, random.nextInt(4) == 0 ? at : random.nextInt(bytes.length));
        }
        case 6 -> {
          byte[] longer = new byte[bytes.length + 1 + random.nextInt(8)];
          System.arraycopy(bytes, 0, longer, 0, at);
          int behind = longer.length - bytes.length + at;
          System.arraycopy(bytes, at, longer, behind, bytes.length - at);
          return longer;
        }
        default -> {
          int from = position(bytes.length);
          int count = Math.min(16, bytes.length - Math.max(from, at));
          System.arraycopy(bytes, from, bytes, at, count);
        }
      }
      return bytes;
    }

    private int position(int length) {
      int near = Math.min(length, 64);
      return switch (random.nextInt(4)) {
        case 0 -> random.nextInt(length);
        case 1 -> length - 1 - random.nextInt(near);
        default -> random.nextInt(near);
      };
    }
  }
}
