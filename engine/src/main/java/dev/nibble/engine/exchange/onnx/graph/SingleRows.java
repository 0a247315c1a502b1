package dev.nibble.engine.exchange.onnx.graph;

import dev.nibble.engine.exchange.onnx.graph.Operation.WithConstant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Reads tensors N,C,W as maps N,C,1,W of one row, which is how a convolution along one axis is
 * computed.
 */
final class SingleRows {
  private final Drafts drafts;

  SingleRows(Drafts drafts) {
    this.drafts = drafts;
  }

  /**
   * Turns what is the same either way and hangs together with a convolution; all else keeps its
   * shape, with which it is refused.
   */
  void turn() {
    List<Draft> all = drafts.all();
    boolean[] isFound = new boolean[all.size()];
    Deque<Draft> found = new ArrayDeque<>();
    Map<Integer, List<Draft>> readers = new HashMap<>();
    for (Draft draft : all) {
      if (draft.operation instanceof Operation.Convolution) {
        find(draft, isFound, found);
      }
      for (int source : draft.inputs) {
        readers.computeIfAbsent(source, s -> new ArrayList<>()).add(draft);
      }
    }
    while (!found.isEmpty()) {
      Draft draft = found.remove();
      draft.inputs.forEach(source -> find(all.get(source), isFound, found));
      readers.getOrDefault(draft.id, List.of()).forEach(reader -> find(reader, isFound, found));
      draft.shape = Objects.requireNonNull(draft.shape).asMap();
    }
  }

  private static void find(Draft draft, boolean[] isFound, Deque<Draft> found) {
    boolean isRow = draft.shape != null && draft.shape.isRow() && isSame(draft);
    if (isRow && !isFound[draft.id]) {
      isFound[draft.id] = true;
      found.add(draft);
    }
  }

  private static boolean isSame(Draft draft) {
    return switch (draft.operation) {
      case Operation.Convolution c -> true;
      case Operation.Activation a -> a.slope() == null;
      case Operation.Reshape r -> true;
      case Operation.Add a -> true;
      case Operation.Multiply m -> true;
      case Operation.Concatenate c -> true;
      case Operation.ChannelSlice s -> true;
      case Operation.Dropout d -> true;
      case WithConstant c -> c.constant() == null || !Double.isNaN(c.number());
      default -> false;
    };
  }
}
