package dev.nibble.kernels.cublas;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.kernels.DeviceException;
import java.lang.foreign.Arena;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.util.Optional;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Ranges that reach outside are refused before a call. Every function is bound to {@code getpid},
 * which takes what it is given and returns what is no success: a call that gets through is seen as
 * a {@link DeviceException}.
 */
class BindingBoundsTest {
  private static final DevicePointer MEMORY = new DevicePointer(1 << 20, 4096);

  private CudaDriver driver;
  private CudaStreams streams;
  private Cublas blas;

  @BeforeEach
  void bind() throws Exception {
    StandInLibraries.assumeLinux();
    MemorySegment getpid = Linker.nativeLinker().defaultLookup().findOrThrow("getpid");
    SymbolLookup library =
        name -> name.equals("cublasGetStatusName") ? Optional.empty() : Optional.of(getpid);
    driver = new CudaDriver(library);
    streams = driver.streams();
    blas = new Cublas(library);
  }

  @Test
  void copiesStayInsideBothMemories() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(4096);
      assertCalls(() -> streams.copyToDevice(MEMORY, 96, host, 96, 4000, 0));
      assertCalls(() -> streams.copyToHost(host, 96, MEMORY, 96, 4000, 0));
      assertOutside(() -> streams.copyToDevice(MEMORY, 97, host, 0, 4000, 0));
      assertOutside(() -> streams.copyToDevice(MEMORY, 0, host, 97, 4000, 0));
      assertOutside(() -> streams.copyToDevice(MEMORY, -1, host, 0, 1, 0));
      assertOutside(() -> streams.copyToDevice(MEMORY, 0, host, -1, 1, 0));
      assertOutside(() -> streams.copyToDevice(MEMORY, 0, host, 0, -1, 0));
      assertOutside(() -> streams.copyToDevice(MEMORY, Long.MAX_VALUE, host, 0, 2, 0));
      assertOutside(() -> streams.copyToHost(host, 97, MEMORY, 0, 4000, 0));
      assertOutside(() -> streams.copyToHost(host, 0, MEMORY, 97, 4000, 0));
      assertOutside(() -> streams.copyToHost(host, 0, MEMORY, 0, Long.MAX_VALUE, 0));
    }
  }

  @Test
  void onlyLiveMemoryOutsideTheHeapIsCopiedAndRegistered() {
    MemorySegment heap = MemorySegment.ofArray(new byte[8]);
    assertRefused(() -> streams.copyToDevice(MEMORY, 0, heap, 0, 8, 0), "off-heap");
    assertRefused(() -> streams.copyToHost(heap, 0, MEMORY, 0, 8, 0), "off-heap");
    assertRefused(() -> driver.register(heap), "off-heap");
    MemorySegment closed;
    try (Arena arena = Arena.ofConfined()) {
      closed = arena.allocate(8);
      MemorySegment readOnly = closed.asReadOnly();
      assertCalls(() -> driver.register(readOnly));
      assertCalls(() -> driver.unregister(readOnly));
      assertCalls(() -> streams.copyToDevice(MEMORY, 0, readOnly, 0, 8, 0));
      assertRefused(() -> streams.copyToHost(readOnly, 0, MEMORY, 0, 8, 0), "read-only");
    }
    assertRefused(() -> streams.copyToDevice(MEMORY, 0, closed, 0, 8, 0), "closed");
    assertRefused(() -> streams.copyToHost(closed, 0, MEMORY, 0, 8, 0), "closed");
    assertRefused(() -> driver.register(closed), "closed");
    assertRefused(() -> driver.allocate(0, "nothing"), "0 bytes");
    assertRefused(() -> driver.allocate(-1, "nothing"), "-1 bytes");
  }

  @Test
  void productsStayInsideTheirMemories() {
    // 4096 bytes are 1024 floats: 32 columns of 32, or 31 of 33 and one more value.
    assertCalls(() -> product(false, false, 32, 32, 32, 0, 32, 0, 32, 0, 32));
    assertCalls(() -> product(false, false, 1, 32, 32, 0, 33, 0, 32, 0, 33));
    assertCalls(() -> product(true, true, 8, 16, 32, 0, 32, 0, 16, 0, 8));
    assertOutside(() -> product(false, false, 2, 32, 32, 0, 33, 0, 32, 0, 32));
    assertOutside(() -> product(false, false, 32, 32, 32, 4, 32, 0, 32, 0, 32));
    assertOutside(() -> product(false, false, 32, 32, 32, 0, 32, 4, 32, 0, 32));
    assertOutside(() -> product(false, false, 32, 32, 32, 0, 32, 0, 32, 4, 32));
    assertOutside(() -> product(false, false, 32, 32, 32, -4, 32, 0, 32, 0, 32));
    assertOutside(() -> product(true, false, 33, 1, 32, 0, 32, 0, 32, 0, 33));
    assertOutside(() -> product(false, true, 1, 32, 33, 0, 1, 0, 32, 0, 1));
    assertOutside(() -> product(false, false, 1, 1, Integer.MAX_VALUE, 0, 1, 0, MAX, 0, 1));
    assertOutside(() -> product(false, false, MAX, MAX, MAX, 0, MAX, 0, MAX, 0, MAX));
    assertRefused(() -> product(false, false, 32, 32, 32, 0, 31, 0, 32, 0, 32), "31 apart");
    assertRefused(() -> product(false, false, 4, 4, 4, 2, 4, 0, 4, 0, 4), "whole floats");
    assertRefused(() -> product(false, false, 0, 4, 4, 0, 4, 0, 4, 0, 4), "positive");
    assertRefused(() -> product(false, false, 4, 4, -4, 0, 4, 0, 4, 0, 4), "positive");
  }

  private static final int MAX = Integer.MAX_VALUE;

  @Test
  void batchesStayInsideTheirMemories() {
    assertCalls(() -> batch(64, 0, 64, 16));
    assertCalls(() -> batch(0, 64, 64, 16));
    assertOutside(() -> batch(64, 0, 64, 17));
    assertOutside(() -> batch(65, 0, 64, 16));
    assertOutside(() -> batch(0, 65, 64, 16));
    assertOutside(() -> batch(0, 0, 65, 16));
    assertOutside(() -> batch(0, Long.MAX_VALUE, 64, 2));
    assertOutside(() -> batch(0, Long.MAX_VALUE / 4, 64, 16));
    assertRefused(() -> batch(-1, 0, 64, 2), "apart");
    assertRefused(() -> batch(0, 0, 64, 0), "apart");
    assertRefused(() -> batch(0, 0, 0, 2), "share");
    assertRefused(() -> blas.gemmFast16bf(0, eights().series(2, 0, 0, 64)), "One product");
  }

  @Test
  void aFailureSaysWhatTheProductWas() {
    assertThatThrownBy(() -> product(false, true, 8, 4, 16, 0, 8, 0, 4, 0, 8))
        .isInstanceOf(DeviceException.class)
        .hasMessageContaining("sgemm N,T of 8x4x16");
    assertThatThrownBy(() -> batch(64, 0, 64, 3))
        .isInstanceOf(DeviceException.class)
        .hasMessageContaining("sgemm N,N of 8x8x8 times 3");
  }

  /** Both kinds of products: their checks are the same. */
  private void product(
      boolean transposeA,
      boolean transposeB,
      int m,
      int n,
      int k,
      long aOffset,
      int lda,
      long bOffset,
      int ldb,
      long cOffset,
      int ldc) {
    Gemm product =
        new Gemm()
            .size(m, n, k)
            .a(MEMORY, aOffset, lda, transposeA)
            .b(MEMORY, bOffset, ldb, transposeB)
            .c(MEMORY, cOffset, ldc, false);
    try {
      blas.gemmFast16bf(0, product);
    } catch (DeviceException e) {
      blas.sgemm(0, product);
    } catch (RuntimeException e) {
      assertThatThrownBy(() -> blas.sgemm(0, product)).hasSameClassAs(e);
      throw e;
    }
  }

  private void batch(long strideA, long strideB, long strideC, int count) {
    blas.sgemm(0, eights().series(count, strideA, strideB, strideC));
  }

  private static Gemm eights() {
    return new Gemm()
        .size(8, 8, 8)
        .a(MEMORY, 0, 8, false)
        .b(MEMORY, 0, 8, false)
        .c(MEMORY, 0, 8, true);
  }

  private static void assertCalls(ThrowingCallable call) {
    assertThatThrownBy(call).isInstanceOf(DeviceException.class);
  }

  private static void assertOutside(ThrowingCallable call) {
    assertThatThrownBy(call).isInstanceOf(IndexOutOfBoundsException.class);
  }

  private static void assertRefused(ThrowingCallable call, String words) {
    assertThatThrownBy(call)
        .isInstanceOfAny(IllegalArgumentException.class, IllegalStateException.class)
        .hasMessageContaining(words);
  }
}
