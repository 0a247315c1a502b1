package dev.nibble.engine.exec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.nibble.engine.exchange.SafetensorsFile;
import java.nio.file.Files;
import java.nio.file.Path;

/** The golden vectors of an independent implementation, and how far results are from them. */
final class GoldenFiles {
  static final Path FOLDER = Path.of(System.getProperty("nibble.shared", "../../shared"), "golden");

  private GoldenFiles() {}

  /** Skips the test where there are none; in CI, fails. */
  static void require() {
    if (!Files.isDirectory(FOLDER)) {
      assertThat(System.getenv("CI"))
          .as("in CI the golden vectors must lie in %s", FOLDER.toAbsolutePath())
          .isNotEqualTo("true");
      abort("no golden vectors in " + FOLDER.toAbsolutePath() + "; set -Dnibble.shared=FOLDER");
    }
  }

  static SafetensorsFile open(String model, String what) {
    return SafetensorsFile.open(FOLDER.resolve(model + "-" + what + ".safetensors"));
  }

  static double squaredDistance(float[] a, float[] b) {
    assertThat(a).hasSameSizeAs(b);
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += Math.pow((double) a[i] - b[i], 2);
    }
    return sum;
  }

  static double relative(float actual, float expected) {
    return Math.abs((double) actual - expected) / expected;
  }

  static double relative(float[] actual, float[] expected) {
    return Math.sqrt(
        squaredDistance(actual, expected) / squaredDistance(expected, new float[expected.length]));
  }
}
