package dev.nibble.kernels.cublas;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * How a GPU multiplies fp32 matrices; sums are always fp32. A lower precision is what cuBLAS is
 * allowed, not made, to use: a product for which it has nothing faster stays at a higher one.
 */
public enum Precision {
  /** Products of fp32 values. */
  FP32,
  /** Factors rounded to 10 bits of mantissa (TensorFloat-32). */
  TF32,
  /** Factors rounded to bfloat16, 7 bits of mantissa. */
  BF16;

  /** From where on devices multiply at lower precisions: Ampere. */
  private static final int CAPABILITY_LOWER = 80;

  /** The compute capability that a device needs, times 10; 0 for any. */
  int capability() {
    return this == FP32 ? 0 : CAPABILITY_LOWER;
  }

  /** The name as users write it: {@code fp32}, {@code tf32}, {@code bf16}. */
  public String text() {
    return name().toLowerCase(Locale.ROOT);
  }

  /**
   * Reads a name.
   *
   * @throws IllegalArgumentException if there is none of that name
   */
  public static Precision of(String text) {
    return Arrays.stream(values())
        .filter(precision -> precision.text().equals(text.strip().toLowerCase(Locale.ROOT)))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "There is no precision " + text + "; choose one of " + texts()));
  }

  private static String texts() {
    return Arrays.stream(values()).map(Precision::text).collect(Collectors.joining(", "));
  }
}
