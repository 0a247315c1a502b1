/*
 * Stands in for libcublas, version MAJOR.1.0 (give -DMAJOR=13). Products are summed in fp32, term
 * after term; in the modes of less precision the factors are rounded first, as a device does.
 */
#include "standin.h"

#include <stdint.h>

enum { NOT_INITIALIZED = 1, ALLOC_FAILED = 3, INVALID_VALUE = 7, NOT_SUPPORTED = 15 };
enum { LEAST_WORKSPACE = 16 << 10 };
enum { TF32_MATH = 3, COMPUTE_32F = 68, COMPUTE_32F_FAST_16BF = 75 };
enum { FP32_BITS = 23, TF32_BITS = 10, BF16_BITS = 7 };

int standinLight(void); /* of libcublasLt, so that the linker must find that first */

struct handle {
  void *stream;
  int mode;
  size_t workspace; /* bytes */
};

__attribute__((constructor)) static void loaded(void) {
  if (standinLight() == 0) {
    note("libcublas");
  }
}

#define NEED_WORKSPACE() \
  do { \
    NEED_HANDLE(); \
    if (handle->workspace < LEAST_WORKSPACE) { \
      return ALLOC_FAILED; \
    } \
  } while (0)

#define NEED_HANDLE() \
  do { \
    FAULT(); \
    if (!holds("handle", handle, sizeof *handle)) { \
      return NOT_INITIALIZED; \
    } \
  } while (0)

EXPORT const char *cublasGetStatusName(int status) {
  switch (status) {
    case 0: return "CUBLAS_STATUS_SUCCESS";
    case NOT_INITIALIZED: return "CUBLAS_STATUS_NOT_INITIALIZED";
    case 3: return "CUBLAS_STATUS_ALLOC_FAILED";
    case INVALID_VALUE: return "CUBLAS_STATUS_INVALID_VALUE";
    case 13: return "CUBLAS_STATUS_EXECUTION_FAILED";
    case NOT_SUPPORTED: return "CUBLAS_STATUS_NOT_SUPPORTED";
    default: return "unrecognized status";
  }
}

EXPORT int cublasCreate_v2(struct handle **handle) {
  FAULT();
  struct handle *made = calloc(1, sizeof *made);
  made->workspace = LEAST_WORKSPACE;
  *handle = take("handle", made, sizeof *made);
  return 0;
}

EXPORT int cublasDestroy_v2(struct handle *handle) {
  NEED_HANDLE();
  give_back("handle", handle);
  free(handle);
  return 0;
}

EXPORT int cublasGetVersion_v2(struct handle *handle, int *version) {
  NEED_HANDLE();
  *version = MAJOR * 10000 + 100;
  return 0;
}

EXPORT int cublasSetStream_v2(struct handle *handle, void *stream) {
  NEED_HANDLE();
  handle->stream = stream;
  handle->workspace = LEAST_WORKSPACE; /* its own again, as with the real one */
  return 0;
}

EXPORT int cublasSetWorkspace_v2(struct handle *handle, void *workspace, size_t bytes) {
  NEED_HANDLE();
  handle->workspace = bytes;
  return bytes > 0 && (uintptr_t) workspace % 256 != 0 ? INVALID_VALUE : 0;
}

EXPORT int cublasSetMathMode(struct handle *handle, int mode) {
  NEED_HANDLE();
  if (mode != 0 && mode != TF32_MATH) {
    return INVALID_VALUE;
  }
  handle->mode = mode;
  return 0;
}

/* Rounded to so many bits of mantissa, ties to even. */
static float rounded(float value, int bits) {
  if (bits == FP32_BITS) {
    return value;
  }
  uint32_t word;
  memcpy(&word, &value, sizeof word);
  int dropped = FP32_BITS - bits;
  word += (1u << (dropped - 1)) - 1 + ((word >> dropped) & 1);
  word &= ~((1u << dropped) - 1);
  memcpy(&value, &word, sizeof word);
  return value;
}

static int gemm(
    int bits, int transa, int transb, int m, int n, int k, float alpha, const float *a, int lda,
    const float *b, int ldb, float beta, float *c, int ldc) {
  if (transa < 0 || transa > 1 || transb < 0 || transb > 1 || m < 0 || n < 0 || k < 0
      || lda < (transa ? k : m) || ldb < (transb ? n : k) || ldc < m) {
    return INVALID_VALUE;
  }
  for (long j = 0; j < n; j++) {
    float *column = c + j * ldc;
    for (long i = 0; i < m; i++) {
      float sum = 0;
      for (long p = 0; p < k; p++) {
        float left = a[transa ? p + i * lda : i + p * lda];
        float right = b[transb ? j + p * ldb : p + j * ldb];
        sum += rounded(left, bits) * rounded(right, bits);
      }
      /* With beta = 0, what is in C is not read: it may be no number. */
      column[i] = beta == 0 ? alpha * sum : alpha * sum + beta * column[i];
    }
  }
  return 0;
}

static int bits(const struct handle *handle) {
  return handle->mode == TF32_MATH ? TF32_BITS : FP32_BITS;
}

EXPORT int cublasSgemm_v2(
    struct handle *handle, int transa, int transb, int m, int n, int k, const float *alpha,
    const float *a, int lda, const float *b, int ldb, const float *beta, float *c, int ldc) {
  NEED_WORKSPACE();
  return gemm(
      bits(handle), transa, transb, m, n, k, *alpha, a, lda, b, ldb, *beta, c, ldc);
}

EXPORT int cublasSgemmStridedBatched(
    struct handle *handle, int transa, int transb, int m, int n, int k, const float *alpha,
    const float *a, int lda, long long stridea, const float *b, int ldb, long long strideb,
    const float *beta, float *c, int ldc, long long stridec, int count) {
  NEED_WORKSPACE();
  int status = 0;
  for (long i = 0; i < count && status == 0; i++) {
    status = gemm(
        bits(handle), transa, transb, m, n, k, *alpha, a + i * stridea, lda, b + i * strideb, ldb,
        *beta, c + i * stridec, ldc);
  }
  return status;
}

EXPORT int cublasGemmEx(
    struct handle *handle, int transa, int transb, int m, int n, int k, const void *alpha,
    const void *a, int atype, int lda, const void *b, int btype, int ldb, const void *beta, void *c,
    int ctype, int ldc, int compute, int algorithm) {
  NEED_WORKSPACE();
  int known = compute == COMPUTE_32F || compute == COMPUTE_32F_FAST_16BF;
  if (atype != 0 || btype != 0 || ctype != 0 || !known || algorithm != -1) {
    return NOT_SUPPORTED;
  }
  return gemm(
      compute == COMPUTE_32F ? bits(handle) : BF16_BITS, transa, transb, m, n, k,
      *(const float *) alpha, a, lda, b, ldb, *(const float *) beta, c, ldc);
}
