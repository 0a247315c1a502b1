package dev.nibble.engine.network;

import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Nonlinearity;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Sampling;
import java.util.List;

/** One node of a network's graph. Layers are numbered in the order they were added. */
public sealed interface Layer {
  /** Position in the network, from 0. */
  int id();

  /** Unique name; the prefix of its parameters' names in files. */
  String name();

  /** Shape of one picture's output. */
  FeatureMap output();

  /** The ids of the layers that it reads. */
  List<Integer> inputs();

  /** A layer that reads one other. */
  sealed interface Unary extends Layer {
    /** The id of the layer that it reads. */
    int source();

    @Override
    default List<Integer> inputs() {
      return List.of(source());
    }
  }

  /** A layer that is one operator of the kernels. */
  sealed interface Computed extends Unary {
    /** What it computes. */
    Operator operator();

    @Override
    default FeatureMap output() {
      return operator().output();
    }
  }

  /** The pictures, normalised. */
  record Input(int id, String name, FeatureMap output) implements Layer {
    @Override
    public List<Integer> inputs() {
      return List.of();
    }
  }

  /**
   * Convolution (grouped or not) or dense layer: whatever has weights.
   *
   * @param dense whether it is a dense layer, which files have as a matrix
   */
  record Weighted(int id, String name, int source, Operator.Convolution operator, boolean dense)
      implements Computed {}

  /** Max or average pooling, over windows or over all pixels. */
  record Pooling(int id, String name, int source, Operator operator) implements Computed {}

  /** Average pooling by a stride and zero channels: the parameter-free shortcut. */
  record Shortcut(int id, String name, int source, Operator.Resample operator)
      implements Computed {}

  /** Zeros around the pixels or channels, or some of the channels. */
  record Padding(int id, String name, int source, Operator.Padding operator) implements Computed {}

  /** Pixels of another resolution, or in another order. */
  record Sampled(int id, String name, int source, Sampling operator) implements Computed {}

  /** Channels of several groups in turn. */
  record Shuffle(int id, String name, int source, Operator.ChannelShuffle operator)
      implements Computed {}

  /** Values, or pictures as a whole, that become 0 at random in training. */
  record Dropout(int id, String name, int source, Operator.Dropout operator) implements Computed {}

  /**
   * Batch normalisation over N, H, W, with scale and shift.
   *
   * @param epsilon added to the variance
   * @param momentum share of the newest batch in the running statistics
   */
  record BatchNorm(
      int id, String name, int source, FeatureMap output, float epsilon, float momentum)
      implements Unary {
    /** Checks epsilon and momentum. */
    public BatchNorm {
      if (!(epsilon >= 0) || Float.isInfinite(epsilon)) {
        throw new IllegalArgumentException(
            "Batch norm's epsilon must be a number from 0 on, not " + epsilon);
      }
      if (!(momentum >= 0 && momentum <= 1)) {
        throw new IllegalArgumentException(
            "Batch norm's momentum must lie between 0 and 1, not " + momentum);
      }
    }
  }

  /** Group, layer or instance norm: each picture by itself, with a scale and a shift a channel. */
  record GroupNorm(int id, String name, int source, dev.nibble.kernels.GroupNorm operator)
      implements Computed {}

  /** A function of every value. */
  record Activation(int id, String name, int source, FeatureMap output, Nonlinearity function)
      implements Unary {}

  /** The sum of two tensors of one shape. */
  record Add(int id, String name, int left, int right, FeatureMap output) implements Layer {
    @Override
    public List<Integer> inputs() {
      return List.of(left, right);
    }
  }

  /**
   * The product of two tensors.
   *
   * @param source what is multiplied
   * @param factor by what: a tensor of the same shape, or of one pixel, for all pixels
   */
  record Multiply(int id, String name, int source, int factor, Operator.Multiply operator)
      implements Layer {
    @Override
    public FeatureMap output() {
      return operator.output();
    }

    @Override
    public List<Integer> inputs() {
      return List.of(source, factor);
    }
  }

  /** The channels of several tensors, one behind the other. */
  record Concatenate(int id, String name, List<Integer> inputs, FeatureMap output)
      implements Layer {
    /** Copies the list. */
    public Concatenate {
      inputs = List.copyOf(inputs);
    }
  }

  /** The same values as one pixel, in PyTorch's order: channel by channel. */
  record Flatten(int id, String name, int source, FeatureMap output) implements Unary {}

  /** A pixel's channels as the pixels of a map of one channel, in their order. */
  record Unflatten(int id, String name, int source, FeatureMap output) implements Unary {}
}
