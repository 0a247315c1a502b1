package dev.nibble.engine.exchange.onnx.graph;

import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Names of layers: what their tensors' names begin with; where an exporter renamed these (folded
 * batch norms) or joined equal ones, the module that the node comes from.
 */
final class LayerNames {
  private final Set<String> taken = new HashSet<>();

  /** The last number behind a name that is wanted more than once. */
  private final Map<String, Integer> numbers = new HashMap<>();

  String of(Draft draft) {
    return switch (draft.operation) {
      case Operation.Convolution c -> layer(draft, List.of(c.weight()));
      case Operation.Dense d -> layer(draft, List.of(d.weight()));
      case Operation.BatchNorm b ->
          layer(draft, List.of(b.scale(), b.shift(), b.mean(), b.variance()));
      case Operation.GroupNorm g -> norm(draft);
      case Operation.LayerNorm n -> norm(draft);
      case Operation.ResponseNorm n -> norm(draft);
      case Operation.Activation a ->
          a.slope() == null ? plain(draft) : layer(draft, List.of(a.slope()));
      default -> plain(draft);
    };
  }

  private String norm(Draft draft) {
    List<Weight> weights = Weights.of(draft.operation);
    return weights.isEmpty() ? plain(draft) : layer(draft, weights);
  }

  private String plain(Draft draft) {
    return unique(draft.label.isEmpty() ? draft.operator : draft.label);
  }

  private String layer(Draft draft, List<Weight> weights) {
    Set<String> prefixes = new LinkedHashSet<>();
    weights.forEach(weight -> prefixes.add(prefix(weight.name())));
    String own = prefixes.iterator().next();
    if (prefixes.size() == 1 && !own.isEmpty() && !taken.contains(own)) {
      return unique(own);
    }
    if (!draft.scope.isEmpty() && !taken.contains(draft.scope)) {
      return unique(draft.scope);
    }
    String name = weights.getFirst().name();
    return unique(own.isEmpty() ? name.isEmpty() ? draft.label : name : own);
  }

  /** The name without {@code .weight} and the like; empty if it has no such ending. */
  private static String prefix(String name) {
    for (String ending : List.of(".weight", ".bias", ".running_mean", ".running_var")) {
      if (name.endsWith(ending) && name.length() > ending.length()) {
        return name.substring(0, name.length() - ending.length());
      }
    }
    return "";
  }

  private String unique(String name) {
    String free = name;
    while (!taken.add(free)) {
      // Counted, not searched: a file may give one name to every node.
      free = name + "_" + numbers.merge(name, 2, (last, first) -> last + 1);
    }
    return free;
  }
}
