package dev.nibble.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.kernels.Operator.AveragePooling;
import dev.nibble.kernels.Operator.ChannelShuffle;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Operator.Dropout;
import dev.nibble.kernels.Operator.MaxPooling;
import dev.nibble.kernels.Operator.Multiply;
import dev.nibble.kernels.Operator.Padding;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Sizes by PyTorch's and ONNX's rules, and operators that have no meaning. */
class WindowTest {
  private static final FeatureMap MAP = new FeatureMap(5, 6, 4);

  private static Window window(int kernel, int stride, int before, int after, int dilation) {
    return new Window(
        kernel, kernel, stride, stride, before, before, after, after, dilation, dilation);
  }

  @Test
  void sizesAreThoseOfTorch() {
    // torch.nn.functional.max_pool2d and conv2d of a 1 x 4 x 5 x 6 tensor.
    assertThat(new MaxPooling(MAP, window(2, 2, 0, 0, 1), false).output())
        .isEqualTo(new FeatureMap(2, 3, 4));
    assertThat(new MaxPooling(MAP, window(2, 2, 0, 0, 1), true).output())
        .isEqualTo(new FeatureMap(3, 3, 4));
    // The third window would begin behind the picture, in the padding.
    assertThat(new MaxPooling(new FeatureMap(4, 4, 4), window(2, 3, 1, 1, 1), true).output())
        .isEqualTo(new FeatureMap(2, 2, 4));
    assertThat(new Convolution(MAP, 8, window(3, 2, 2, 0, 2), 4, false).output())
        .isEqualTo(new FeatureMap(2, 2, 8));
    assertThat(new Convolution(MAP, 7, Window.whole(MAP), 1, true).output())
        .isEqualTo(new FeatureMap(1, 1, 7));
  }

  @Test
  void whatIsPaddedAndCountedIsAsInTorch() {
    // avg_pool2d with kernel 3, stride 2, padding 1, ceil_mode: the last window leaves the padding.
    FeatureMap map = new FeatureMap(4, 4, 1);
    AveragePooling counting = new AveragePooling(map, window(3, 2, 1, 1, 1), true, true);
    assertThat(counting.output()).isEqualTo(new FeatureMap(3, 3, 1));
    assertThat(counting.share(0, 0)).isEqualTo(1f / 9);
    assertThat(counting.share(2, 2)).isEqualTo(1f / 4);
    AveragePooling valid = new AveragePooling(map, window(3, 2, 1, 1, 1), true, false);
    assertThat(valid.share(0, 0)).isEqualTo(1f / 4);
    assertThat(valid.share(2, 2)).isEqualTo(1f);
  }

  @Test
  void aShuffleOfTwoGroupsInterleavesThem() {
    ChannelShuffle shuffle = new ChannelShuffle(new FeatureMap(1, 1, 6), 2);
    int[] sources = {0, 3, 1, 4, 2, 5};
    for (int c = 0; c < sources.length; c++) {
      assertThat(shuffle.source(c)).isEqualTo(sources[c]);
    }
  }

  static Stream<Runnable> meaningless() {
    int huge = 1 << 30;
    FeatureMap wide = new FeatureMap(1 << 14, 1 << 14, 1);
    return Stream.of(
        () -> window(0, 1, 0, 0, 1),
        () -> window(3, 0, 0, 0, 1),
        () -> window(3, 1, -1, 0, 1),
        () -> window(3, 1, 0, -1, 1),
        () -> window(3, 1, 0, 0, 0),
        () -> window(huge, 1, 0, 0, 1),
        () -> window(3, 1, 0, 0, 1 << 20),
        () -> window(1 << 19, 1, 0, 0, 1),
        () -> new Convolution(MAP, 4, window(7, 1, 0, 0, 1), 1, false),
        () -> new Convolution(MAP, 4, window(3, 1, 0, 0, 3), 1, false),
        () -> new Convolution(MAP, 4, window(3, 1, 1, 1, 1), 3, false),
        () -> new Convolution(MAP, 6, window(3, 1, 1, 1, 1), 4, false),
        () -> new Convolution(MAP, 4, window(3, 1, 1, 1, 1), 0, false),
        () -> new Convolution(MAP, 0, window(3, 1, 1, 1, 1), 1, false),
        () -> new Convolution(MAP, huge, window(3, 1, 1, 1, 1), 1, false),
        () -> new Convolution(MAP, 4, 2, 1, false),
        () -> new Convolution(wide, 1, window(3, 1, 1 << 20, 1 << 20, 1), 1, false),
        () -> new MaxPooling(MAP, window(2, 2, 2, 2, 1), false),
        () -> new MaxPooling(new FeatureMap(1, 1, 1), window(2, 1, 2, 2, 3), false),
        () -> new AveragePooling(MAP, window(2, 2, 0, 3, 1), false, true),
        () -> new Multiply(MAP, new FeatureMap(1, 1, 3)),
        () -> new Multiply(MAP, new FeatureMap(5, 1, 4)),
        () -> new Dropout(MAP, 1, 0, false),
        () -> new Dropout(MAP, Float.NaN, 0, false),
        () -> new Dropout(MAP, -0.1f, 0, false),
        () -> new ChannelShuffle(MAP, 3),
        () -> new Padding(MAP, -5, 1, 0, 0, 0, 0),
        () -> new Padding(MAP, -3, 0, -2, 0, 0, 0),
        () -> new Padding(MAP, 0, 0, 0, 0, 0, -4),
        () -> new Padding(MAP, Integer.MIN_VALUE, 0, 0, 0, 0, 0),
        () -> new Layout(4, 4),
        () -> new Layout(0, 0),
        () -> new Layout(4, -1),
        () -> slice(new Layout(5, 2)),
        () -> slice(new Layout(1 << 28, 0)));
  }

  private static void slice(Layout layout) {
    new Stage(new Dropout(MAP, 0, 0, false), Activation.IDENTITY, null, false, layout);
  }

  @ParameterizedTest
  @MethodSource("meaningless")
  void whatHasNoMeaningIsRefusedInASentence(Runnable make) {
    assertThatThrownBy(make::run)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageMatching("(?s).{20,200}");
  }
}
