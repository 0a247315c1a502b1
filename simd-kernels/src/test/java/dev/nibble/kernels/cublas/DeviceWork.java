package dev.nibble.kernels.cublas;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.kernels.DeviceException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Random;

/** Uses every function of the bindings once, on whatever device there is, and prints results. */
final class DeviceWork {
  private static final int M = 5;
  private static final int N = 7;
  private static final int K = 11;
  private static final int FLOATS = 1024;

  private final CudaDriver driver;
  private final CudaStreams streams;
  private final Cublas blas;
  private final MemorySegment host;
  private final DevicePointer device;
  private final long handle;
  private final long stream;
  private final long event;

  private DeviceWork(
      Cuda cuda, MemorySegment host, DevicePointer device, long handle, long stream, long event) {
    driver = cuda.driver();
    streams = driver.streams();
    blas = cuda.blas();
    this.host = host;
    this.device = device;
    this.handle = handle;
    this.stream = stream;
    this.event = event;
  }

  static void run(Cuda cuda) {
    CudaDriver driver = cuda.driver();
    CudaStreams streams = driver.streams();
    Cublas blas = cuda.blas();
    Deque<Runnable> releases = new ArrayDeque<>();
    try (Arena arena = Arena.ofConfined()) {
      try {
        int ordinal = driver.device(0);
        long context = driver.retainPrimaryContext(ordinal);
        releases.push(() -> driver.releasePrimaryContext(ordinal));
        driver.pushContext(context);
        releases.push(driver::popContext);
        MemorySegment host = arena.allocate(JAVA_FLOAT, 3 * FLOATS);
        driver.register(host);
        releases.push(() -> driver.unregister(host));
        DevicePointer device = driver.allocate(host.byteSize(), "three matrices");
        releases.push(() -> driver.free(device));
        DevicePointer workspace = driver.allocate(4 << 20, "cuBLAS's workspace");
        releases.push(() -> driver.free(workspace));
        long stream = streams.createStream();
        releases.push(() -> streams.destroyStream(stream));
        long event = streams.createEvent();
        releases.push(() -> streams.destroyEvent(event));
        long handle = blas.create();
        releases.push(() -> blas.destroy(handle));
        blas.setStream(handle, stream);
        blas.setWorkspace(handle, workspace);
        new DeviceWork(cuda, host, device, handle, stream, event).run();
        System.out.println(refusal(driver));
      } catch (DeviceException e) {
        System.out.println(e.getMessage() + (e.outOfMemory() ? " [out of memory]" : ""));
      } finally {
        releases.forEach(Runnable::run);
      }
    }
  }

  private static String refusal(CudaDriver driver) {
    try {
      driver.free(driver.allocate(1L << 50, "a test"));
      return "a pebibyte was given";
    } catch (DeviceException e) {
      return e.getMessage() + (e.outOfMemory() ? " [out of memory]" : "");
    }
  }

  private void run() {
    Random random = new Random(3);
    for (int i = 0; i < 3 * FLOATS; i++) {
      host.setAtIndex(JAVA_FLOAT, i, random.nextFloat() - 0.5f);
    }
    for (int transposed = 0; transposed < 4; transposed++) {
      boolean a = (transposed & 1) != 0;
      boolean b = (transposed & 2) != 0;
      boolean accumulate = transposed % 3 == 0;
      print("sgemm", error(a, b, accumulate, 1, () -> sgemm(a, b, accumulate)), 1e-6);
      print("batched", error(a, b, accumulate, 3, () -> batched(a, b, accumulate)), 1e-6);
      blas.setMathMode(handle, Cublas.TF32_MATH);
      print("tf32", error(a, b, accumulate, 1, () -> sgemm(a, b, accumulate)), 1e-2);
      blas.setMathMode(handle, Cublas.DEFAULT_MATH);
      print("bf16", error(a, b, accumulate, 1, () -> bf16(a, b, accumulate)), 1e-1);
    }
  }

  private static void print(String what, double error, double bound) {
    System.out.println(what + (error < bound ? " right" : " wrong by " + error));
  }

  private static int leading(boolean transposed, int rows, int columns) {
    return (transposed ? columns : rows) + 1;
  }

  private Gemm product(boolean a, boolean b, boolean accumulate) {
    return new Gemm()
        .size(M, N, K)
        .a(device, 0, leading(a, M, K), a)
        .b(device, 4L * FLOATS, leading(b, K, N), b)
        .c(device, 8L * FLOATS, M + 2, accumulate);
  }

  private void sgemm(boolean a, boolean b, boolean accumulate) {
    blas.sgemm(handle, product(a, b, accumulate));
  }

  private void bf16(boolean a, boolean b, boolean accumulate) {
    blas.gemmFast16bf(handle, product(a, b, accumulate));
  }

  private void batched(boolean a, boolean b, boolean accumulate) {
    blas.sgemm(handle, product(a, b, accumulate).series(3, 100, 0, 64));
  }

  /** Copies in, computes, copies out, and compares with products computed here. */
  private double error(boolean a, boolean b, boolean accumulate, int count, Runnable product) {
    float[] before = host.toArray(JAVA_FLOAT);
    streams.copyToDevice(device, 0, host, 0, host.byteSize(), stream);
    product.run();
    streams.recordEvent(event, stream);
    streams.waitEvent(stream, event);
    long results = 8L * FLOATS;
    streams.copyToHost(host, results, device, results, 4L * FLOATS, stream);
    streams.recordEvent(event, stream);
    streams.synchronizeEvent(event);
    streams.synchronizeStream(stream);
    double worst = 0;
    for (int c = 0; c < count; c++) {
      for (int i = 0; i < M; i++) {
        for (int j = 0; j < N; j++) {
          int at = 2 * FLOATS + c * 64 + j * (M + 2) + i;
          double expected = accumulate ? before[at] : 0;
          for (int p = 0; p < K; p++) {
            int inA = c * 100 + (a ? p + i * (K + 1) : i + p * (M + 1));
            int inB = FLOATS + (b ? j + p * (N + 1) : p + j * (K + 1));
            expected += (double) before[inA] * before[inB];
          }
          worst = Math.max(worst, Math.abs(expected - host.getAtIndex(JAVA_FLOAT, at)));
        }
      }
    }
    return worst;
  }
}
