package dev.nibble.engine.exchange.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.nibble.engine.exchange.ExchangeException;
import dev.nibble.engine.exec.HeapMeter;
import dev.nibble.engine.network.Network;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Damaged files, seeded: each is read or refused in a sentence, within bounds of time and memory.
 * {@code -Dnibble.onnx.mutations=10000} tries more, and {@code -Dnibble.fuzz.seconds=60} for so
 * long; {@code -Dnibble.onnx.seed} others.
 */
class OnnxMutationTest {
  private static final int MUTATIONS = Integer.getInteger("nibble.onnx.mutations", 1000);
  private static final long SEED = Long.getLong("nibble.onnx.seed", 20_240);
  private static final long SECONDS = Long.getLong("nibble.fuzz.seconds", 0);

  /** What a file may allocate in all; most of it is garbage at once. */
  private static final long MOST_HEAP = 600L << 20;

  /** What a network's weights may have for the test to load them. */
  private static final long MOST_WEIGHTS = 1 << 22;

  @TempDir private Path folder;

  private List<byte[]> originals() throws IOException {
    List<byte[]> all = new ArrayList<>();
    OnnxShapesTest.models().forEach(model -> all.add(model.getPayload().bytes()));
    NormModels.all().forEach(model -> all.add(model.getPayload().bytes()));
    WeightModels.all().forEach(model -> all.add(model.getPayload().bytes()));
    SamplingModels.all().forEach(model -> all.add(model.getPayload().bytes()));
    // Twice as often as the others: they become networks.
    for (int i = 0; i < 8; i++) {
      all.add(trainable());
    }
    Path zoo = Path.of(System.getProperty("nibble.shared", "../../shared"), "zoo");
    if (Files.isDirectory(zoo)) {
      try (Stream<Path> files = Files.list(zoo)) {
        for (Path file : files.sorted().toList()) {
          if (file.toString().endsWith(".onnx") && Files.size(file) < 400_000) {
            all.add(Files.readAllBytes(file));
          }
        }
      }
    }
    return all;
  }

  private static byte[] trainable() {
    long[] pads = {1, 1, 1, 1};
    return TestModel.withInput(17, -1, 3, 8, 8)
        .output("y")
        .weight("c.weight", 4, 3, 3, 3)
        .weight("n.weight", 4)
        .weight("n.bias", 4)
        .weight("n.running_mean", 4)
        .weight("n.running_var", 4)
        .weight("fc.weight", 5, 4)
        .weight("fc.bias", 5)
        .node("Conv", "x,c.weight", "c", "pads", pads, "strides", new long[] {2, 2})
        .node("BatchNormalization", "c,n.weight,n.bias,n.running_mean,n.running_var", "n")
        .node("Relu", "n", "r")
        .node("GlobalAveragePool", "r", "p")
        .node("Flatten", "p", "f")
        .node("Gemm", "f,fc.weight,fc.bias", "y", "transB", 1L)
        .bytes();
  }

  private static byte[] mutated(byte[] original, SplittableRandom random) {
    byte[] bytes = original.clone();
    int times = random.nextInt(1, 6);
    for (int i = 0; i < times && bytes.length > 0; i++) {
      int at = random.nextInt(bytes.length);
      // Half of the changes near the front or the end, where a large file's structure is.
      if (random.nextBoolean()) {
        int near = random.nextInt(Math.min(bytes.length, 4000));
        at = random.nextBoolean() ? near : bytes.length - 1 - near;
      }
      switch (random.nextInt(7)) {
        case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
        case 1 -> bytes[at] = (byte) random.nextInt();
        case 2 -> bytes = Arrays.copyOf(bytes, at);
        case 3 -> bytes = spliced(bytes, at, 0, varint(random));
        case 4 -> bytes = spliced(bytes, at, random.nextInt(1, 30), new byte[0]);
        case 5 -> {
          int to = Math.min(bytes.length, at + random.nextInt(1, 200));
          bytes =
              spliced(bytes, random.nextInt(bytes.length), 0, Arrays.copyOfRange(bytes, at, to));
        }
        default -> bytes = spliced(bytes, at, 1, varint(random));
      }
    }
    return bytes;
  }

  private static byte[] varint(SplittableRandom random) {
    long[] values = {0, -1, Long.MIN_VALUE, Long.MAX_VALUE, 1L << 31, (1L << 31) - 1, 1L << 28, 7};
    long rest = random.nextBoolean() ? values[random.nextInt(values.length)] : random.nextLong(300);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    while ((rest & ~0x7FL) != 0) {
      out.write((int) ((rest & 0x7F) | 0x80));
      rest >>>= 7;
    }
    out.write((int) rest);
    return out.toByteArray();
  }

  private static byte[] spliced(byte[] bytes, int at, int drop, byte[] insert) {
    int from = Math.min(bytes.length, at + drop);
    byte[] result = new byte[at + insert.length + bytes.length - from];
    System.arraycopy(bytes, 0, result, 0, at);
    System.arraycopy(insert, 0, result, at, insert.length);
    System.arraycopy(bytes, from, result, at + insert.length, bytes.length - from);
    return result;
  }

  /** Returns the refusal; empty if a network was built and loaded. */
  private static String tried(Path file) {
    try (OnnxImport model = OnnxImport.open(file)) {
      assertThat(model.layers()).isNotEmpty();
      assertThat(model.notes()).allMatch(note -> note.endsWith("."));
      OnnxImport.leavesSizeFree(file);
      Network network = model.network();
      model.normalization();
      assertThat(model.weights().names()).hasSameSizeAs(network.parameters());
      if ((long) network.weightValues() + network.stateValues() < MOST_WEIGHTS) {
        try (Arena arena = Arena.ofConfined()) {
          model.load(parameter -> arena.allocate(4L * parameter.size(), 64));
        }
      }
      return "";
    } catch (ExchangeException e) {
      return String.valueOf(e.getMessage());
    }
  }

  @Test
  void everyDamageIsASentence() throws IOException, ReflectiveOperationException {
    List<byte[]> originals = originals();
    HeapMeter meter = new HeapMeter();
    Path file = folder.resolve("model.onnx");
    int read = 0;
    int count = 0;
    long start = System.nanoTime();
    while (count < MUTATIONS || System.nanoTime() - start < SECONDS * 1_000_000_000) {
      int i = count++;
      String what = "mutation %d of seed %d".formatted(i, SEED);
      SplittableRandom random = new SplittableRandom(SEED + i);
      byte[] bytes = mutated(originals.get(random.nextInt(originals.size())), random);
      Files.write(file, bytes);
      long before = meter.allocatedBytes();
      String sentence;
      try {
        sentence = assertTimeoutPreemptively(Duration.ofSeconds(20), () -> tried(file), what);
      } catch (Throwable e) {
        throw new AssertionError(what, e);
      }
      assertThat(meter.allocatedBytes() - before).as(what).isLessThan(MOST_HEAP);
      if (sentence.isEmpty()) {
        read++;
      } else {
        assertThat(sentence).as(what).endsWith(".").hasSizeLessThan(5000);
        assertThat(sentence).as(what).doesNotContainPattern("\\p{Cntrl}");
      }
    }
    // If all were refused at once, nothing behind the first check would have been tried.
    assertThat(read).isBetween(1, count - 1);
    if (SECONDS > 0) {
      System.out.printf("onnx: %d of %d damaged inputs read%n", read, count);
    }
  }
}
