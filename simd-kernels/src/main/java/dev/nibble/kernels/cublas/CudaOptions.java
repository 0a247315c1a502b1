package dev.nibble.kernels.cublas;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where NVIDIA's libraries are looked for, and how they are used.
 *
 * @param libdir the folder that is looked into first, or null
 * @param roots folders that Python packages are installed in ({@code site-packages}); NVIDIA's
 *     wheels leave cuBLAS below them
 * @param precision how matrices are multiplied
 * @param fallback whether a layer for which the device has too little memory is computed on the CPU
 */
public record CudaOptions(
    @Nullable Path libdir, List<Path> roots, Precision precision, boolean fallback) {
  /** System property that names {@link #libdir}. */
  public static final String LIBDIR_PROPERTY = "nibble.cuda.libdir";

  /** System property that names {@link #roots}, separated like a class path. */
  public static final String ROOTS_PROPERTY = "nibble.cuda.roots";

  /** System property that names {@link #precision}: fp32 (the default), tf32 or bf16. */
  public static final String PRECISION_PROPERTY = "nibble.cuda.precision";

  /** System property, {@code on} or {@code off} (the default), for {@link #fallback}. */
  public static final String FALLBACK_PROPERTY = "nibble.cuda.fallback";

  /** Copies the list. */
  public CudaOptions {
    roots = List.copyOf(roots);
  }

  /** No folders of one's own, fp32, no falling back. */
  public static CudaOptions defaults() {
    return new CudaOptions(null, List.of(), Precision.FP32, false);
  }

  /** The same with another precision. */
  public CudaOptions withPrecision(Precision other) {
    return new CudaOptions(libdir, roots, other, fallback);
  }

  /** The same with or without falling back to the CPU. */
  public CudaOptions withFallback(boolean allowed) {
    return new CudaOptions(libdir, roots, precision, allowed);
  }
}
