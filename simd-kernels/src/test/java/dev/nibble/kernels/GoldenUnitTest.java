package dev.nibble.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Operator.Resample;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** One stage against an independent implementation in PyTorch: see ALGORITHM, golden vectors. */
@Tag("gpu")
class GoldenUnitTest {
  private static final int FILES = 25;

  static List<Path> files() throws IOException {
    String shared = System.getProperty("nibble.shared");
    if (shared == null || !Files.isDirectory(Path.of(shared, "golden"))) {
      return List.of();
    }
    try (Stream<Path> paths = Files.list(Path.of(shared, "golden"))) {
      return paths
          .filter(path -> path.getFileName().toString().matches("unit-.*\\.safetensors"))
          .sorted()
          .toList();
    }
  }

  @Test
  void theFilesAreThere() throws IOException {
    int found = files().size();
    if (found == 0 && !"true".equals(System.getenv("CI"))) {
      assumeTrue(false, "no golden vectors beside this checkout (property nibble.shared)");
    }
    assertThat(found).isGreaterThanOrEqualTo(FILES);
  }

  @ParameterizedTest(name = "{0}", allowZeroInvocations = true)
  @MethodSource("files")
  void stageMatches(Path file) {
    for (Kernels kernels : Providers.underTest()) {
      check(kernels, file);
    }
  }

  private static void check(Kernels kernels, Path file) {
    Safetensors golden = new Safetensors(file);
    int bits = Integer.parseInt(golden.metadata("bits"));
    StoreFormat format =
        switch (bits) {
          case 32 -> StoreFormat.FP32;
          case 8 -> StoreFormat.UNIFORM8;
          case 4 -> StoreFormat.UNIFORM4;
          case 2 -> StoreFormat.UNIFORM2;
          default -> fail("no store of " + bits + " bits");
        };
    int[] shape = golden.shape("x");
    int[] kernel = golden.shape("weight");
    int batch = shape[0];
    int[] bounds = {0, 1, batch};
    FeatureMap map = new FeatureMap(shape[2], shape[3], shape[1]);
    Convolution op =
        new Convolution(
            map, kernel[0], kernel[2], Integer.parseInt(golden.metadata("stride")), false);
    boolean naive = golden.metadata("mode").equals("naive");
    Stage stage = new Stage(op, new Activation(true, true, format, naive), null, false);
    String what = kernels.name() + " " + file.getFileName();
    double tolerance = bits == 32 ? 1e-4 : 1e-3;
    try (Guarded memory = new Guarded(4, true)) {
      MemorySegment x = memory.allocate(golden.channelsLast("x"));
      MemorySegment table = table(kernels, memory, golden, stage, x, bounds);
      MemorySegment weights = memory.allocate(golden.kernelFirst("weight"));
      MemorySegment store = memory.allocate(batch * format.bytes(map));
      MemorySegment y = memory.allocate(batch * stage.output().bytes());
      Runner.forward(
          kernels,
          new ForwardArgs(stage, batch, x, table, store, weights, null, null, null, y, null),
          bounds);
      assertClose(what + " y", golden.channelsLast("y"), y, tolerance);
      if (bits < 32) {
        compareCodes(what, golden, stage, batch, x, table, store);
      }

      MemorySegment dy = memory.allocate(golden.channelsLast("dy"));
      MemorySegment d = memory.allocate(batch * map.bytes());
      BackwardArgs backward =
          new BackwardArgs(
              stage,
              batch,
              List.of(GradientTerm.plain(dy, stage.output())),
              null,
              null,
              table,
              store,
              weights,
              null,
              List.of(),
              d,
              memory.allocateAligned(2 * Partials.weightBytes(stage)),
              memory.allocateAligned(2 * Partials.sumBytes(stage)));
      Runner.backward(kernels, backward, bounds);
      MemorySegment dw = memory.allocate(4L * op.weights());
      MemorySegment dgamma = memory.allocate(4L * map.channels());
      MemorySegment dbeta = memory.allocate(4L * map.channels());
      Cut cut = new Cut(2, 1);
      kernels.finishWeights(backward, cut, 0, op.weights(), dw);
      kernels.finishChannels(backward, cut, batch, 0, map.channels(), dgamma, dbeta);
      assertClose(what + " dweight", golden.kernelFirst("dweight"), dw, tolerance);
      assertClose(what + " dgamma", golden.floats("dgamma"), dgamma, tolerance);
      assertClose(what + " dbeta", golden.floats("dbeta"), dbeta, tolerance);
      MemorySegment dx = memory.allocate(batch * map.bytes());
      throughBatchNorm(kernels, memory, map, batch, d, table, format, store, dx);
      assertClose(what + " dx", golden.channelsLast("dx"), dx, tolerance);
      memory.verify(what);
    }
  }

  /** The statistics as a network takes them: from the sums of the stage that wrote x. */
  private static MemorySegment table(
      Kernels kernels,
      Guarded memory,
      Safetensors golden,
      Stage stage,
      MemorySegment x,
      int[] bounds) {
    FeatureMap map = stage.input();
    int batch = bounds[bounds.length - 1];
    MemorySegment copy = memory.allocate(batch * map.bytes());
    MemorySegment sums =
        memory.allocateAligned((bounds.length - 1) * Partials.statisticsBytes(map.channels()));
    Stage before = new Stage(Resample.identity(map), Activation.IDENTITY, null, true);
    Runner.forward(
        kernels,
        new ForwardArgs(before, batch, x, null, null, null, null, null, null, copy, sums),
        bounds);
    MemorySegment moments = memory.allocate(8L * map.channels());
    Cut cut = new Cut(bounds.length - 1, 1);
    kernels.finishStatistics(sums, cut, map.channels(), 0, map.channels(), moments);
    MemorySegment table = memory.allocate(ChannelTable.bytes(map.channels()));
    kernels.fillTable(
        stage.activation(),
        map.channels(),
        0,
        map.channels(),
        moments,
        memory.allocate(golden.floats("gamma")),
        memory.allocate(golden.floats("beta")),
        Float.parseFloat(golden.metadata("eps")),
        table);
    return table;
  }

  /** Carries d to dx as the stage before would: as a term of its output's gradient. */
  private static void throughBatchNorm(
      Kernels kernels,
      Guarded memory,
      FeatureMap map,
      int batch,
      MemorySegment d,
      MemorySegment table,
      StoreFormat format,
      MemorySegment store,
      MemorySegment dx) {
    Stage before = new Stage(Resample.identity(map), Activation.IDENTITY, null, false);
    Runner.backward(
        kernels,
        new BackwardArgs(
            before,
            batch,
            List.of(new GradientTerm.Normalized(map, d, table, format, store)),
            dx,
            null,
            null,
            null,
            null,
            null,
            List.of(),
            null,
            null,
            memory.allocateAligned(2 * Partials.sumBytes(before))),
        new int[] {0, 1, batch});
  }

  /** Codes agree but where the value lies within 1e-4 of a bin's edge. */
  private static void compareCodes(
      String what,
      Safetensors golden,
      Stage stage,
      int batch,
      MemorySegment x,
      MemorySegment table,
      MemorySegment store) {
    FeatureMap map = stage.input();
    byte[] expected = golden.bytes("code");
    for (int n = 0; n < batch; n++) {
      for (int pixel = 0; pixel < map.pixels(); pixel++) {
        for (int c = 0; c < map.channels(); c++) {
          int want = expected[(n * map.channels() + c) * map.pixels() + pixel] & 0xFF;
          int code = CodeCheck.code(stage.activation().store(), map, store, n, pixel, c);
          float value = x.get(JAVA_FLOAT, 4L * ((n * map.pixels() + pixel) * map.channels() + c));
          if (code != want) {
            assertThat(CodeCheck.distanceToEdge(stage.activation(), map, table, value, c))
                .as(
                    "%s: code of picture %d pixel %d channel %d: %d, not %d",
                    what, n, pixel, c, code, want)
                .isLessThan(1e-4);
          }
        }
      }
    }
  }

  private static void assertClose(
      String what, float[] expected, MemorySegment segment, double tolerance) {
    float[] actual = Guarded.floats(segment, expected.length);
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < expected.length; i++) {
      difference += Math.pow((double) actual[i] - expected[i], 2);
      norm += Math.pow(expected[i], 2);
    }
    assertThat(Math.sqrt(difference / norm)).as("relative error of %s", what).isLessThan(tolerance);
  }
}
