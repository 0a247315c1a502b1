package dev.nibble.kernels.vector;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.nibble.kernels.Activation;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.vector.convolution.ConvolutionBackwardData;
import dev.nibble.kernels.vector.convolution.ConvolutionGeometry;
import dev.nibble.kernels.vector.passes.Algorithms;
import dev.nibble.kernels.vector.passes.ScratchLayout;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Sizes and phases. */
final class ConvolutionGeometryTest {
  private static Convolution convolution(int size, int kernel, int stride) {
    return new Convolution(new FeatureMap(size, size, 2), 3, kernel, stride, false);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 5, 7})
  void phasesPartitionRowsAndTaps(int kernel) {
    for (int stride = 1; stride <= 4; stride++) {
      for (int size = 1; size <= 12; size++) {
        Convolution conv = convolution(size, kernel, stride);
        int rows = 0;
        int taps = 0;
        for (int phase = 0; phase < ConvolutionGeometry.phases(conv, true); phase++) {
          rows += ConvolutionGeometry.inputs(conv, true, phase, 0, size);
          taps += ConvolutionGeometry.taps(conv, true, phase);
        }
        if (stride <= kernel) {
          assertThat(rows).as("rows of %s", conv).isEqualTo(size);
        }
        assertThat(taps).as("taps of %s", conv).isEqualTo(kernel);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "8, 1, 1, 0, 0",
    "8, 3, 1, 1, 1",
    "8, 5, 1, 2, 2",
    "8, 3, 2, 0, 1",
    "7, 3, 2, 0, 0",
    "8, 1, 2, 0, 0",
    "8, 7, 2, 1, 2",
    "1, 3, 3, 0, 0",
    "1, 7, 1, 3, 3"
  })
  void gradientIsPaddedAsFarAsTapsReach(int size, int kernel, int stride, int before, int after) {
    Convolution conv = convolution(size, kernel, stride);
    assertThat(ConvolutionGeometry.dyBefore(conv)).isEqualTo(before);
    assertThat(ConvolutionGeometry.dyRight(conv)).isEqualTo(after);
    int side = before + conv.output().width() + after;
    assertThat(ConvolutionGeometry.dyRow(conv)).isEqualTo(side * 3);
    assertThat(ConvolutionBackwardData.firstGradientRow(conv, 0)).isEqualTo(-before);
    assertThat(ConvolutionBackwardData.endGradientRow(conv, size))
        .isEqualTo(conv.output().height() + after);
  }

  @Test
  void shapesBeyondAnArrayAreRejected() {
    Convolution conv = new Convolution(new FeatureMap(1, 1 << 28, 1), 1, 9, 1, false);
    Stage stage = new Stage(conv, Activation.IDENTITY, null, false);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ScratchLayout.floats(stage, new Algorithms(false)))
        .withMessageContaining("exceeds an array");
  }
}
