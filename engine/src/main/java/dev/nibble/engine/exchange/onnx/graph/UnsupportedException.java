package dev.nibble.engine.exchange.onnx.graph;

/** Ends a rule for a node that is valid, but not supported; never leaves the package. */
final class UnsupportedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Says why, as the end of a sentence that names the node: "has three axes". */
  UnsupportedException(String why) {
    super(why, null, false, false);
  }
}
