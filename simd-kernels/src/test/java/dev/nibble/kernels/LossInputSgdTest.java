package dev.nibble.kernels;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Both ends of a step: the input stage, the loss and the optimiser, against their formulas. */
class LossInputSgdTest {
  static Stream<Kernels> kernels() {
    return Providers.underTest().stream();
  }

  private static MemorySegment labels(Guarded memory, int... labels) {
    MemorySegment segment = memory.allocate(4L * labels.length);
    MemorySegment.copy(labels, 0, segment, JAVA_INT, 0, labels.length);
    return segment;
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void lossIsSoftmaxCrossEntropy(Kernels kernels) {
    Random random = new Random(11);
    for (int classes : new int[] {1, 2, 3, 7, 8, 10, 15, 16, 17, 33, 100}) {
      int batch = 5;
      int count = 4;
      float[] logits = new float[batch * classes];
      int[] labels = new int[batch];
      for (int i = 0; i < logits.length; i++) {
        logits[i] = 5 * (float) random.nextGaussian();
      }
      double loss = 0;
      int correct = 0;
      float[] gradient = new float[batch * classes];
      for (int n = 0; n < count; n++) {
        labels[n] = random.nextInt(classes);
        double sum = 0;
        int best = 0;
        for (int k = 0; k < classes; k++) {
          sum += Math.exp(logits[n * classes + k]);
          best = logits[n * classes + k] > logits[n * classes + best] ? k : best;
        }
        loss += Math.log(sum) - logits[n * classes + labels[n]];
        correct += best == labels[n] ? 1 : 0;
        for (int k = 0; k < classes; k++) {
          double share = Math.exp(logits[n * classes + k]) / sum;
          gradient[n * classes + k] = (float) ((share - (k == labels[n] ? 1 : 0)) / count);
        }
      }
      labels[count] = -1;
      try (Guarded memory = new Guarded(4, true)) {
        MemorySegment result = memory.allocateAligned(16);
        MemorySegment written = memory.allocate(4L * gradient.length);
        float[] before = Guarded.floats(written, gradient.length);
        LossArgs args =
            new LossArgs(
                batch,
                classes,
                memory.allocate(logits),
                labels(memory, labels),
                written,
                result,
                0);
        kernels.loss(args, count);
        memory.verify(kernels.name());
        String what = kernels.name() + " " + classes + " classes";
        assertThat(result.get(JAVA_DOUBLE, 0)).as(what).isCloseTo(loss, within(1e-5 * (1 + loss)));
        assertThat(result.get(JAVA_DOUBLE, 8)).as(what).isEqualTo(correct);
        float[] actual = Guarded.floats(written, gradient.length);
        for (int i = 0; i < count * classes; i++) {
          assertThat(actual[i]).as("%s [%d]", what, i).isCloseTo(gradient[i], within(1e-6f));
        }
        assertThat(Arrays.copyOfRange(actual, count * classes, actual.length))
            .as("%s: pictures beyond the count", what)
            .isEqualTo(Arrays.copyOfRange(before, count * classes, before.length));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void lossNamesAWrongLabelAndSurvivesHugeLogits(Kernels kernels) {
    try (Guarded memory = new Guarded(0, true)) {
      MemorySegment result = memory.allocateAligned(16);
      MemorySegment gradient = memory.allocate(24);
      float[] huge = {1e30f, -1e30f, 0, 9e4f, 9e4f, -9e4f};
      MemorySegment logits = memory.allocate(huge);
      for (int label : new int[] {-1, 3, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
        LossArgs wrong = new LossArgs(2, 3, logits, labels(memory, 0, label), gradient, result, 0);
        assertThatThrownBy(() -> kernels.loss(wrong, 2))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("picture 1")
            .hasMessageContaining(String.valueOf(label));
        kernels.loss(wrong, 1);
      }
      kernels.loss(new LossArgs(2, 3, logits, labels(memory, 0, 1), gradient, result, 0), 2);
      assertThat(result.get(JAVA_DOUBLE, 0)).isCloseTo(Math.log(2), within(1e-6));
      // Of two equal logits the first wins, so the second picture's label 1 is wrong.
      assertThat(result.get(JAVA_DOUBLE, 8)).isEqualTo(1);
      assertThat(Guarded.floats(gradient, 6)).containsExactly(0, 0, 0, 0.25f, -0.25f, 0);
      for (int at = 0; at < 3; at++) {
        float[] bad = {0, 0, 0, 1, 2, 3};
        bad[at] = Float.NaN;
        kernels.loss(
            new LossArgs(2, 3, memory.allocate(bad), labels(memory, 0, 1), null, result, 0), 2);
        assertThat(result.get(JAVA_DOUBLE, 0)).isNaN();
      }
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void sgdStepsItsRangeOnly(Kernels kernels) {
    Random random = new Random(5);
    for (int size : new int[] {1, 7, 8, 15, 16, 17, 33, 100}) {
      int from = size / 3;
      int to = size - size / 5;
      float[] w = new float[size];
      float[] g = new float[size];
      float[] v = new float[size];
      for (int i = 0; i < size; i++) {
        w[i] = (float) random.nextGaussian();
        g[i] = (float) random.nextGaussian();
        v[i] = (float) random.nextGaussian();
      }
      try (Guarded memory = new Guarded(4, true)) {
        SgdArgs args =
            new SgdArgs(size, memory.allocate(w), memory.allocate(g), memory.allocate(v));
        kernels.sgd(args, from, to, 0.1f, 0.9f, 2e-4f);
        memory.verify(kernels.name());
        float[] weights = Guarded.floats(args.weights(), size);
        float[] momentum = Guarded.floats(args.momentum(), size);
        assertThat(Guarded.floats(args.gradients(), size)).isEqualTo(g);
        for (int i = 0; i < size; i++) {
          boolean steps = i >= from && i < to;
          float velocity = steps ? 0.9f * v[i] + (g[i] + 2e-4f * w[i]) : v[i];
          float weight = steps ? w[i] - 0.1f * velocity : w[i];
          float tolerance = steps ? 1e-6f : 0f;
          String what = kernels.name() + " " + i + " of " + size;
          assertThat(momentum[i]).as(what).isCloseTo(velocity, within(tolerance));
          assertThat(weights[i]).as(what).isCloseTo(weight, within(tolerance));
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void inputCropsMirrorsAndNormalises(Kernels kernels) {
    Random random = new Random(17);
    for (int channels : new int[] {1, 3, 4, 17}) {
      for (boolean pictureMean : new boolean[] {false, true}) {
        FeatureMap map = new FeatureMap(5, 7, channels);
        int batch = 12;
        byte[] pictures = new byte[batch * map.values()];
        random.nextBytes(pictures);
        int[] crops = new int[3 * batch];
        for (int n = 0; n < batch; n++) {
          crops[3 * n] = random.nextInt(5);
          crops[3 * n + 1] = random.nextInt(5);
          crops[3 * n + 2] = random.nextInt(2);
        }
        // The last picture is cropped away from itself altogether.
        crops[3 * batch - 3] = 1 << 30;
        float[] mean = new float[channels];
        float[] std = new float[channels];
        for (int c = 0; c < channels; c++) {
          mean[c] = random.nextFloat();
          std[c] = 0.1f + random.nextFloat();
        }
        try (Guarded memory = new Guarded(4, true)) {
          MemorySegment x = memory.allocate(batch * map.bytes());
          InputArgs args =
              new InputArgs(
                  map,
                  batch,
                  memory.allocate(pictures),
                  labels(memory, crops),
                  2,
                  memory.allocate(mean),
                  memory.allocate(std),
                  pictureMean,
                  x);
          kernels.input(args, 0, 5);
          kernels.input(args, 5, batch);
          memory.verify(kernels.name());
          float[] actual = Guarded.floats(x, batch * map.values());
          for (int i = 0; i < actual.length; i++) {
            float expected = pixel(map, pictures, crops, mean, std, pictureMean, i);
            assertThat(actual[i])
                .as(
                    "%s, %d channels, own mean %s, value %d",
                    kernels.name(), channels, pictureMean, i)
                .isCloseTo(expected, within(1e-5f));
          }
        }
      }
    }
  }

  private static float pixel(
      FeatureMap map,
      byte[] pictures,
      int[] crops,
      float[] mean,
      float[] std,
      boolean pictureMean,
      int index) {
    int n = index / map.values();
    int c = index % map.channels();
    int column = index / map.channels() % map.width();
    int row = index / map.channels() / map.width() % map.height();
    int y = row + crops[3 * n] - 2;
    int x = (crops[3 * n + 2] == 1 ? map.width() - 1 - column : column) + crops[3 * n + 1] - 2;
    if (y < 0 || y >= map.height() || x < 0 || x >= map.width()) {
      return 0f;
    }
    int first = n * map.values();
    double center = mean[c];
    if (pictureMean) {
      center = 0;
      for (int i = 0; i < map.values(); i++) {
        center += Byte.toUnsignedInt(pictures[first + i]) / 255.0 / map.values();
      }
    }
    int value = Byte.toUnsignedInt(pictures[first + (y * map.width() + x) * map.channels() + c]);
    return (float) ((value / 255.0 - center) / std[c]);
  }
}
