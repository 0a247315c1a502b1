package dev.nibble.engine.exchange.onnx.model;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An attribute of a node; of its values one counts, as its kind says.
 *
 * @param name its name
 * @param kind which of the values it has
 * @param real a float
 * @param integer a whole number
 * @param text a string
 * @param tensor a tensor
 * @param reals floats
 * @param integers whole numbers
 * @param texts strings
 */
@SuppressWarnings("ArrayRecordComponent") // read by this package's neighbours, never compared
public record Attribute(
    String name,
    Kind kind,
    float real,
    long integer,
    String text,
    @Nullable TensorData tensor,
    double[] reals,
    long[] integers,
    List<String> texts) {
  /** What an attribute may be; the standard's numbers are the order. */
  public enum Kind {
    /** Nothing that is known. */
    UNKNOWN,
    /** A float. */
    FLOAT,
    /** A whole number. */
    INT,
    /** Bytes, read as text. */
    STRING,
    /** A tensor. */
    TENSOR,
    /** A graph within the node: a branch, a loop's body. */
    GRAPH,
    /** Floats. */
    FLOATS,
    /** Whole numbers. */
    INTS,
    /** Strings. */
    STRINGS,
    /** Tensors. */
    TENSORS,
    /** Graphs. */
    GRAPHS,
    /** A sparse tensor. */
    SPARSE_TENSOR,
    /** Sparse tensors. */
    SPARSE_TENSORS,
    /** A type. */
    TYPE,
    /** Types. */
    TYPES
  }

  /** Whether it holds a graph. */
  public boolean isGraph() {
    return kind == Kind.GRAPH || kind == Kind.GRAPHS;
  }
}
