package dev.nibble.bench;

import java.io.Serial;
import org.jspecify.annotations.Nullable;

/** A benchmark could not be run or broke off. */
final class BenchmarkFailedException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  BenchmarkFailedException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
