package dev.nibble.kernels.cublas;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.kernels.Activation;
import dev.nibble.kernels.DeviceException;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.Workload;
import dev.nibble.kernels.scalar.ScalarKernels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Where a handle can't be made, cuBLAS names no size: the message says what is free. */
class HandleMemoryTest {
  private static final int ALLOC_FAILED = 3;

  private static void open(CudaStandIn standIn, int status) throws CudaUnavailableException {
    Convolution op = new Convolution(new FeatureMap(1, 1, 1), 1, 1, 1, false);
    Stage stage = new Stage(op, Activation.IDENTITY, null, false);
    Workload workload = new Workload(List.of(stage), 1, 1, 1);
    Cuda cuda = Cuda.of(standIn.driver(), standIn.blas());
    CublasKernels table = new CublasKernels(cuda, CudaOptions.defaults(), new ScalarKernels());
    try (Arena arena = Arena.ofShared()) {
      MemorySegment staging = arena.allocate(table.stagingBytes(workload), 64);
      standIn.failFunction("cublasCreate_v2", 1, status);
      table.open(workload, MemorySegment.NULL, staging).close();
    } finally {
      standIn.assertNothingLeft();
    }
  }

  /** A device that is full may also answer that cuBLAS could not be initialised. */
  @ParameterizedTest
  @ValueSource(ints = {1, ALLOC_FAILED})
  void theMessageSaysWhatIsFree(int status) {
    try (CudaStandIn standIn = new CudaStandIn()) {
      standIn.deviceBytes(40 << 20);
      assertThatThrownBy(() -> open(standIn, status))
          .isInstanceOfSatisfying(
              DeviceException.class,
              e -> assertThat(e.outOfMemory()).isEqualTo(status == ALLOC_FAILED))
          .hasMessageContaining("cublasCreate_v2 failed with CUBLAS_STATUS_")
          .hasMessageEndingWith("(" + status + "): 8 MiB free of 40 MiB");
    }
  }
}
