package dev.nibble.engine.plan;

import dev.nibble.engine.network.Layer;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.plan.StageGraph.Node;
import dev.nibble.engine.plan.StageGraph.Tensor;
import dev.nibble.engine.plan.StageGraph.View;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Layout;
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
 * operator reads one. Flattening only reads another shape. An addition is fused into the later of
 * its two operands if that is an operator nobody else reads; pooling and zero channels on its other
 * operand become the shortcut's transform. What a concatenation joins is written into its tensor at
 * once. What cannot be fused (a batch norm that is read through several functions, a function of a
 * function, a shortcut through a batch norm of its own) is written by a stage whose operator is the
 * identity.
 */
public final class Lowering {
  private record Key(
      int tensor, FeatureMap map, int norm, Nonlinearity function, @Nullable String slope) {}

  /** What is added to a stage's output, or multiplied with its input. */
  private record Second(
      @Nullable View shortcut, @Nullable Resample transform, @Nullable View factor) {
    private static final Second NONE = new Second(null, null, null);
  }

  private final Network network;
  private final GraphUses uses;
  private final List<Tensor> tensors = new ArrayList<>();
  private final List<Node> stages = new ArrayList<>();
  private final Map<Key, View> viewsByKey = new LinkedHashMap<>();
  private final Map<Integer, View> viewsByLayer = new HashMap<>();

  /** The tensors of concatenations, by the layer's id. */
  private final Map<Integer, Tensor> wholes = new HashMap<>();

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
    boolean isWritten = logits.isIdentity() && logits.keepsShape();
    if (!isWritten || logits.tensor().producer() != stages.size() - 1) {
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
      case Layer.Computed c -> emit(c, c.operator(), view(c.source()), Second.NONE);
      case Layer.BatchNorm b -> batchNorm(b);
      case Layer.Activation a -> activation(a);
      case Layer.Flatten f -> flatten(f.name(), view(f.source()), f.output());
      // Copied, for what reads its one channel needs that channel's statistics.
      case Layer.Unflatten u ->
          materialize(u.name(), flatten(u.name(), view(u.source()), u.output()));
      case Layer.Add a -> addition(a);
      case Layer.Multiply m -> product(m);
      case Layer.Concatenate c -> concatenation(c);
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
    if (source.function().equals(function) && function instanceof Nonlinearity.Relu) {
      return source;
    }
    if (!(source.function() instanceof Nonlinearity.Identity)) {
      source = materialize(layer.name() + ".input", source);
    }
    source = withStatistics(layer.name() + ".input", source);
    Parameter slope = function.hasSlope() ? network.parameter(layer.name() + ".weight") : null;
    View through = viewOf(source.tensor(), source.norm(), function, slope);
    boolean isShared = uses.count(layer.id()) > 1 && !GraphUses.isMask(function);
    return isShared ? materialize(layer.name(), through) : through;
  }

  private View flatten(String name, View read, FeatureMap output) {
    View source = read.isIdentity() ? read : materialize(name + ".input", read);
    return view(source.tensor(), output);
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
    if (!uses.absorbed(main)) {
      View mainView = view(main);
      if (transform.isIdentity() && !readable(shortcut) && readable(mainView)) {
        View swap = shortcut;
        shortcut = mainView;
        mainView = swap;
      }
      shortcut = readable(add.name() + ".shortcut", shortcut);
      Second second = new Second(shortcut, transform, null);
      return emit(add, Resample.identity(add.output()), mainView, second);
    }
    shortcut = readable(add.name() + ".shortcut", shortcut);
    Second second = new Second(shortcut, transform, null);
    if (network.layers().get(main) instanceof Layer.Computed c) {
      View source = view(c.source());
      return emit(c.name(), c.operator(), source, second, newTensor(add, c.name()));
    }
    throw new IllegalStateException("Not an operator: " + network.layers().get(main));
  }

  /** A shortcut reads a plain tensor, or an activation that an earlier stage has stored. */
  private static boolean readable(View view) {
    return view.keepsShape() && (view.isIdentity() || view.owner() >= 0);
  }

  private View readable(String name, View view) {
    return readable(view) ? view : materialize(name, view);
  }

  private View product(Layer.Multiply layer) {
    View factor = view(layer.factor());
    if (!factor.isIdentity() || !factor.keepsShape()) {
      factor = materialize(layer.name() + ".factor", factor);
    }
    return emit(layer, layer.operator(), view(layer.source()), new Second(null, null, factor));
  }

  /**
   * Whoever alone is read by the concatenation has written its slice already; the others are
   * copied. A stage that computes nothing stands for the whole: it knows the statistics of all
   * slices and sums the gradient that they share.
   */
  private View concatenation(Layer.Concatenate layer) {
    GraphUses.Place own = uses.place(layer.id());
    int offset = 0;
    for (int input : layer.inputs()) {
      FeatureMap map = network.layers().get(input).output();
      if (!uses.isPlaced(input)) {
        View source = view(input);
        String name = layer.name() + ".slice" + offset;
        Tensor slice = newSlice(name, map, own.plus(offset));
        emit(name, Resample.identity(map), source, Second.NONE, slice);
      }
      offset += map.channels();
    }
    Tensor whole = whole(own.concatenation());
    if (own.concatenation() != layer.id()) {
      return identityView(whole); // Its slices are the outer one's, which alone reads it.
    }
    int index = stages.size();
    whole.joinedBy(index);
    View all = identityView(whole);
    Resample nothing = Resample.identity(layer.output());
    stages.add(
        new Node(index, layer.name(), nothing, all, null, null, null, whole, true, null, null));
    return all;
  }

  private Tensor whole(int concatenation) {
    Tensor whole = wholes.get(concatenation);
    if (whole == null) {
      Layer layer = network.layers().get(concatenation);
      whole = newTensor(layer.name(), layer.output(), stages.size());
      wholes.put(concatenation, whole);
    }
    return whole;
  }

  private Tensor newSlice(String name, FeatureMap map, GraphUses.Place place) {
    Tensor whole = whole(place.concatenation());
    Layout layout = new Layout(whole.map().channels(), place.offset());
    Tensor slice = new Tensor(tensors.size(), name, map, stages.size(), whole, layout);
    tensors.add(slice);
    return slice;
  }

  /** What a layer's stage writes: a tensor of its own, or its slice of a concatenation. */
  private Tensor newTensor(Layer layer, String name) {
    return uses.isPlaced(layer.id())
        ? newSlice(name, layer.output(), uses.place(layer.id()))
        : newTensor(name, layer.output(), stages.size());
  }

  private Tensor newTensor(String name, FeatureMap map, int producer) {
    Tensor tensor = new Tensor(tensors.size(), name, map, producer);
    tensors.add(tensor);
    return tensor;
  }

  private View materialize(String name, View view) {
    Tensor output = newTensor(name, view.map(), stages.size());
    return emit(name, Resample.identity(view.map()), view, Second.NONE, output);
  }

  private View emit(Layer layer, Operator operator, View input, Second second) {
    return emit(layer.name(), operator, input, second, newTensor(layer, layer.name()));
  }

  private View emit(String name, Operator operator, View input, Second second, Tensor output) {
    int index = stages.size();
    input.addReader(index, operator);
    stages.add(
        new Node(
            index,
            name,
            operator,
            input,
            second.shortcut(),
            second.transform(),
            second.factor(),
            output,
            false,
            operator.weights() > 0 ? network.parameter(name + ".weight") : null,
            operator.bias() ? network.parameter(name + ".bias") : null));
    return identityView(output);
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
    int normId = norm == null ? -1 : norm.id();
    String slopeName = slope == null ? null : slope.name();
    Key key = new Key(tensor.index(), tensor.map(), normId, function, slopeName);
    return viewsByKey.computeIfAbsent(
        key, k -> new View(tensor, tensor.map(), norm, function, slope));
  }
}
