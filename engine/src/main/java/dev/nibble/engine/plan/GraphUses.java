package dev.nibble.engine.plan;

import dev.nibble.engine.network.Layer;
import dev.nibble.engine.network.Network;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Who reads whom in a network's graph, and which layers an addition absorbs. */
final class GraphUses {
  private final List<Layer> layers;
  private final int[] count;

  /** The function through which each is read; null if it is read as it is. */
  private final @Nullable Layer[] through;

  private final boolean[] severalWays;
  private final boolean[] read;
  private final boolean[] absorbed;
  private final int[] mainOperand;

  GraphUses(Network network) {
    layers = network.layers();
    int size = layers.size();
    count = new int[size];
    through = new @Nullable Layer[size];
    severalWays = new boolean[size];
    read = new boolean[size];
    absorbed = new boolean[size];
    mainOperand = new int[size];
    Arrays.fill(mainOperand, -1);
    count[network.output().id()] = 1;
    read(network.output().id(), null);
    for (int id = size - 1; id >= 0; id--) {
      if (count[id] > 0) {
        Layer layer = layers.get(id);
        for (int source : layer.inputs()) {
          count[source]++;
          read(source, layer instanceof Layer.Activation a ? a : null);
        }
      }
    }
    for (Layer layer : layers) {
      if (layer instanceof Layer.Add add && count[add.id()] > 0) {
        chooseOperands(add);
      }
    }
  }

  private void read(int source, Layer.@Nullable Activation function) {
    if (!read[source]) {
      read[source] = true;
      through[source] = function;
    } else if (!isSame(through[source], function)) {
      severalWays[source] = true;
    }
  }

  /** Slopes belong to their layer. */
  private static boolean isSame(@Nullable Layer one, Layer.@Nullable Activation other) {
    if (one == other) {
      return true;
    }
    return one instanceof Layer.Activation a
        && other != null
        && a.function().equals(other.function())
        && !a.function().hasSlope();
  }

  private void chooseOperands(Layer.Add add) {
    int later = Math.max(add.left(), add.right());
    int earlier = Math.min(add.left(), add.right());
    if (fusible(later)) {
      mainOperand[add.id()] = later;
      absorbed[later] = true;
    } else if (fusible(earlier)) {
      mainOperand[add.id()] = earlier;
      absorbed[earlier] = true;
    } else {
      mainOperand[add.id()] =
          layers.get(earlier) instanceof Layer.Shortcut || later == earlier ? later : earlier;
    }
    int other = mainOperand[add.id()] == add.left() ? add.right() : add.left();
    if (layers.get(other) instanceof Layer.Shortcut && count[other] == 1) {
      absorbed[other] = true;
    }
  }

  private boolean fusible(int id) {
    Layer layer = layers.get(id);
    return count[id] == 1
        && !absorbed[id]
        && (layer instanceof Layer.Weighted || layer instanceof Layer.Pooling);
  }

  /** How many layers read it; the network's output counts as read once. */
  int count(int id) {
    return count[id];
  }

  /** Whether it is computed as part of an addition's stage. */
  boolean absorbed(int id) {
    return absorbed[id];
  }

  /** The operand whose stage computes the addition. */
  int mainOperand(Layer.Add add) {
    return mainOperand[add.id()];
  }

  /** Whether it is read through several functions, or through one and as it is. */
  boolean readSeveralWays(int id) {
    return severalWays[id];
  }
}
