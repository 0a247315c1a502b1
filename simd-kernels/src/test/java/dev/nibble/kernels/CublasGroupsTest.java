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
  /** Pictures of which 4 MiB hold two, but not three. */
  static Stream<Convolution> operators() {
    return Stream.of(
        new Convolution(new FeatureMap(96, 96, 20), 30, 1, 1, true),
        new Convolution(new FeatureMap(90, 101, 22), 21, 3, 1, true),
        new Convolution(new FeatureMap(141, 140, 12), 24, 3, 2, true),
        new Convolution(new FeatureMap(220, 230, 8), 20, 1, 2, true));
  }

  @ParameterizedTest
  @MethodSource("operators")
  void slotsAreUsedAgainWhenTheirGroupIsDone(Convolution op) {
    for (HostKernels host : List.of(new ScalarKernels(), new VectorKernels(false))) {
      try (StandInDevice device = new StandInDevice();
          Arena arena = Arena.ofShared()) {
        Kernels kernels = device.kernels(CudaOptions.defaults(), host);
        for (boolean first : new boolean[] {false, true}) {
          WholeStage stage = new WholeStage(arena, op, first, 0, 7, 12);
          stage.draw(5);
          try (OpenKernelsOfStage open = new OpenKernelsOfStage(kernels, stage.stage(), 12, 2, 1)) {
            stage.run(open.kernels());
          }
          device.verify();
          stage.assertWrittenAsBy(new ScalarKernels());
        }
      }
    }
  }
}
