package dev.nibble.samples.serve;

import java.io.Serial;

/** An answer other than success: its HTTP status, and one sentence that says what to do. */
final class HttpProblem extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  static final int BAD_REQUEST = 400;
  static final int UNAUTHORIZED = 401;
  static final int FORBIDDEN = 403;
  static final int NOT_FOUND = 404;
  static final int TIMEOUT = 408;
  static final int CONFLICT = 409;
  static final int TOO_LARGE = 413;
  static final int UNSUPPORTED_TYPE = 415;
  static final int TOO_MANY = 429;
  static final int FAILED = 500;
  static final int UNAVAILABLE = 503;
  static final int DISK_FULL = 507;

  private final int status;
  private final int retryAfter;

  HttpProblem(int status, String sentence) {
    this(status, sentence, 0);
  }

  /**
   * A problem that passes.
   *
   * @param retryAfter seconds after which to try again, or 0 to say nothing about it
   */
  HttpProblem(int status, String sentence, int retryAfter) {
    super(sentence, null, false, false); // an answer, not a fault: nobody reads its stack
    this.status = status;
    this.retryAfter = retryAfter;
  }

  int status() {
    return status;
  }

  int retryAfter() {
    return retryAfter;
  }

  String sentence() {
    return String.valueOf(getMessage());
  }
}
