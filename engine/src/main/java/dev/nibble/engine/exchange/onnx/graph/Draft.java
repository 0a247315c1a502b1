package dev.nibble.engine.exchange.onnx.graph;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A node of a graph that is being made. */
final class Draft {
  final int id;
  String scope;
  final String label;
  String operator;
  Operation operation;
  List<Integer> inputs;
  @Nullable Shape shape;

  /** Why it is not supported; null if it is, or if only something before it is not. */
  @Nullable String problem;

  Draft(
      int id,
      String scope,
      String label,
      String operator,
      Operation operation,
      List<Integer> inputs,
      @Nullable Shape shape) {
    this.id = id;
    this.scope = scope;
    this.label = label;
    this.operator = operator;
    this.operation = operation;
    this.inputs = new ArrayList<>(inputs);
    this.shape = shape;
  }
}
