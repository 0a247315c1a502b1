package dev.nibble.engine.network;

import dev.nibble.kernels.Operator;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A network for inference, in which a batch norm that is the only reader of a convolution or dense
 * layer is gone: with running statistics it is an affine map a channel, which the layer's weights
 * and a bias take in. Other batch norms (of a sum, of a tensor that is read elsewhere too) stay,
 * and so does every name. Dropout and layers that the logits do not depend on are left out.
 *
 * @param network the network that is left; its folded layers have a bias
 * @param norms the batch norm's name by the name of the layer that took it in
 */
public record FoldedNetwork(Network network, Map<String, String> norms) {

  /** Copies the names. */
  public FoldedNetwork {
    norms = Map.copyOf(norms);
  }

  /** Folds what can be folded; the values are folded by whoever holds them. */
  public static FoldedNetwork of(Network network) {
    int[] readers = readers(network);
    List<Layer> layers = network.layers();
    Map<Integer, String> foldedBy = new LinkedHashMap<>();
    for (Layer layer : layers) {
      if (readers[layer.id()] > 0 && layer instanceof Layer.BatchNorm norm) {
        if (readers[norm.source()] == 1 && takesBias(layers.get(norm.source()))) {
          foldedBy.put(norm.source(), norm.name());
        }
      }
    }
    int[] place = new int[layers.size()];
    List<Layer> kept = new ArrayList<>();
    Map<String, String> norms = new LinkedHashMap<>();
    for (Layer layer : layers) {
      if (readers[layer.id()] == 0 && !(layer instanceof Layer.Input)) {
        continue;
      }
      if (layer instanceof Layer.BatchNorm norm && foldedBy.containsKey(norm.source())) {
        place[norm.id()] = place[norm.source()];
        continue;
      }
      if (layer instanceof Layer.Dropout dropout) {
        place[dropout.id()] = place[dropout.source()];
        continue;
      }
      place[layer.id()] = kept.size();
      String norm = foldedBy.get(layer.id());
      if (norm != null) {
        norms.put(layer.name(), norm);
      }
      kept.add(moved(layer, kept.size(), place, norm != null));
    }
    int output = place[network.output().id()];
    return new FoldedNetwork(new Network(network.name(), kept, output), norms);
  }

  /** How many layers that the logits depend on read each layer; the output counts as read. */
  private static int[] readers(Network network) {
    List<Layer> layers = network.layers();
    int[] readers = new int[layers.size()];
    readers[network.output().id()] = 1;
    for (int id = layers.size() - 1; id >= 0; id--) {
      if (readers[id] > 0) {
        for (int source : layers.get(id).inputs()) {
          readers[source]++;
        }
      }
    }
    return readers;
  }

  private static boolean takesBias(Layer layer) {
    return layer instanceof Layer.Weighted;
  }

  private static Layer moved(Layer layer, int id, int[] place, boolean withBias) {
    return switch (layer) {
      case Layer.Input i -> new Layer.Input(id, i.name(), i.output());
      case Layer.Weighted w ->
          new Layer.Weighted(
              id,
              w.name(),
              place[w.source()],
              withBias ? biased(w.operator()) : w.operator(),
              w.dense());
      case Layer.Pooling p -> new Layer.Pooling(id, p.name(), place[p.source()], p.operator());
      case Layer.Shortcut s -> new Layer.Shortcut(id, s.name(), place[s.source()], s.operator());
      case Layer.Padding p -> new Layer.Padding(id, p.name(), place[p.source()], p.operator());
      case Layer.Sampled s -> new Layer.Sampled(id, s.name(), place[s.source()], s.operator());
      case Layer.Shuffle s -> new Layer.Shuffle(id, s.name(), place[s.source()], s.operator());
      case Layer.GroupNorm g -> new Layer.GroupNorm(id, g.name(), place[g.source()], g.operator());
      case Layer.Dropout d -> new Layer.Dropout(id, d.name(), place[d.source()], d.operator());
      case Layer.BatchNorm b ->
          new Layer.BatchNorm(
              id, b.name(), place[b.source()], b.output(), b.epsilon(), b.momentum());
      case Layer.Activation a ->
          new Layer.Activation(id, a.name(), place[a.source()], a.output(), a.function());
      case Layer.Flatten f -> new Layer.Flatten(id, f.name(), place[f.source()], f.output());
      case Layer.Unflatten u -> new Layer.Unflatten(id, u.name(), place[u.source()], u.output());
      case Layer.Add a ->
          new Layer.Add(id, a.name(), place[a.left()], place[a.right()], a.output());
      case Layer.Multiply m ->
          new Layer.Multiply(id, m.name(), place[m.source()], place[m.factor()], m.operator());
      case Layer.Concatenate c ->
          new Layer.Concatenate(
              id, c.name(), c.inputs().stream().map(i -> place[i]).toList(), c.output());
    };
  }

  private static Operator.Convolution biased(Operator.Convolution c) {
    return new Operator.Convolution(c.input(), c.outChannels(), c.window(), c.groups(), true);
  }
}
