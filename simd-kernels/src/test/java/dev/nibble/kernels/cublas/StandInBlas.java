package dev.nibble.kernels.cublas;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import dev.nibble.kernels.cublas.StandInMemory.Block;
import dev.nibble.kernels.cublas.StandInProduct.Operand;
import dev.nibble.kernels.cublas.StandInProduct.Rounding;
import dev.nibble.kernels.cublas.StandInStreams.Stream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** cuBLAS's functions over the stand-in's memory and streams. All pointers are {@code long}. */
@SuppressWarnings({"MemberName", "UnusedMethod"}) // C's names, called as C functions
final class StandInBlas {
  private static final int NOT_INITIALIZED = 1;
  private static final int INVALID_VALUE = 7;
  private static final int EXECUTION_FAILED = 13;
  private static final int VERSION = 130_000;
  private static final int TF32_MATH = 3;
  private static final int WORKSPACE_ALIGNMENT = 256;

  /** With less, cuBLAS may refuse a product for want of memory, its documentation says. */
  private static final int LEAST_WORKSPACE = 16 << 10;

  private static final int REAL_32F = 0;
  private static final int GEMM_DEFAULT = -1;
  private static final Map<Integer, Rounding> COMPUTE_TYPES =
      Map.of(68, Rounding.FP32, 75, Rounding.BF16, 77, Rounding.TF32);
  private static final Map<Integer, String> STATUSES =
      Map.of(
          1, "CUBLAS_STATUS_NOT_INITIALIZED",
          3, "CUBLAS_STATUS_ALLOC_FAILED",
          7, "CUBLAS_STATUS_INVALID_VALUE",
          8, "CUBLAS_STATUS_ARCH_MISMATCH",
          11, "CUBLAS_STATUS_MAPPING_ERROR",
          13, "CUBLAS_STATUS_EXECUTION_FAILED",
          14, "CUBLAS_STATUS_INTERNAL_ERROR",
          15, "CUBLAS_STATUS_NOT_SUPPORTED",
          16, "CUBLAS_STATUS_LICENSE_ERROR");

  /** A handle's state. */
  private static final class Handle {
    private long stream;
    private @Nullable StandInRange workspace;
    private Rounding rounding = Rounding.FP32;
  }

  private interface Call {
    int run(Handle handle);
  }

  private final CudaStandIn owner;
  private final StandInGate gate;
  private final Map<Long, Handle> handles = new LinkedHashMap<>();
  private long next = 0xB_0000;

  StandInBlas(CudaStandIn owner) {
    this.owner = owner;
    this.gate = owner.gate();
  }

  List<String> left() {
    List<String> left = new ArrayList<>();
    handles.keySet().forEach(id -> left.add("cuBLAS handle %x".formatted(id)));
    return left;
  }

  /** Whether a range is a handle's workspace. */
  boolean isWorkspace(StandInRange range) {
    return handles.values().stream().anyMatch(handle -> range.equals(handle.workspace));
  }

  int cublasCreate_v2(long out) {
    return gate.call(
        "cublasCreate_v2",
        () -> {
          if (!owner.contexts().isCurrent()) {
            return gate.fail(NOT_INITIALIZED, "a handle was made without a current context");
          }
          next += 16;
          handles.put(next, new Handle());
          StandInStubs.at(out, 8).set(JAVA_LONG_UNALIGNED, 0, next);
          return 0;
        },
        () -> {});
  }

  int cublasDestroy_v2(long id) {
    return gate.call(
        "cublasDestroy_v2",
        () ->
            handles.remove(id) != null
                ? 0
                : gate.fail(NOT_INITIALIZED, "a handle was destroyed that is none"),
        () -> handles.remove(id));
  }

  private int with(String name, long id, Call body) {
    return gate.call(
        name,
        () -> {
          Handle handle = handles.get(id);
          if (handle == null) {
            return gate.fail(NOT_INITIALIZED, "%s was given a handle that is none", name);
          }
          return owner.contexts().isCurrent()
              ? body.run(handle)
              : gate.fail(NOT_INITIALIZED, "%s was called without a current context", name);
        },
        () -> {});
  }

  int cublasGetVersion_v2(long id, long version) {
    return with(
        "cublasGetVersion_v2",
        id,
        handle -> {
          StandInStubs.at(version, 4).set(JAVA_INT_UNALIGNED, 0, VERSION);
          return 0;
        });
  }

  /** Sets the stream; the workspace is cuBLAS's own again, as its documentation says. */
  int cublasSetStream_v2(long id, long stream) {
    return with(
        "cublasSetStream_v2",
        id,
        handle -> {
          if (owner.streams().stream(stream) == null) {
            return gate.fail(INVALID_VALUE, "a handle was given a stream that is none");
          }
          handle.stream = stream;
          handle.workspace = null;
          return 0;
        });
  }

  int cublasSetWorkspace_v2(long id, long pointer, long bytes) {
    return with(
        "cublasSetWorkspace_v2",
        id,
        handle -> {
          StandInRange range = new StandInRange(pointer, bytes);
          if (pointer % WORKSPACE_ALIGNMENT != 0 || owner.memory().block(range) == null) {
            return gate.fail(INVALID_VALUE, "a workspace lies outside memory or askew");
          }
          if (bytes < LEAST_WORKSPACE) {
            return gate.fail(INVALID_VALUE, "a workspace of %d bytes is too small", bytes);
          }
          handle.workspace = range;
          return 0;
        });
  }

  int cublasSetMathMode(long id, int mode) {
    return with(
        "cublasSetMathMode",
        id,
        handle -> {
          handle.rounding = mode == TF32_MATH ? Rounding.TF32 : Rounding.FP32;
          return mode == 0 || mode == TF32_MATH ? 0 : INVALID_VALUE;
        });
  }

  int cublasSgemm_v2(
      long id,
      int opA,
      int opB,
      int m,
      int n,
      int k,
      long alpha,
      long a,
      int lda,
      long b,
      int ldb,
      long beta,
      long c,
      int ldc) {
    return with(
        "cublasSgemm_v2",
        id,
        handle ->
            isOperation(opA, opB)
                ? queue(
                    handle,
                    "sgemm",
                    new StandInProduct(
                        opA == 1,
                        opB == 1,
                        m,
                        n,
                        k,
                        number(alpha),
                        new Operand(a, lda, 0),
                        new Operand(b, ldb, 0),
                        number(beta),
                        new Operand(c, ldc, 0),
                        1,
                        handle.rounding))
                : INVALID_VALUE);
  }

  int cublasSgemmStridedBatched(
      long id,
      int opA,
      int opB,
      int m,
      int n,
      int k,
      long alpha,
      long a,
      int lda,
      long strideA,
      long b,
      int ldb,
      long strideB,
      long beta,
      long c,
      int ldc,
      long strideC,
      int count) {
    return with(
        "cublasSgemmStridedBatched",
        id,
        handle ->
            isOperation(opA, opB)
                ? queue(
                    handle,
                    "sgemm batch",
                    new StandInProduct(
                        opA == 1,
                        opB == 1,
                        m,
                        n,
                        k,
                        number(alpha),
                        new Operand(a, lda, strideA),
                        new Operand(b, ldb, strideB),
                        number(beta),
                        new Operand(c, ldc, strideC),
                        count,
                        handle.rounding))
                : INVALID_VALUE);
  }

  int cublasGemmEx(
      long id,
      int opA,
      int opB,
      int m,
      int n,
      int k,
      long alpha,
      long a,
      int typeA,
      int lda,
      long b,
      int typeB,
      int ldb,
      long beta,
      long c,
      int typeC,
      int ldc,
      int compute,
      int algorithm) {
    return with(
        "cublasGemmEx",
        id,
        handle -> {
          Rounding rounding = COMPUTE_TYPES.get(compute);
          boolean known = (typeA | typeB | typeC) == REAL_32F && algorithm == GEMM_DEFAULT;
          if (rounding == null || !known || !isOperation(opA, opB)) {
            return INVALID_VALUE;
          }
          return queue(
              handle,
              "gemm",
              new StandInProduct(
                  opA == 1,
                  opB == 1,
                  m,
                  n,
                  k,
                  number(alpha),
                  new Operand(a, lda, 0),
                  new Operand(b, ldb, 0),
                  number(beta),
                  new Operand(c, ldc, 0),
                  1,
                  rounding));
        });
  }

  private static boolean isOperation(int opA, int opB) {
    return (opA == 0 || opA == 1) && (opB == 0 || opB == 1);
  }

  /** A factor in host memory, which cuBLAS reads before the call returns. */
  private static float number(long address) {
    return StandInStubs.at(address, 4).get(JAVA_FLOAT_UNALIGNED, 0);
  }

  private int queue(Handle handle, String name, StandInProduct product) {
    if (!product.isShapeValid()) {
      return gate.fail(INVALID_VALUE, "%s was given wrong shapes: %s", name, product);
    }
    Stream stream = owner.streams().stream(handle.stream);
    StandInRange workspace = handle.workspace;
    if (stream == null || workspace == null) {
      return gate.fail(
          EXECUTION_FAILED, "%s has no %s", name, stream == null ? "stream" : "workspace");
    }
    if (owner.memory().block(workspace) == null) {
      return gate.fail(EXECUTION_FAILED, "%s: its workspace was freed", name);
    }
    if (product.isEmpty()) {
      return 0;
    }
    List<StandInRange> ranges = List.of(product.rangeA(), product.rangeB(), product.rangeC());
    List<@Nullable Block> blocks = new ArrayList<>();
    for (StandInRange range : ranges) {
      blocks.add(owner.memory().block(range));
      if (range.from() % 4 != 0 || owner.memory().block(range) == null) {
        return gate.fail(
            EXECUTION_FAILED, "%s reaches outside its memory: %s of %s", name, range, product);
      }
    }
    StandInRange target = ranges.get(2);
    if (target.meets(ranges.get(0)) || target.meets(ranges.get(1)) || product.overlapsItself()) {
      return gate.fail(EXECUTION_FAILED, "%s writes what it reads: %s", name, product);
    }
    owner
        .streams()
        .queue(
            stream,
            name,
            product.beta() == 0 ? ranges.subList(0, 2) : ranges,
            List.of(target, workspace),
            () -> {
              product.run(
                  Objects.requireNonNull(blocks.get(0)),
                  Objects.requireNonNull(blocks.get(1)),
                  Objects.requireNonNull(blocks.get(2)));
              return 0;
            });
    return 0;
  }

  long cublasGetStatusName(int status) {
    return owner.cString(STATUSES.getOrDefault(status, "unrecognized status"));
  }

  long cublasGetStatusString(int status) {
    return owner.cString("what " + STATUSES.getOrDefault(status, "this") + " means");
  }
}
