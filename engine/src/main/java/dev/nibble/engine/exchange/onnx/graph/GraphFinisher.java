package dev.nibble.engine.exchange.onnx.graph;

import dev.nibble.engine.exchange.onnx.model.OnnxModel;
import dev.nibble.engine.exchange.onnx.model.TensorData;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Merges patterns, leaves out what the output does not depend on, and names what is left. */
final class GraphFinisher {
  private final OnnxModel model;
  private final Drafts drafts;
  private final List<String> notes;

  GraphFinisher(OnnxModel model, Drafts drafts, List<String> notes) {
    this.model = model;
    this.drafts = drafts;
    this.notes = new ArrayList<>(notes);
  }

  Graph finish(int logits) {
    int output = withoutSoftmax(logits);
    int[] readers = readers(output);
    Patterns patterns = new Patterns(drafts, readers);
    for (Draft draft : drafts.all()) {
      if (readers[draft.id] > 0) {
        patterns.merge(draft);
      }
    }
    new SingleRows(drafts).turn();
    new ChannelsLast(drafts).turn();
    readers = readers(output);
    Map<Integer, Integer> places = new HashMap<>();
    List<GraphNode> nodes = new ArrayList<>();
    Map<Integer, String> names = names(readers);
    for (Draft draft : drafts.all()) {
      if (readers[draft.id] > 0 || draft.id == 0) {
        places.put(draft.id, nodes.size());
        nodes.add(
            new GraphNode(
                nodes.size(),
                names.getOrDefault(draft.id, ""),
                draft.label,
                draft.operator,
                draft.operation,
                draft.inputs.stream().map(id -> place(places, id)).toList(),
                draft.shape));
      }
    }
    noteShared(nodes);
    return new Graph(
        model.name(), model.opset(), nodes, place(places, output), problems(readers), notes);
  }

  /** Layers with parameters choose first: theirs are names that a user knows. */
  private Map<Integer, String> names(int[] readers) {
    LayerNames names = new LayerNames();
    Map<Integer, String> all = new HashMap<>();
    for (boolean withParameters : new boolean[] {true, false}) {
      for (Draft draft : drafts.all()) {
        boolean isTurn = Weights.of(draft.operation).isEmpty() != withParameters;
        if (isTurn && (readers[draft.id] > 0 || draft.id == 0)) {
          all.put(draft.id, names.of(draft));
        }
      }
    }
    return all;
  }

  private static int place(Map<Integer, Integer> places, int id) {
    Integer place = places.get(id);
    if (place == null) {
      throw new IllegalStateException("Node " + id + " is read before it is made");
    }
    return place;
  }

  /** The loss takes logits: what makes probabilities of them at the end is left out. */
  private int withoutSoftmax(int logits) {
    Draft last = drafts.get(logits);
    if (!(last.operation instanceof Operation.Softmax)) {
      return logits;
    }
    notes.add(
        "%s '%s' at the end is left out: the loss takes logits."
            .formatted(last.operator, last.label));
    return last.inputs.getFirst();
  }

  private int[] readers(int output) {
    int[] readers = new int[drafts.all().size()];
    readers[output] = 1;
    for (int id = output; id >= 0; id--) {
      if (readers[id] > 0) {
        drafts.get(id).inputs.forEach(source -> readers[source]++);
      }
    }
    return readers;
  }

  private void noteShared(List<GraphNode> nodes) {
    Set<TensorData> seen = new HashSet<>();
    Set<TensorData> shared = new HashSet<>();
    for (GraphNode node : nodes) {
      for (Weight weight : Weights.of(node.operation())) {
        if (!seen.add(weight.tensor())) {
          shared.add(weight.tensor());
        }
      }
    }
    if (!shared.isEmpty()) {
      notes.add(
          "%d tensors are read by several layers, such as '%s': each layer gets its own copy."
              .formatted(shared.size(), shared.iterator().next().name()));
    }
  }

  /** Every reason once, with the nodes that it holds for. */
  private List<String> problems(int[] readers) {
    Map<String, Set<String>> nodes = new LinkedHashMap<>();
    Map<String, String> operators = new HashMap<>();
    Map<String, String> reasons = new HashMap<>();
    for (Draft draft : drafts.all()) {
      if (readers[draft.id] > 0 && draft.problem != null) {
        String key = draft.operator + " " + draft.problem;
        nodes.computeIfAbsent(key, k -> new LinkedHashSet<>()).add(draft.label);
        operators.put(key, draft.operator);
        reasons.put(key, draft.problem);
      }
    }
    List<String> problems = new ArrayList<>();
    nodes.forEach(
        (key, labels) ->
            problems.add(
                Problems.sentence(
                    String.valueOf(operators.get(key)),
                    List.copyOf(labels),
                    String.valueOf(reasons.get(key)))));
    return problems;
  }
}
