package dev.nibble.engine.protobuf;

/** Says what is wrong with bytes that should be a message; the beginning of a sentence's clause. */
public final class ProtobufException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Makes an exception whose message tells what is wrong, without the file's name. */
  public ProtobufException(String what) {
    super(what);
  }
}
