package dev.nibble.engine.exchange.onnx.graph;

import dev.nibble.engine.exchange.onnx.model.Node;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The nodes of a graph that is being made. */
final class Drafts {
  private final List<Draft> drafts = new ArrayList<>();

  List<Draft> all() {
    return drafts;
  }

  Draft get(int id) {
    return drafts.get(id);
  }

  /** Adds what a node computes. */
  Value.Computed add(Node node, Operation operation, @Nullable Shape shape, int... inputs) {
    return add(
        Scopes.of(node),
        node.label(),
        node.operator(),
        operation,
        shape,
        Arrays.stream(inputs).boxed().toList());
  }

  Value.Computed add(
      String scope,
      String label,
      String operator,
      Operation operation,
      @Nullable Shape shape,
      List<Integer> inputs) {
    Draft draft = new Draft(drafts.size(), scope, label, operator, operation, inputs, shape);
    drafts.add(draft);
    return new Value.Computed(draft.id, shape);
  }
}
