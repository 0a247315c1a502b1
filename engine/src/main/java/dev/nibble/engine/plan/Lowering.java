package dev.nibble.engine.plan;

import dev.nibble.engine.network.Layer;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.plan.StageGraph.Node;
import dev.nibble.engine.plan.StageGraph.Tensor;
import dev.nibble.engine.plan.StageGraph.View;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Nonlinearity;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Operator.Resample;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Cuts a network's graph into fused stages.
 *
 * <p>Batch norm and functions of one value write no tensor: they become the way in which the next
 * operator reads one. Flattening only reads another shape. An addition is fused into the later of its two operands if that is an operator nobody else
 * reads; pooling and zero channels on its other operand become the shortcut's transform. What
 * cannot be fused (a batch norm that is read through several functions, a function of a function, a
 * shortcut through a batch norm of its own) is written by a stage whose operator is the identity.
 */
public final class Lowering {
  private record Key(
      int tensor, FeatureMap map, int norm, Nonlinearity function, @Nullable String slope) {}

  private final Network network;
  private final GraphUses uses;
  private final List<Tensor> tensors = new ArrayList<>();
  private final List<Node> stages = new ArrayList<>();
  private final Map<Key, View> viewsByKey = new LinkedHashMap<>();
  private final Map<Integer, View> viewsByLayer = new HashMap<>();

  private Lowering(Network network) {
    this.network = network;
    this.uses = new GraphUses(network);
  }

  /** Cuts the network; layers that the logits do not depend on are left out. */
  public static StageGraph lower(Network network) {
    return new Lowering(network).run();
  }

  private StageGraph run() {
    for (Layer layer : network.layers()) {
      if (uses.count(layer.id()) > 0 && !uses.absorbed(layer.id())) {
        viewsByLayer.put(layer.id(), lower(layer));
      }
    }
    View logits = view(network.output().id());
    if (!logits.isIdentity() || !logits.keepsShape() || logits.tensor().producer() != stages.size() - 1) {
      materialize("logits", logits);
    }
    List<View> read = viewsByKey.values().stream().filter(v -> v.owner() >= 0).toList();
    for (int i = 0; i < read.size(); i++) {
      read.get(i).number(i);
    }
    return new StageGraph(network, List.copyOf(tensors), read, List.copyOf(stages));
  }

  private View lower(Layer layer) {
    return switch (layer) {
      case Layer.Input input -> identityView(newTensor(input.name(), input.output(), -1));
      case Layer.Weighted w -> emit(w.name(), w.operator(), view(w.source()), null, null);
      case Layer.Pooling p -> emit(p.name(), p.operator(), view(p.source()), null, null);
      case Layer.Shortcut s -> emit(s.name(), s.operator(), view(s.source()), null, null);
      case Layer.BatchNorm b -> batchNorm(b);
      case Layer.Activation a -> activation(a);
      case Layer.Flatten f -> flatten(f);
      case Layer.Add a -> addition(a);
    };
  }

  private View batchNorm(Layer.BatchNorm norm) {
    View source = view(norm.source());
    if (!source.isIdentity()) {
      source = materialize(norm.name() + ".input", source);
    }
    source = withStatistics(norm.name() + ".input", source);
    source.tensor().norms().add(norm);
    View normalized = viewOf(source.tensor(), norm, Nonlinearity.identity(), null);
    return uses.readSeveralWays(norm.id()) ? materialize(norm.name(), normalized) : normalized;
  }

  private View activation(Layer.Activation layer) {
    View source = view(layer.source());
    Nonlinearity function = layer.function();
    if (source.function().equals(function) && function.equals(Nonlinearity.relu())) {
      return source;
    }
    if (!source.function().equals(Nonlinearity.identity())) {
      source = materialize(layer.name() + ".input", source);
    }
    source = withStatistics(layer.name() + ".input", source);
    Parameter slope = function.hasSlope() ? network.parameter(layer.name() + ".weight") : null;
    return viewOf(source.tensor(), source.norm(), function, slope);
  }

  private View flatten(Layer.Flatten layer) {
    View source = view(layer.source());
    if (!source.isIdentity()) {
      source = materialize(layer.name() + ".input", source);
    }
    return view(source.tensor(), layer.output());
  }

  /**
   * Whoever reads a tensor through its channels' statistics needs them summed: the pictures have no
   * producer to do that, and a flattened tensor's summed other channels. Such a tensor is copied.
   */
  private View withStatistics(String name, View source) {
    boolean isSummed = source.tensor().producer() >= 0 && source.keepsShape();
    return isSummed ? source : materialize(name, source);
  }

  private View addition(Layer.Add add) {
    int main = uses.mainOperand(add);
    int other = main == add.left() ? add.right() : add.left();
    Resample transform = Resample.identity(add.output());
    if (uses.absorbed(other) && network.layers().get(other) instanceof Layer.Shortcut s) {
      transform = s.operator();
      other = s.source();
    }
    View shortcut = view(other);
    Layer operand = network.layers().get(main);
    if (!uses.absorbed(main)) {
      View mainView = view(main);
      if (transform.isIdentity() && !readable(shortcut) && readable(mainView)) {
        View swap = shortcut;
        shortcut = mainView;
        mainView = swap;
      }
      shortcut = readable(add.name() + ".shortcut", shortcut);
      Resample identity = Resample.identity(add.output());
      return emit(add.name(), identity, mainView, shortcut, transform);
    }
    shortcut = readable(add.name() + ".shortcut", shortcut);
    return switch (operand) {
      case Layer.Weighted w -> emit(w.name(), w.operator(), view(w.source()), shortcut, transform);
      case Layer.Pooling p -> emit(p.name(), p.operator(), view(p.source()), shortcut, transform);
      default -> throw new IllegalStateException("Not an operator: " + operand);
    };
  }

  /** A shortcut reads a plain tensor, or an activation that an earlier stage has stored. */
  private static boolean readable(View view) {
    return view.keepsShape() && (view.isIdentity() || view.owner() >= 0);
  }

  private View readable(String name, View view) {
    return readable(view) ? view : materialize(name, view);
  }

  private View materialize(String name, View view) {
    return emit(name, Resample.identity(view.map()), view, null, null);
  }

  private View emit(
      String name,
      Operator operator,
      View input,
      @Nullable View shortcut,
      @Nullable Resample transform) {
    int index = stages.size();
    input.addReader(index, operator);
    Tensor output = newTensor(name, operator.output(), index);
    Parameter weight = operator.weights() > 0 ? network.parameter(name + ".weight") : null;
    boolean hasBias = operator instanceof Operator.Convolution c && c.bias();
    Parameter bias = hasBias ? network.parameter(name + ".bias") : null;
    stages.add(new Node(index, name, operator, input, shortcut, transform, output, weight, bias));
    return identityView(output);
  }

  private Tensor newTensor(String name, FeatureMap map, int producer) {
    Tensor tensor = new Tensor(tensors.size(), name, map, producer);
    tensors.add(tensor);
    return tensor;
  }

  private View view(int layer) {
    View view = viewsByLayer.get(layer);
    if (view == null) {
      throw new IllegalStateException("Layer " + layer + " is read before it is lowered");
    }
    return view;
  }

  private View identityView(Tensor tensor) {
    return view(tensor, tensor.map());
  }

  /** The tensor as it is, or flattened. */
  private View view(Tensor tensor, FeatureMap map) {
    Key key = new Key(tensor.index(), map, -1, Nonlinearity.identity(), null);
    return viewsByKey.computeIfAbsent(
        key, k -> new View(tensor, map, null, Nonlinearity.identity(), null));
  }

  private View viewOf(
      Tensor tensor,
      Layer.@Nullable BatchNorm norm,
      Nonlinearity function,
      @Nullable Parameter slope) {
    Key key =
        new Key(
            tensor.index(),
            tensor.map(),
            norm == null ? -1 : norm.id(),
            function,
            slope == null ? null : slope.name());
    return viewsByKey.computeIfAbsent(
        key, k -> new View(tensor, tensor.map(), norm, function, slope));
  }
}
