package dev.nibble.engine.network;

import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Operator;

/** One node of a network's graph. Layers are numbered in the order they were added. */
public sealed interface Layer {
  /** Position in the network, from 0. */
  int id();

  /** Unique name; the prefix of its parameters' names in files. */
  String name();

  /** Shape of one picture's output. */
  FeatureMap output();

  /** The ids of the layers that it reads. */
  default int[] inputs() {
    return new int[0];
  }

  /** The pictures, normalised. */
  record Input(int id, String name, FeatureMap output) implements Layer {}

  /** Convolution (grouped or not) or dense layer: whatever has weights. */
  record Weighted(int id, String name, int source, Operator operator) implements Layer {
    @Override
    public FeatureMap output() {
      return operator.output();
    }

    @Override
    public int[] inputs() {
      return new int[] {source};
    }
  }

  /** Max or global average pooling. */
  record Pooling(int id, String name, int source, Operator operator) implements Layer {
    @Override
    public FeatureMap output() {
      return operator.output();
    }

    @Override
    public int[] inputs() {
      return new int[] {source};
    }
  }

  /** Average pooling by a stride and zero channels: the parameter-free shortcut. */
  record Shortcut(int id, String name, int source, Operator.Resample operator) implements Layer {
    @Override
    public FeatureMap output() {
      return operator.output();
    }

    @Override
    public int[] inputs() {
      return new int[] {source};
    }
  }

  /** Batch normalisation over N, H, W, with scale and shift. */
  record BatchNorm(int id, String name, int source, FeatureMap output) implements Layer {
    @Override
    public int[] inputs() {
      return new int[] {source};
    }
  }

  /** max(x, 0). */
  record Relu(int id, String name, int source, FeatureMap output) implements Layer {
    @Override
    public int[] inputs() {
      return new int[] {source};
    }
  }

  /** The sum of two tensors of one shape. */
  record Add(int id, String name, int left, int right, FeatureMap output) implements Layer {
    @Override
    public int[] inputs() {
      return new int[] {left, right};
    }
  }
}
