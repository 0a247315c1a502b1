package dev.nibble.engine.network;

import dev.nibble.kernels.FeatureMap;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where a tensor's channels lie in memory. PyTorch flattens a map channel by channel, while in
 * memory its pixels lie one behind the other; so what follows has its parameters turned, and no
 * value is moved.
 */
final class ChannelOrder {
  private final int[] @Nullable [] orders;

  /** Follows the layers from each flattening on. */
  ChannelOrder(List<Layer> layers) {
    orders = new int[layers.size()][];
    for (Layer layer : layers) {
      orders[layer.id()] = order(layer, layers);
    }
  }

  private int @Nullable [] order(Layer layer, List<Layer> layers) {
    return switch (layer) {
      case Layer.Input i -> null;
      case Layer.Weighted w -> null;
      case Layer.Computed c -> {
        boolean moves =
            c instanceof Layer.Padding
                || c instanceof Layer.Shuffle
                || (c instanceof Layer.GroupNorm g && !g.operator().byPixel());
        if (orders[c.source()] != null && (moves || c.output().channels() != channels(c, layers))) {
          throw new IllegalArgumentException(
              "Layer %s takes channels apart that were flattened: do that before"
                  .formatted(c.name()));
        }
        yield orders[c.source()];
      }
      case Layer.Flatten f -> flattened(layers.get(f.source()).output(), orders[f.source()]);
      case Layer.Unflatten u -> {
        if (orders[u.source()] != null) {
          throw new IllegalArgumentException(
              "Layer %s takes channels apart that were flattened: do that before"
                  .formatted(u.name()));
        }
        yield null;
      }
      case Layer.Unary u -> orders[u.source()];
      case Layer.Add a -> same(a, a.left(), a.right());
      case Layer.Multiply m -> same(m, m.source(), m.factor());
      case Layer.Concatenate c -> concatenated(c, layers);
    };
  }

  private static int channels(Layer.Computed layer, List<Layer> layers) {
    return layers.get(layer.source()).output().channels();
  }

  private int @Nullable [] same(Layer layer, int left, int right) {
    if (!Arrays.equals(orders[left], orders[right])) {
      throw new IllegalArgumentException(
          "Layer %s joins a flattened map and what is none: put a dense layer between"
              .formatted(layer.name()));
    }
    return orders[left];
  }

  private int @Nullable [] concatenated(Layer.Concatenate layer, List<Layer> layers) {
    if (layer.inputs().stream().allMatch(input -> orders[input] == null)) {
      return null;
    }
    int[] order = new int[layer.output().channels()];
    int before = 0;
    for (int input : layer.inputs()) {
      int[] own = orders[input];
      int channels = layers.get(input).output().channels();
      for (int c = 0; c < channels; c++) {
        order[before + c] = before + (own == null ? c : own[c]);
      }
      before += channels;
    }
    return order;
  }

  private static int @Nullable [] flattened(FeatureMap map, int @Nullable [] before) {
    int pixels = map.pixels();
    if (pixels == 1) {
      return before;
    }
    if (map.channels() == 1) {
      return null; // The pixels of one channel lie in PyTorch's order.
    }
    int[] order = new int[map.values()];
    for (int i = 0; i < order.length; i++) {
      order[i] = i % pixels * map.channels() + i / pixels;
    }
    return order;
  }

  /**
   * The place in memory of each channel of a layer's output; null where they lie in their order.
   */
  int @Nullable [] of(int layer) {
    return orders[layer];
  }
}
