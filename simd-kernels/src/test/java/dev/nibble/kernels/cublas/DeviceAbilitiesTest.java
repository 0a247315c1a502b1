package dev.nibble.kernels.cublas;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.kernels.Activation;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.KernelSession;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.Workload;
import dev.nibble.kernels.scalar.ScalarKernels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What not every device can. */
class DeviceAbilitiesTest {
  private static CublasKernels table(CudaStandIn standIn, Precision precision)
      throws CudaUnavailableException {
    CudaOptions options = CudaOptions.defaults().withPrecision(precision);
    return new CublasKernels(
        Cuda.of(standIn.driver(), standIn.blas()), options, new ScalarKernels());
  }

  /** cuBLAS would multiply in fp32 and not say so, and the run would be recorded as another. */
  @ParameterizedTest
  @EnumSource(Precision.class)
  void onlyAmpereAndLaterMultiplyAtLowerPrecisions(Precision precision)
      throws CudaUnavailableException {
    try (CudaStandIn standIn = new CudaStandIn()) {
      standIn.capability(80);
      assertThat(table(standIn, precision).description()).contains(precision.text() + " products");
      standIn.capability(75);
      if (precision == Precision.FP32) {
        assertThat(table(standIn, precision).description()).contains("fp32 products");
      } else {
        assertThatThrownBy(() -> table(standIn, precision))
            .isInstanceOf(CudaUnavailableException.class)
            .hasMessage(
                "Stand-in, of compute capability 7.5, multiplies in fp32 only, not in "
                    + precision.text());
      }
    }
  }

  @Test
  void aDeviceThatRegistersNoMemoryComputesTheSame() throws CudaUnavailableException {
    Convolution op = new Convolution(new FeatureMap(1, 1, 2), 1, 1, 1, false);
    Stage stage = new Stage(op, Activation.IDENTITY, null, false);
    try (CudaStandIn standIn = new CudaStandIn();
        Arena arena = Arena.ofShared()) {
      standIn.registers(false);
      CublasKernels table = table(standIn, Precision.FP32);
      Workload workload = new Workload(List.of(stage), 1, 1, 1);
      MemorySegment x = arena.allocateFrom(JAVA_FLOAT, 3, 5);
      MemorySegment weights = arena.allocateFrom(JAVA_FLOAT, 7, 11);
      MemorySegment y = arena.allocate(JAVA_FLOAT);
      ForwardArgs args =
          new ForwardArgs(stage, 1, x, null, null, weights, null, null, null, y, null);
      MemorySegment staging = arena.allocate(table.stagingBytes(workload), 64);
      try (KernelSession session = table.open(workload, MemorySegment.NULL, staging)) {
        session.kernels().packForward(args, 0, new float[0]);
        float[] scratch = new float[session.kernels().scratchFloats(stage)];
        session.kernels().forward(args, 0, 0, 1, 0, 1, new float[0], scratch);
      }
      assertThat(y.get(JAVA_FLOAT, 0)).isEqualTo(3 * 7 + 5 * 11);
      standIn.assertNothingLeft();
    }
  }
}
