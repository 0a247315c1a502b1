package dev.nibble.engine.exchange.onnx;

import dev.nibble.engine.protobuf.MessageWriter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/** ONNX models written by hand, valid or not. Field numbers are those of onnx.proto. */
final class TestModel {
  static final int FLOAT = 1;
  static final int INT64 = 7;

  private final MessageWriter graph = new MessageWriter().text(2, "test");
  private final MessageWriter model = new MessageWriter().integer(1, 8);
  private final SplittableRandom random = new SplittableRandom(5);
  private final int opset;

  TestModel(int opset) {
    this.opset = opset;
  }

  /** One with an input x. */
  static TestModel withInput(int opset, long... dims) {
    return new TestModel(opset).input("x", dims);
  }

  private static MessageWriter value(String name, long... dims) {
    MessageWriter shape = new MessageWriter();
    for (long extent : dims) {
      MessageWriter dim = new MessageWriter();
      shape.message(1, extent < 0 ? dim.text(2, "d" + -extent) : dim.integer(1, extent));
    }
    MessageWriter tensor = new MessageWriter().integer(1, FLOAT).message(2, shape);
    return new MessageWriter().text(1, name).message(2, new MessageWriter().message(1, tensor));
  }

  /** An input; a negative extent is free. */
  TestModel input(String name, long... dims) {
    graph.message(11, value(name, dims));
    return this;
  }

  /** An output of unknown shape. */
  TestModel output(String name) {
    MessageWriter tensor = new MessageWriter().integer(1, FLOAT);
    MessageWriter type = new MessageWriter().message(1, tensor);
    graph.message(12, new MessageWriter().text(1, name).message(2, type));
    return this;
  }

  /** A node; attributes are pairs of a name and a Long, long[], Float, String or MessageWriter. */
  TestModel node(String operator, List<String> inputs, List<String> outputs, Object... pairs) {
    MessageWriter node = new MessageWriter();
    inputs.forEach(name -> node.text(1, name));
    outputs.forEach(name -> node.text(2, name));
    node.text(3, operator + " of " + outputs.getFirst()).text(4, operator);
    for (int i = 0; i < pairs.length; i += 2) {
      MessageWriter attribute = new MessageWriter().text(1, (String) pairs[i]);
      switch (pairs[i + 1]) {
        case Long number -> attribute.integer(3, number).integer(20, 2);
        case Float number -> attribute.floating(2, number).integer(20, 1);
        case String text -> attribute.text(4, text).integer(20, 3);
        case long[] numbers -> {
          for (long number : numbers) {
            attribute.integer(8, number);
          }
          attribute.integer(20, 7);
        }
        case MessageWriter tensor -> attribute.message(5, tensor).integer(20, 4);
        default -> throw new IllegalArgumentException("No attribute: " + pairs[i + 1]);
      }
      node.message(5, attribute);
    }
    graph.message(1, node);
    return this;
  }

  TestModel node(String operator, String input, String output, Object... pairs) {
    return node(operator, List.of(input.split(",", -1)), List.of(output), pairs);
  }

  /** A node of a branch: its attribute is a graph. */
  TestModel branch(String input, String output) {
    MessageWriter attribute =
        new MessageWriter().text(1, "then_branch").message(6, new MessageWriter()).integer(20, 5);
    MessageWriter node = new MessageWriter().text(1, input).text(2, output).text(3, "branch");
    graph.message(1, node.text(4, "If").message(5, attribute));
    return this;
  }

  /** Any field of the graph. */
  TestModel raw(int field, MessageWriter message) {
    graph.message(field, message);
    return this;
  }

  static MessageWriter described(String name, int type, long... dims) {
    MessageWriter tensor = new MessageWriter();
    for (long extent : dims) {
      tensor.integer(1, extent);
    }
    return tensor.integer(2, type).text(8, name);
  }

  static MessageWriter longs(String name, long... values) {
    ByteBuffer data = ByteBuffer.allocate(8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    data.asLongBuffer().put(values);
    return described(name, INT64, values.length).bytes(9, data.array());
  }

  static MessageWriter floats(String name, float... values) {
    return described(name, FLOAT, values.length).bytes(9, little(values));
  }

  static MessageWriter scalar(String name, long value) {
    ByteBuffer data = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
    data.asLongBuffer().put(value);
    return described(name, INT64).bytes(9, data.array());
  }

  static byte[] little(float... values) {
    ByteBuffer data = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    data.asFloatBuffer().put(values);
    return data.array();
  }

  TestModel tensor(MessageWriter tensor) {
    graph.message(5, tensor);
    return this;
  }

  TestModel shape(String name, long... values) {
    return tensor(longs(name, values));
  }

  /** A float tensor of random values. */
  TestModel weight(String name, long... dims) {
    float[] values = new float[(int) Arrays.stream(dims).reduce(1, (a, b) -> a * b)];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextDouble(0.5, 1.5);
    }
    return tensor(described(name, FLOAT, dims).bytes(9, little(values)));
  }

  /** A float number. */
  TestModel number(String name, float value) {
    return tensor(described(name, FLOAT).bytes(9, little(value)));
  }

  byte[] bytes() {
    ByteArrayOutputStream written = new ByteArrayOutputStream();
    try {
      MessageWriter whole = new MessageWriter().message(7, graph);
      whole.message(8, new MessageWriter().text(1, "").integer(2, opset));
      model.writeTo(Channels.newChannel(written));
      whole.writeTo(Channels.newChannel(written));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return written.toByteArray();
  }

  Path write(Path file) {
    try {
      return Files.write(file, bytes());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
