package dev.nibble.kernels.cublas;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.nibble.kernels.DeviceException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;

/**
 * cuBLAS, bound to a library's symbols. Handles are a {@code long}, which only this class made and
 * which are not used after they were destroyed; a handle computes in its stream, and one thread at
 * a time uses it. Every method throws {@link DeviceException} where cuBLAS returns another status
 * than success.
 */
final class Cublas {
  /** Products of fp32 values. */
  static final int DEFAULT_MATH = 0;

  /** Products of values rounded to TensorFloat-32. */
  static final int TF32_MATH = 3;

  private static final int REAL_32F = 0;
  private static final int COMPUTE_32F_FAST_16BF = 75;
  private static final int GEMM_DEFAULT = -1;

  private final BlasErrors errors;
  private final NativeFunction create;
  private final NativeFunction destroy;
  private final NativeFunction version;
  private final NativeFunction setStream;
  private final NativeFunction setWorkspace;
  private final NativeFunction setMathMode;
  private final NativeFunction sgemm;
  private final NativeFunction sgemmStridedBatched;
  private final NativeFunction gemmEx;

  /** Factors, in host memory that lives as long as this object. */
  private final MemorySegment zero = Arena.ofAuto().allocateFrom(JAVA_FLOAT, 0);

  private final MemorySegment one = Arena.ofAuto().allocateFrom(JAVA_FLOAT, 1);

  Cublas(SymbolLookup library) throws CudaUnavailableException {
    this(library, "libcublas");
  }

  /**
   * Binds the functions.
   *
   * @param name of the library, for people
   * @throws CudaUnavailableException if the library lacks one; the message names it
   */
  Cublas(SymbolLookup library, String name) throws CudaUnavailableException {
    Symbols symbols = new Symbols(name, library, "install a complete cuBLAS");
    errors = new BlasErrors(symbols);
    create = symbols.function("cublasCreate_v2", JAVA_LONG);
    destroy = symbols.function("cublasDestroy_v2", JAVA_LONG);
    version = symbols.function("cublasGetVersion_v2", JAVA_LONG, JAVA_LONG);
    setStream = symbols.function("cublasSetStream_v2", JAVA_LONG, JAVA_LONG);
    setWorkspace = symbols.function("cublasSetWorkspace_v2", JAVA_LONG, JAVA_LONG, JAVA_LONG);
    setMathMode = symbols.function("cublasSetMathMode", JAVA_LONG, JAVA_INT);
    sgemm =
        symbols.function(
            "cublasSgemm_v2",
            JAVA_LONG,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            ADDRESS,
            JAVA_LONG,
            JAVA_INT,
            JAVA_LONG,
            JAVA_INT,
            ADDRESS,
            JAVA_LONG,
            JAVA_INT);
    sgemmStridedBatched =
        symbols.function(
            "cublasSgemmStridedBatched",
            JAVA_LONG,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            ADDRESS,
            JAVA_LONG,
            JAVA_INT,
            JAVA_LONG,
            JAVA_LONG,
            JAVA_INT,
            JAVA_LONG,
            ADDRESS,
            JAVA_LONG,
            JAVA_INT,
            JAVA_LONG,
            JAVA_INT);
    gemmEx =
        symbols.function(
            "cublasGemmEx",
            JAVA_LONG,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            ADDRESS,
            JAVA_LONG,
            JAVA_INT,
            JAVA_INT,
            JAVA_LONG,
            JAVA_INT,
            JAVA_INT,
            ADDRESS,
            JAVA_LONG,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT);
  }

  /** Whether a call failed for more than want of memory. */
  boolean hasFailed() {
    return errors.hasFailed();
  }

  /** A handle for the calling thread's current context. */
  long create() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_LONG);
      errors.check(create.call(out.address()), create);
      return out.get(JAVA_LONG, 0);
    }
  }

  void destroy(long handle) {
    errors.check(destroy.call(handle), destroy);
  }

  /** 10000 times the major version, 100 times the minor, and the patch level. */
  int version(long handle) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_INT);
      errors.check(version.call(handle, out.address()), version);
      return out.get(JAVA_INT, 0);
    }
  }

  /** Sets the stream; the workspace is cuBLAS's own again afterwards. */
  void setStream(long handle, long stream) {
    errors.check(setStream.call(handle, stream), setStream);
  }

  void setWorkspace(long handle, DevicePointer workspace) {
    int status = setWorkspace.call(handle, workspace.address(), workspace.bytes());
    if (status != 0) {
      throw errors.exception(status, setWorkspace, DeviceSize.format(workspace.bytes()));
    }
  }

  /** Sets {@link #DEFAULT_MATH} or {@link #TF32_MATH}. */
  void setMathMode(long handle, int mode) {
    errors.check(setMathMode.call(handle, mode), setMathMode);
  }

  /**
   * Computes a product, or several, of fp32 values.
   *
   * @throws IndexOutOfBoundsException if a matrix reaches outside its memory
   */
  void sgemm(long handle, Gemm product) {
    product.check();
    if (product.count() > 1) {
      sgemmStridedBatched(handle, product);
      return;
    }
    int status;
    try {
      status =
          (int)
              sgemm
                  .handle()
                  .invokeExact(
                      handle,
                      op(product.transposesA()),
                      op(product.transposesB()),
                      product.m(),
                      product.n(),
                      product.k(),
                      one,
                      product.addressA(),
                      product.leadingA(),
                      product.addressB(),
                      product.leadingB(),
                      beta(product),
                      product.addressC(),
                      product.leadingC());
    } catch (Throwable e) {
      throw NativeFunction.unexpected(e);
    }
    if (status != 0) {
      throw errors.exception(status, sgemm, "sgemm " + product);
    }
  }

  private void sgemmStridedBatched(long handle, Gemm product) {
    int status;
    try {
      status =
          (int)
              sgemmStridedBatched
                  .handle()
                  .invokeExact(
                      handle,
                      op(product.transposesA()),
                      op(product.transposesB()),
                      product.m(),
                      product.n(),
                      product.k(),
                      one,
                      product.addressA(),
                      product.leadingA(),
                      product.strideA(),
                      product.addressB(),
                      product.leadingB(),
                      product.strideB(),
                      beta(product),
                      product.addressC(),
                      product.leadingC(),
                      product.strideC(),
                      product.count());
    } catch (Throwable e) {
      throw NativeFunction.unexpected(e);
    }
    if (status != 0) {
      throw errors.exception(status, sgemmStridedBatched, "sgemm " + product);
    }
  }

  /**
   * Computes a product of fp32 values, with factors rounded to bfloat16 inside.
   *
   * @throws IllegalArgumentException if it is a series: cuBLAS knows none of this kind
   * @throws IndexOutOfBoundsException if a matrix reaches outside its memory
   */
  void gemmFast16bf(long handle, Gemm product) {
    product.check();
    if (product.count() != 1) {
      throw new IllegalArgumentException("One product at a time, not " + product);
    }
    int status;
    try {
      status =
          (int)
              gemmEx
                  .handle()
                  .invokeExact(
                      handle,
                      op(product.transposesA()),
                      op(product.transposesB()),
                      product.m(),
                      product.n(),
                      product.k(),
                      one,
                      product.addressA(),
                      REAL_32F,
                      product.leadingA(),
                      product.addressB(),
                      REAL_32F,
                      product.leadingB(),
                      beta(product),
                      product.addressC(),
                      REAL_32F,
                      product.leadingC(),
                      COMPUTE_32F_FAST_16BF,
                      GEMM_DEFAULT);
    } catch (Throwable e) {
      throw NativeFunction.unexpected(e);
    }
    if (status != 0) {
      throw errors.exception(status, gemmEx, "gemm bf16 " + product);
    }
  }

  private static int op(boolean transpose) {
    return transpose ? 1 : 0;
  }

  /** The factor of what is in C: cuBLAS does not read C where it is 0. */
  private MemorySegment beta(Gemm product) {
    return product.accumulates() ? one : zero;
  }
}
