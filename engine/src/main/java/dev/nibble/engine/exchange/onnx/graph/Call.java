package dev.nibble.engine.exchange.onnx.graph;

import dev.nibble.engine.exchange.onnx.model.Node;
import dev.nibble.engine.protobuf.ProtobufException;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A node with what its inputs are.
 *
 * @param node the node
 * @param opset version of the operators
 * @param batch the batch for which the file was exported; 0 if it is free
 * @param inputs null for one that is left out
 */
record Call(Node node, int opset, long batch, List<@Nullable Value> inputs) {
  private @Nullable Value input(int place) {
    return place < inputs.size() ? inputs.get(place) : null;
  }

  /** An input that must be there and known. */
  Constant known(int place) {
    if (input(place) instanceof Constant constant) {
      return constant;
    }
    require(input(place) != null, "lacks an input");
    throw new UnsupportedException("reads what depends on the pictures where a constant is needed");
  }

  /** An input if it is there and known. */
  @Nullable Constant knownOrNull(int place) {
    return input(place) instanceof Constant constant ? constant : null;
  }

  /** An input that must be there and depend on the pictures, its shape known. */
  Value.Computed computed(int place) {
    if (input(place) instanceof Value.Computed computed) {
      return computed;
    }
    require(input(place) != null, "lacks an input");
    throw new UnsupportedException("reads a constant where pictures are expected");
  }

  /** The shape of an input that depends on the pictures. */
  Shape shape(int place) {
    Shape shape = computed(place).shape();
    if (shape == null) {
      throw new IllegalStateException("No shape: " + node.label());
    }
    return shape;
  }

  /** The shape of an input that must be N,C,H,W. */
  Shape map(int place) {
    Shape shape = shape(place);
    if (!shape.isMap()) {
      throw new UnsupportedException("reads %s, but maps N,C,H,W are supported".formatted(shape));
    }
    return shape;
  }

  /** A weight of floats. */
  Weight weight(int place) {
    Weight weight = known(place).weight(node.inputs().get(place));
    if (weight == null) {
      throw new UnsupportedException("reads weights that are no floats");
    }
    return weight;
  }

  /** A weight of floats, or null if it is left out. */
  @Nullable Weight optionalWeight(int place) {
    return input(place) == null ? null : weight(place);
  }

  /** A bias, or null if it is left out, or was computed to be nothing. */
  @Nullable Weight bias(int place) {
    Constant constant = knownOrNull(place);
    Numbers numbers = constant == null || constant.stored() != null ? null : constant.numbers();
    double[] values = numbers == null ? null : numbers.reals();
    boolean isNone = values != null && Arrays.stream(values).allMatch(v -> v == 0);
    return isNone ? null : optionalWeight(place);
  }

  /** Whether an attribute, or the input that took its place, is there. */
  boolean isGiven(String attribute, int place) {
    return node.attributes().containsKey(attribute) || input(place) != null;
  }

  /** Whole numbers of an attribute or of the input that took its place; null if not known. */
  long @Nullable [] integers(String attribute, int place) {
    long[] own = node.integers(attribute);
    if (own != null) {
      return own;
    }
    Constant constant = knownOrNull(place);
    Numbers numbers = constant == null ? null : constant.numbers();
    return numbers == null ? null : numbers.longs();
  }

  /** A number of an attribute or of the input that took its place. */
  double real(String attribute, int place, double otherwise) {
    if (node.attributes().containsKey(attribute)) {
      return node.real(attribute, 0);
    }
    if (input(place) == null) {
      return otherwise;
    }
    Numbers numbers = known(place).numbers();
    double[] values = numbers == null ? null : numbers.reals();
    if (values == null || values.length != 1) {
      throw new UnsupportedException("has '%s' that is not one number".formatted(attribute));
    }
    return values[0];
  }

  /** An axis counted from the front. */
  int axis(long axis, int rank) {
    long positive = axis < 0 ? axis + rank : axis;
    require(positive >= 0 && positive < rank, "names an axis that its input does not have");
    return (int) positive;
  }

  /** Complains that the model is wrong: no valid file has this. */
  void require(boolean holds, String otherwise) {
    if (!holds) {
      throw new ProtobufException(
          "node '%s' (%s) %s".formatted(node.label(), node.operator(), otherwise));
    }
  }
}
