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
  private final int @Nullable [][] orders;

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
      case Layer.Computed c -> {
        if (orders[c.source()] != null && !(c instanceof Layer.Weighted)) {
          // A pooling of one pixel.
          yield orders[c.source()];
        }
        yield null;
      }
      case Layer.Flatten f -> flattened(layers.get(f.source()).output(), orders[f.source()]);
      case Layer.Unary u -> orders[u.source()];
      case Layer.Add a -> {
        if (!Arrays.equals(orders[a.left()], orders[a.right()])) {
          throw new IllegalArgumentException(
              "Sum %s joins a flattened map and what is none: put a dense layer between"
                  .formatted(a.name()));
        }
        yield orders[a.left()];
      }
    };
  }

  private static int @Nullable [] flattened(FeatureMap map, int @Nullable [] before) {
    int pixels = map.pixels();
    if (pixels == 1) {
      return before;
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
