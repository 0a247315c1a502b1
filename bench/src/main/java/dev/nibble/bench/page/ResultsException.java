package dev.nibble.bench.page;

/** Says in one sentence which file of results cannot be used, why, and what to do. */
public final class ResultsException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  ResultsException(String sentence) {
    super(sentence);
  }
}
