package dev.nibble.kernels;

import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.cublas.CudaOptions;
import dev.nibble.kernels.cublas.StandInDevice;
import dev.nibble.kernels.scalar.ScalarKernels;
import dev.nibble.kernels.vector.VectorKernels;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Shards of so many large pictures that both slots of a lane are used again and again, and the last
 * group is smaller.
 */
class CublasGroupsTest {
  /**
   * Pictures of which 4 MiB hold two, but not three: of few channels, so that products are quick.
   */
  static Stream<Convolution> operators() {
    return Stream.of(
        new Convolution(new FeatureMap(150, 180, 7), 9, 1, 1, true),
        new Convolution(new FeatureMap(170, 181, 7), 6, 3, 1, true),
        new Convolution(new FeatureMap(301, 300, 3), 5, 3, 2, true),
        new Convolution(new FeatureMap(220, 230, 8), 20, 1, 2, true));
  }

  @ParameterizedTest
  @MethodSource("operators")
  void slotsAreUsedAgainWhenTheirGroupIsDone(Convolution op) {
    for (boolean first : new boolean[] {false, true}) {
      try (Arena arena = Arena.ofShared()) {
        WholeStage stage = new WholeStage(arena, op, first, 0, 7, 12);
        stage.draw(5);
        stage.run(new ScalarKernels());
        List<byte[]> expected = stage.written();
        for (HostKernels host : List.of(new ScalarKernels(), new VectorKernels(false))) {
          stage.draw(5);
          runOnADevice(host, stage);
          stage.assertWritten(expected);
        }
      }
    }
  }

  private static void runOnADevice(HostKernels host, WholeStage stage) {
    try (StandInDevice device = new StandInDevice()) {
      Kernels kernels = device.kernels(CudaOptions.defaults(), host);
      try (OpenKernelsOfStage open = new OpenKernelsOfStage(kernels, stage.stage(), 12, 2, 1)) {
        stage.run(open.kernels());
      }
      device.verify();
    }
  }
}
