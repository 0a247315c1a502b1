package dev.nibble.spark;

import java.io.Serializable;

/**
 * What worker 0 of a fit answers. What would go wrong again is an answer, too, since Spark would
 * only retry an exception.
 *
 * @param model the model's file; empty if there is none
 * @param error why there is none; empty if there is one
 * @param notice what the user ought to know of the executors; empty for nothing
 */
@SuppressWarnings("ArrayRecordComponent") // carried, never compared
record FitResult(byte[] model, String error, String notice) implements Serializable {
  static FitResult of(byte[] model, String notice) {
    return new FitResult(model, "", notice);
  }

  static FitResult failed(String error) {
    return new FitResult(new byte[0], error, "");
  }
}
