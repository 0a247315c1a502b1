package dev.nibble.engine.exchange.onnx.model;

import dev.nibble.engine.exchange.onnx.model.Attribute.Kind;
import dev.nibble.engine.protobuf.MessageReader;
import dev.nibble.engine.protobuf.ProtobufException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads NodeProto messages; field numbers are those of onnx.proto. */
final class NodeReader {
  private final TensorReader tensors;

  NodeReader(TensorReader tensors) {
    this.tensors = tensors;
  }

  Node read(MessageReader message) {
    List<String> inputs = new ArrayList<>();
    List<String> outputs = new ArrayList<>();
    Map<String, Attribute> attributes = new LinkedHashMap<>();
    Map<String, String> metadata = new LinkedHashMap<>();
    String name = "";
    String operator = "";
    String domain = "";
    while (message.next()) {
      switch (message.field()) {
        case 1 -> inputs.add(message.text());
        case 2 -> outputs.add(message.text());
        case 3 -> name = message.text();
        case 4 -> operator = message.text();
        case 5 -> {
          Attribute attribute = attribute(message.message());
          attributes.put(attribute.name(), attribute);
        }
        case 7 -> domain = message.text();
        case 9 -> StringEntry.read(message.message()).putInto(metadata);
        default -> {
          // documentation, what comes later
        }
      }
    }
    return new Node(name, domain, operator, inputs, outputs, attributes, metadata);
  }

  private Attribute attribute(MessageReader message) {
    String name = "";
    Kind kind = Kind.UNKNOWN;
    // Old files do not say which kind it is: the last field that is there does.
    Kind implied = Kind.UNKNOWN;
    float real = 0;
    long integer = 0;
    String text = "";
    @Nullable TensorData tensor = null;
    List<Double> reals = new ArrayList<>();
    LongList integers = new LongList();
    List<String> texts = new ArrayList<>();
    while (message.next()) {
      switch (message.field()) {
        case 1 -> name = message.text();
        case 2 -> {
          real = message.float32();
          implied = Kind.FLOAT;
        }
        case 3 -> {
          integer = message.integer();
          implied = Kind.INT;
        }
        case 4 -> {
          text = message.text();
          implied = Kind.STRING;
        }
        case 5 -> {
          tensor = tensors.read(message);
          implied = Kind.TENSOR;
        }
        case 6 -> implied = Kind.GRAPH;
        case 7 -> {
          message.floats(reals::add);
          implied = Kind.FLOATS;
        }
        case 8 -> {
          message.integers(integers::add);
          implied = Kind.INTS;
        }
        case 9 -> {
          texts.add(message.text());
          implied = Kind.STRINGS;
        }
        case 10 -> implied = Kind.TENSORS;
        case 11 -> implied = Kind.GRAPHS;
        case 20 -> kind = kind(name, message.integer());
        case 22 -> implied = Kind.SPARSE_TENSOR;
        case 23 -> implied = Kind.SPARSE_TENSORS;
        default -> {
          // types, references within functions, documentation
        }
      }
    }
    double[] floats = reals.stream().mapToDouble(Double::doubleValue).toArray();
    return new Attribute(
        name,
        kind == Kind.UNKNOWN ? implied : kind,
        real,
        integer,
        text,
        tensor,
        floats,
        integers.toArray(),
        texts);
  }

  private static Kind kind(String name, long code) {
    return switch (Math.clamp(code, 0, 15)) {
      case 0 -> Kind.UNKNOWN;
      case 1 -> Kind.FLOAT;
      case 2 -> Kind.INT;
      case 3 -> Kind.STRING;
      case 4 -> Kind.TENSOR;
      case 5 -> Kind.GRAPH;
      case 6 -> Kind.FLOATS;
      case 7 -> Kind.INTS;
      case 8 -> Kind.STRINGS;
      case 9 -> Kind.TENSORS;
      case 10 -> Kind.GRAPHS;
      case 11 -> Kind.SPARSE_TENSOR;
      case 12 -> Kind.SPARSE_TENSORS;
      case 13 -> Kind.TYPE;
      case 14 -> Kind.TYPES;
      default -> throw new ProtobufException("attribute '%s' is of no kind".formatted(name));
    };
  }
}
