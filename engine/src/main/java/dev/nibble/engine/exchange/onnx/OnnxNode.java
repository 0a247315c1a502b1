package dev.nibble.engine.exchange.onnx;

import dev.nibble.engine.protobuf.MessageWriter;

/** A node of an ONNX graph: one operator's call. Field numbers are those of onnx.proto. */
final class OnnxNode {
  private static final int ATTRIBUTE_FLOAT = 1;
  private static final int ATTRIBUTE_INT = 2;
  private static final int ATTRIBUTE_STRING = 3;
  private static final int ATTRIBUTE_INTS = 7;

  private final MessageWriter message = new MessageWriter();

  /**
   * A call that gives one value.
   *
   * @param operator such as {@code Conv}
   * @param output the name of the value, and of the node
   */
  OnnxNode(String operator, String output, String... inputs) {
    for (String input : inputs) {
      message.text(1, input);
    }
    message.text(2, output).text(3, output).text(4, operator);
  }

  /** Adds a whole number as an attribute. */
  OnnxNode with(String name, long value) {
    MessageWriter attribute = new MessageWriter().text(1, name).integer(3, value);
    message.message(5, attribute.integer(20, ATTRIBUTE_INT));
    return this;
  }

  /** Adds a float as an attribute. */
  OnnxNode with(String name, float value) {
    MessageWriter attribute = new MessageWriter().text(1, name).floating(2, value);
    message.message(5, attribute.integer(20, ATTRIBUTE_FLOAT));
    return this;
  }

  /** Adds a text as an attribute. */
  OnnxNode with(String name, String value) {
    MessageWriter attribute = new MessageWriter().text(1, name).text(4, value);
    message.message(5, attribute.integer(20, ATTRIBUTE_STRING));
    return this;
  }

  /** Adds a list of whole numbers as an attribute. */
  OnnxNode with(String name, long... values) {
    MessageWriter attribute = new MessageWriter().text(1, name);
    for (long value : values) {
      attribute.integer(8, value);
    }
    message.message(5, attribute.integer(20, ATTRIBUTE_INTS));
    return this;
  }

  MessageWriter message() {
    return message;
  }
}
