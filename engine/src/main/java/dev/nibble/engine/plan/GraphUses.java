package dev.nibble.engine.plan;

import dev.nibble.engine.network.Layer;
import dev.nibble.engine.network.Network;
import dev.nibble.kernels.Nonlinearity;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Who reads whom in a network's graph, which layers an addition absorbs, and which write into a
 * concatenation.
 */
final class GraphUses {
  /**
   * Where a layer's output lies in a concatenation's tensor.
   *
   * @param concatenation id of the layer whose tensor it is
   * @param offset its first channel there
   */
  record Place(int concatenation, int offset) {
    Place plus(int channels) {
      return new Place(concatenation, offset + channels);
    }
  }

  private final List<Layer> layers;
  private final int[] count;

  /** The function through which each is read; null if it is read as it is. */
  private final @Nullable Layer[] through;

  private final boolean[] severalWays;
  private final boolean[] read;
  private final boolean[] absorbed;
  private final int[] mainOperand;

  /** By layer, the concatenation that alone reads it and has it write its slice; else null. */
  private final @Nullable Place[] places;

  GraphUses(Network network) {
    layers = network.layers();
    int size = layers.size();
    count = new int[size];
    through = new @Nullable Layer[size];
    severalWays = new boolean[size];
    read = new boolean[size];
    absorbed = new boolean[size];
    mainOperand = new int[size];
    places = new @Nullable Place[size];
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
    for (Layer layer : layers) {
      if (layer instanceof Layer.Concatenate concatenation && count[layer.id()] > 0) {
        choosePlaces(concatenation);
      }
    }
  }

  /** What comes to no tensor of its own (a batch norm, the pictures) is copied instead. */
  private void choosePlaces(Layer.Concatenate concatenation) {
    int offset = 0;
    for (int input : concatenation.inputs()) {
      Layer layer = layers.get(input);
      boolean writes =
          layer instanceof Layer.Computed
              || layer instanceof Layer.Add
              || layer instanceof Layer.Multiply
              || layer instanceof Layer.Concatenate;
      if (writes && count[input] == 1) {
        places[input] = new Place(concatenation.id(), offset);
      }
      offset += layer.output().channels();
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

  /**
   * Whether a function's derivative may be taken twice, as by each of several readers: it is 0 or 1
   * everywhere.
   */
  static boolean isMask(Nonlinearity function) {
    return function instanceof Nonlinearity.Identity
        || function instanceof Nonlinearity.Relu
        || function instanceof Nonlinearity.Clip;
  }

  /** Slopes belong to their layer, and other derivatives to one reader. */
  private static boolean isSame(@Nullable Layer one, Layer.@Nullable Activation other) {
    if (Objects.equals(one, other)) {
      return true;
    }
    return one instanceof Layer.Activation a
        && other != null
        && a.function().equals(other.function())
        && isMask(a.function());
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
        && (layer instanceof Layer.Weighted
            || layer instanceof Layer.Pooling
            || layer instanceof Layer.Dropout
            || layer instanceof Layer.GroupNorm);
  }

  /** Whether its stage writes a slice of a concatenation's tensor. */
  boolean isPlaced(int id) {
    return places[id] != null;
  }

  /** Where its output lies: for a concatenation that nobody places, its own tensor. */
  Place place(int id) {
    Place place = places[id];
    return place == null ? new Place(id, 0) : place(place.concatenation()).plus(place.offset());
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
