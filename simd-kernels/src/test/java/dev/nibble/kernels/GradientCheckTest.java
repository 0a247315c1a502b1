package dev.nibble.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.kernels.Operator.AveragePooling;
import dev.nibble.kernels.Operator.ChannelShuffle;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Operator.Dropout;
import dev.nibble.kernels.Operator.GlobalAveragePooling;
import dev.nibble.kernels.Operator.MaxPooling;
import dev.nibble.kernels.Operator.Multiply;
import dev.nibble.kernels.Operator.Padding;
import dev.nibble.kernels.Operator.Resample;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Gradients of the exact mode against central differences of the forward pass. */
@Tag("gpu")
class GradientCheckTest {
  private static final float STEP = 2e-3f;

  static Stream<Arguments> stages() {
    FeatureMap map = new FeatureMap(5, 4, 3);
    FeatureMap wide = new FeatureMap(4, 3, 4);
    List<Operator> operators =
        List.of(
            new Convolution(map, 4, 3, 1, true),
            new Convolution(map, 2, 3, 2, false),
            new Convolution(map, 5, 1, 2, true),
            new Convolution(map, 2, 5, 3, false),
            Convolution.depthwise(map, 3, 1),
            Convolution.depthwise(map, 3, 2),
            new MaxPooling(map, 3, 2),
            new MaxPooling(map, 2, 2),
            new Convolution(map, 4, new Window(2, 3, 1, 2, 0, 1, 2, 0, 2, 1), 1, true),
            new Convolution(map, 2, new Window(1, 4, 2, 1, 1, 3, 0, 0, 1, 1), 1, true),
            new Convolution(map, 2, Window.whole(map), 1, true),
            new Convolution(wide, 6, new Window(3, 3, 1, 1, 1, 1, 1, 1, 1, 1), 2, true),
            new Convolution(wide, 8, new Window(3, 2, 2, 1, 2, 1, 2, 1, 2, 2), 4, true),
            new Convolution(wide, 4, new Window(2, 3, 2, 1, 1, 1, 0, 1, 1, 2), 4, true),
            MaxPooling.global(map),
            new MaxPooling(map, new Window(2, 3, 2, 1, 1, 0, 0, 1, 1, 1), true),
            new AveragePooling(map, new Window(3, 2, 2, 2, 1, 0, 1, 0, 1, 1), true, true),
            new AveragePooling(map, new Window(3, 2, 2, 2, 1, 0, 1, 1, 1, 2), false, false),
            new Multiply(map, map),
            new Multiply(map, new FeatureMap(1, 1, 3)),
            new Dropout(map, 0.3f, 7, false),
            new Dropout(map, 0.5f, 7, true),
            new ChannelShuffle(wide, 2),
            new Padding(map, 1, -1, 2, 0, -1, 3),
            GroupNorm.byPixel(map, 0.1f),
            new GroupNorm(map, 1, true, 0.1f, false),
            GroupNorm.of(wide, 1, 0.1f),
            GroupNorm.of(wide, 2, 0.1f),
            // Of instances, a small epsilon leaves hardly a gradient to a batch norm's scale
            // before.
            GroupNorm.of(map, 3, 1f),
            new GroupNorm(wide, 4, false, 1f, false),
            GroupNorm.byResponse(wide, 0.1f, true),
            GroupNorm.byResponse(map, 0.1f, false),
            new Sampling(
                map, AxisSampling.linear(map.height(), 7), AxisSampling.nearest(map.width(), 8)),
            new Sampling(map, picked(map.height(), 2, 1, 0, 1), picked(map.width(), 0, 0, 2)),
            new GlobalAveragePooling(map),
            new Resample(map, 2, 6));
    List<Activation> activations =
        List.of(
            new Activation(true, true, StoreFormat.FP32, false),
            new Activation(true, false, StoreFormat.FP32, false),
            new Activation(false, true, StoreFormat.FP32, false),
            new Activation(false, false, StoreFormat.KEPT, false));
    List<Arguments> all = new ArrayList<>();
    for (Kernels kernels : Providers.underTest()) {
      for (Operator operator : operators) {
        for (Activation activation : activations) {
          if (!takesOff(operator, activation)) {
            all.add(Arguments.of(kernels, new Stage(operator, activation, null, false)));
          }
        }
      }
      NonlinearityTest.all()
          .flatMap(f -> functions(new FeatureMap(4, 3, 18), f))
          .forEach(stage -> all.add(Arguments.of(kernels, stage)));
    }
    return all.stream();
  }

  private static AxisSampling picked(int size, int... places) {
    return AxisSampling.of(size, places, new float[places.length]);
  }

  /**
   * Whether a channel's own norm takes off what a batch norm before it adds: that has no gradient,
   * and differences of fp32 are noise.
   */
  private static boolean takesOff(Operator operator, Activation activation) {
    return operator instanceof GroupNorm g
        && g.groups() == g.input().channels()
        && !g.byResponse()
        && activation.normalize()
        && activation.isLinear();
  }

  /** A stage that reads its input through the function, behind a batch norm and without. */
  private static Stream<Stage> functions(FeatureMap map, Nonlinearity function) {
    Operator operator = new Convolution(map, 2, 1, 1, true);
    return Stream.of(true, false)
        .map(normalize -> new Activation(normalize, function, StoreFormat.FP32, false))
        .map(activation -> new Stage(operator, activation, null, false));
  }

  @ParameterizedTest(name = "{1}")
  @MethodSource("stages")
  void gradientsAreDifferences(Kernels kernels, Stage stage) {
    TinyStage tiny = new TinyStage(kernels, stage, new Random(stage.toString().hashCode()));
    List<float[]> gradients = tiny.gradients();
    for (int p = 0; p < gradients.size(); p++) {
      check(kernels.name() + " " + stage + " " + TinyStage.NAMES.get(p), tiny, p, gradients.get(p));
    }
  }

  private static void check(String what, TinyStage tiny, int parameter, float[] gradient) {
    float[] values = tiny.parameters().get(parameter);
    assertThat(gradient).as(what).hasSameSizeAs(values);
    if (values.length == 0) {
      return;
    }
    double scale = 1e-2;
    for (float g : gradient) {
      scale = Math.max(scale, Math.abs(g));
    }
    int kinks = 0;
    double loss = tiny.loss();
    for (int i = 0; i < values.length; i++) {
      float value = values[i];
      values[i] = value + STEP;
      double above = (tiny.loss() - loss) / ((double) values[i] - value);
      values[i] = value - STEP;
      double below = (loss - tiny.loss()) / ((double) value - values[i]);
      values[i] = value;
      // Where a ReLU or a maximum switches within the step, there is no derivative to compare with.
      if (Math.abs(above - below) > 0.03 * scale) {
        kinks++;
        continue;
      }
      assertThat(Math.abs((above + below) / 2 - gradient[i]))
          .as(
              "%s[%d]: %s by differences, %s by the kernel",
              what, i, (above + below) / 2, gradient[i])
          .isLessThan(0.02 * scale);
    }
    assertThat(kinks)
        .as("kinks among %d values of %s", values.length, what)
        .isLessThan(Math.max(2, values.length / 4));
  }
}
