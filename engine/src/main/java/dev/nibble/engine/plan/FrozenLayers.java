package dev.nibble.engine.plan;

import dev.nibble.engine.network.Layer;
import dev.nibble.engine.network.LayerNames;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.plan.StageGraph.Node;
import dev.nibble.engine.plan.StageGraph.Tensor;
import dev.nibble.engine.plan.StageGraph.View;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which layers are not trained, and what follows from it: a stage that depends on frozen layers
 * only runs as in inference, batch norm with its running statistics, stores nothing and has no
 * backward pass.
 *
 * <p>Whatever a frozen layer reads must be frozen too. Only then can nothing of it be needed on the
 * way back.
 */
public final class FrozenLayers {
  private final Set<String> layers;
  private final boolean allNorms;
  private final boolean[] tensors;
  private final boolean[] nodes;

  private FrozenLayers(StageGraph graph, Set<String> layers, boolean allNorms) {
    this.layers = layers;
    this.allNorms = allNorms;
    this.tensors = new boolean[graph.tensors().size()];
    this.nodes = new boolean[graph.stages().size()];
    if (layers.isEmpty()) {
      return;
    }
    tensors[0] = true; // the pictures
    for (Node node : graph.stages()) {
      View shortcut = node.shortcut();
      if (node.joins()) {
        tensors[node.output().index()] = isJoinedOfFrozen(graph, node.output());
        nodes[node.index()] = tensors[node.output().index()];
        continue;
      }
      View factor = node.factor();
      boolean frozen =
          view(node.input())
              && (shortcut == null || view(shortcut))
              && (factor == null || view(factor))
              && (node.weight() == null || layers.contains(layerOf(node.weight())));
      nodes[node.index()] = frozen;
      tensors[node.output().index()] = frozen;
    }
    if (nodes[nodes.length - 1]) {
      throw new IllegalArgumentException(
          "All layers of " + graph.network().name() + " are frozen: leave at least one to train.");
    }
  }

  private boolean isJoinedOfFrozen(StageGraph graph, Tensor whole) {
    return graph.tensors().stream()
        .filter(tensor -> tensor.whole() == whole)
        .allMatch(tensor -> tensors[tensor.index()]);
  }

  /**
   * Finds the layers.
   *
   * @param names as {@link LayerNames} has them
   * @param allNorms whether every batch norm uses its running statistics; its scale and shift are
   *     trained all the same, unless the layer is frozen
   * @throws IllegalArgumentException if a name stands for no layer with parameters, a frozen layer
   *     reads one that is trained, or nothing is left to train
   */
  static FrozenLayers of(StageGraph graph, List<String> names, boolean allNorms) {
    return new FrozenLayers(graph, select(graph.network(), names), allNorms);
  }

  private static Set<String> select(Network network, List<String> names) {
    Set<String> selected = new HashSet<>();
    for (String name : names) {
      List<String> named = LayerNames.select(network, name);
      if (named.isEmpty()) {
        throw new IllegalArgumentException(
            "%s has no layer '%s' to freeze: its first layers are %s."
                .formatted(network.name(), name, LayerNames.examples(network)));
      }
      selected.addAll(named);
    }
    checkSources(network, selected);
    return selected;
  }

  private static boolean hasParameters(Layer layer) {
    return layer instanceof Layer.Weighted
        || layer instanceof Layer.BatchNorm
        || (layer instanceof Layer.GroupNorm g && g.operator().affine())
        || (layer instanceof Layer.Activation a && a.function().hasSlope());
  }

  /** Layers come after what they read, so that one walk finds the trained layer behind each. */
  private static void checkSources(Network network, Set<String> selected) {
    @Nullable String[] trained = new @Nullable String[network.layers().size()];
    for (Layer layer : network.layers()) {
      String behind = null;
      for (int source : layer.inputs()) {
        behind = behind == null ? trained[source] : behind;
      }
      if (selected.contains(layer.name())) {
        if (behind != null) {
          throw new IllegalArgumentException(
              "%s cannot be frozen while %s, which it depends on, is trained: freeze that too."
                  .formatted(layer.name(), behind));
        }
      } else if (hasParameters(layer)) {
        behind = layer.name();
      }
      trained[layer.id()] = behind;
    }
  }

  /** The layer's name, of which its parameters' names are made. */
  private static String layerOf(Parameter parameter) {
    return parameter.name().substring(0, parameter.name().lastIndexOf('.'));
  }

  /** Whether nothing is frozen. */
  public boolean isEmpty() {
    return layers.isEmpty();
  }

  /** Whether the parameter belongs to a frozen layer. */
  public boolean parameter(Parameter parameter) {
    return layers.contains(layerOf(parameter));
  }

  /** Whether the tensor depends on no trained parameter. */
  public boolean tensor(Tensor tensor) {
    return tensors[tensor.index()];
  }

  /** Whether the tensor, as it is read here, depends on no trained parameter. */
  public boolean view(View view) {
    Layer.BatchNorm norm = view.norm();
    return tensor(view.tensor())
        && (norm == null || layers.contains(norm.name()))
        && (view.slope() == null || parameter(view.slope()));
  }

  /** Whether the stage's output depends on no trained parameter. */
  public boolean node(Node node) {
    return nodes[node.index()];
  }

  /** Whether the backward pass needs what the view reads: some reader of it is trained. */
  boolean isReadByTrained(View view) {
    return view.readers().stream().anyMatch(stage -> !nodes[stage]);
  }

  /** The first stage in forward order that reads the view and is trained; else its first reader. */
  int owner(View view) {
    return view.readers().stream().filter(stage -> !nodes[stage]).findFirst().orElse(view.owner());
  }

  /** Whether the batch norm's scale and shift are not trained. */
  public boolean norm(Layer.BatchNorm norm) {
    return layers.contains(norm.name());
  }

  /** Whether the view's batch norm normalises with its running statistics. */
  public boolean usesRunningStatistics(View view) {
    return view.norm() != null && (allNorms || layers.contains(view.norm().name()));
  }
}
