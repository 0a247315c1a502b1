package dev.nibble.engine.infer;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.nibble.engine.exchange.SafetensorsFile;
import dev.nibble.engine.exec.TestKernels;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.network.ResNet;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.memory.MemoryAccount;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Function;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The logits of trained networks against an independent implementation's. */
class GoldenPredictorTest {
  private static final int COUNT = 16;
  private static final Path FOLDER =
      Path.of(System.getProperty("nibble.shared", "../../shared"), "golden");

  @BeforeAll
  static void requireGoldenFiles() {
    if (!Files.isDirectory(FOLDER)) {
      assertThat(System.getenv("CI"))
          .as("in CI the golden vectors must lie in %s", FOLDER.toAbsolutePath())
          .isNotEqualTo("true");
      abort("no golden vectors in " + FOLDER.toAbsolutePath() + "; set -Dnibble.shared=FOLDER");
    }
  }

  @ParameterizedTest
  @CsvSource({
    "resnet8, exact",
    "resnet8, approximate4",
    "resnet11, exact",
    "resnet11, approximate2"
  })
  void logitsAreThoseOfTheOtherImplementation(String model, String mode) {
    Network network = ResNet.of(model, new FeatureMap(32, 32, 3), 10);
    try (MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
        SafetensorsFile golden = SafetensorsFile.open(file(model, mode));
        SafetensorsFile batches = SafetensorsFile.open(file(model, "batches"));
        Arena arena = Arena.ofConfined();
        Predictor predictor =
            Predictor.of(
                network,
                finalValues(golden, arena),
                PredictorFixture.options(2, 3),
                TestKernels.chosen(),
                account)) {
      float[] expected = golden.readFloats("eval_logits");
      float[] logits = new float[COUNT * 10];
      predictor.predict(channelsLast(batches.readFloats("images.0")), COUNT, logits);
      double square = 0;
      double difference = 0;
      for (int i = 0; i < logits.length; i++) {
        square += (double) expected[i] * expected[i];
        double d = (double) logits[i] - expected[i];
        difference += d * d;
      }
      assertThat(Math.sqrt(difference / square)).as("relative error").isLessThan(1e-4);
    }
  }

  private static Path file(String model, String what) {
    return FOLDER.resolve(model + "-" + what + ".safetensors");
  }

  private static Function<Parameter, MemorySegment> finalValues(
      SafetensorsFile golden, Arena arena) {
    return parameter -> {
      float[] values = golden.readFloats("final." + parameter.name());
      MemorySegment memory = arena.allocate(4L * values.length, 64);
      for (int i = 0; i < values.length; i++) {
        memory.set(JAVA_FLOAT, 4L * parameter.memoryIndex(i), values[i]);
      }
      return memory;
    };
  }

  private static float[] channelsLast(float[] nchw) {
    float[] nhwc = new float[nchw.length];
    int pixels = 32 * 32;
    for (int n = 0; n < COUNT; n++) {
      for (int c = 0; c < 3; c++) {
        for (int p = 0; p < pixels; p++) {
          nhwc[(n * pixels + p) * 3 + c] = nchw[(n * 3 + c) * pixels + p];
        }
      }
    }
    return nhwc;
  }
}
