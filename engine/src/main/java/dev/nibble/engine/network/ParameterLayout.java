package dev.nibble.engine.network;

import dev.nibble.engine.network.Parameter.Kind;
import dev.nibble.kernels.Operator;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Lays the parameters of a network into two flat buffers, weights and running statistics. Every
 * layer starts at a multiple of 16 floats (64 bytes); a bias follows its weights directly, as the
 * kernels write both gradients in one range.
 */
final class ParameterLayout {
  private static final int ALIGNMENT = 16;

  private final Map<String, Parameter> parameters = new LinkedHashMap<>();
  private int weights;
  private int state;

  private int @Nullable [] order;

  /** Adds a layer's parameters, where its input's channels lie in that order. */
  void add(Layer layer, int @Nullable [] inputOrder) {
    order = inputOrder;
    switch (layer) {
      case Layer.Weighted w -> addWeighted(w);
      case Layer.GroupNorm g -> {
        if (g.operator().affine()) {
          // The shift behind the scale, as a bias behind its weights.
          trainable(g.name() + ".weight", Kind.SCALE, true, g.output().channels());
          trainable(g.name() + ".bias", Kind.SHIFT, false, g.output().channels());
        }
      }
      case Layer.BatchNorm b -> {
        int channels = b.output().channels();
        trainable(b.name() + ".weight", Kind.SCALE, true, channels);
        trainable(b.name() + ".bias", Kind.SHIFT, true, channels);
        running(b.name() + ".running_mean", Kind.RUNNING_MEAN, channels);
        running(b.name() + ".running_var", Kind.RUNNING_VARIANCE, channels);
      }
      case Layer.Activation a -> {
        if (a.function().hasSlope()) {
          trainable(a.name() + ".weight", Kind.SLOPE, true, a.output().channels());
        }
      }
      default -> {
        // no parameters
      }
    }
  }

  private void addWeighted(Layer.Weighted layer) {
    String weight = layer.name() + ".weight";
    if (order != null && !layer.dense()) {
      throw new IllegalArgumentException(
          "Convolution %s reads what was flattened: read that with a dense layer"
              .formatted(layer.name()));
    }
    Operator.Convolution c = layer.operator();
    int in = c.groupInputs();
    int out = c.outChannels();
    int height = c.window().kernelHeight();
    int width = c.window().kernelWidth();
    if (layer.dense()) {
      trainable(weight, Kind.DENSE, true, out, in);
    } else if (c.isDepthwise()) {
      trainable(weight, Kind.DEPTHWISE, true, out, 1, height, width);
    } else {
      trainable(weight, Kind.CONVOLUTION, true, out, in, height, width);
    }
    if (c.bias()) {
      order = null;
      trainable(layer.name() + ".bias", Kind.BIAS, false, out);
    }
  }

  private void trainable(String name, Kind kind, boolean align, int... shape) {
    int offset = align ? up(weights) : weights;
    int size = product(shape);
    put(new Parameter(name, kind, shape, offset, size, order));
    weights = Math.addExact(offset, size);
  }

  private void running(String name, Kind kind, int channels) {
    int offset = up(state);
    put(new Parameter(name, kind, new int[] {channels}, offset, channels, order));
    state = Math.addExact(offset, channels);
  }

  private void put(Parameter parameter) {
    if (parameters.put(parameter.name(), parameter) != null) {
      throw new IllegalArgumentException("Two parameters are named " + parameter.name());
    }
  }

  private static int product(int[] shape) {
    int product = 1;
    for (int axis : shape) {
      product = Math.multiplyExact(product, axis);
    }
    return product;
  }

  private static int up(int value) {
    return (value + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }

  Map<String, Parameter> parameters() {
    return parameters;
  }

  int weightValues() {
    return up(weights);
  }

  int stateValues() {
    return up(state);
  }
}
