package dev.nibble.kernels.cublas;

import static org.assertj.core.api.Assertions.assertThat;

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
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A session is a guest on the threads that call it, which may use CUDA themselves. */
class CurrentContextTest {
  private final CudaStandIn standIn = new CudaStandIn().devices(2);
  private final Arena arena = Arena.ofShared();
  private final Cuda cuda;

  CurrentContextTest() throws CudaUnavailableException {
    cuda = Cuda.of(standIn.driver(), standIn.blas());
  }

  @AfterEach
  void free() {
    standIn.assertNothingLeft();
    standIn.close();
    arena.close();
  }

  @Test
  void aThreadGetsItsOwnContextBack() throws CudaUnavailableException {
    CudaDriver driver = cuda.driver();
    long own = driver.retainPrimaryContext(1);
    driver.pushContext(own);
    Stage stage =
        new Stage(
            new Convolution(new FeatureMap(1, 1, 1), 1, 1, 1, false),
            Activation.IDENTITY,
            null,
            false);
    CublasKernels table = new CublasKernels(cuda, CudaOptions.defaults(), new ScalarKernels());
    Workload workload = new Workload(List.of(stage), 1, 1, 1);
    MemorySegment staging = arena.allocate(table.stagingBytes(workload), 64);
    MemorySegment one = arena.allocate(64, 64);
    ForwardArgs args =
        new ForwardArgs(stage, 1, one, null, null, one, null, null, null, arena.allocate(4), null);
    try (KernelSession session = table.open(workload, MemorySegment.NULL, staging)) {
      assertThat(standIn.currentContext()).as("behind open").isEqualTo(own);
      float[] scratch = new float[session.kernels().scratchFloats(stage)];
      session.kernels().packForward(args, 0, new float[0]);
      assertThat(standIn.currentContext()).as("behind packing").isEqualTo(own);
      session.kernels().forward(args, 0, 0, 1, 0, 1, new float[0], scratch);
      assertThat(standIn.currentContext()).as("behind a pass").isEqualTo(own);
    }
    assertThat(standIn.currentContext()).as("behind close").isEqualTo(own);
    assertThat(CudaReport.text(cuda)).contains("Stand-in");
    assertThat(standIn.currentContext()).as("behind a report").isEqualTo(own);
    driver.popContext();
    driver.releasePrimaryContext(1);
  }

  /** A virtual thread that waits for a lock goes on on any carrier, whose context is another. */
  @Test
  void nothingIsWaitedForWithTheContextInHand() throws InterruptedException {
    CudaDriver driver = cuda.driver();
    long context = driver.retainPrimaryContext(0);
    driver.pushContext(context);
    DevicePointer memory = driver.allocate(256, "weights");
    long stream = driver.streams().createStream();
    DeviceWeights weights = new DeviceWeights(driver, context, memory, stream, 1);
    MemorySegment host = arena.allocate(64, 64);
    int before = standIn.calls("cuCtxPushCurrent_v2");
    Thread thread;
    synchronized (weights) {
      thread = Thread.startVirtualThread(() -> weights.copy(host, 64));
      while (thread.getState() != Thread.State.BLOCKED) {
        Thread.sleep(1);
      }
      assertThat(standIn.calls("cuCtxPushCurrent_v2")).isEqualTo(before);
    }
    thread.join();
    assertThat(standIn.calls("cuCtxPushCurrent_v2")).isEqualTo(before + 1);
    driver.streams().destroyStream(stream);
    driver.free(memory);
    driver.popContext();
    driver.releasePrimaryContext(0);
  }
}
