package dev.nibble.engine.network;

import dev.nibble.engine.network.Parameter.Kind;
import dev.nibble.kernels.Operator;
import java.util.LinkedHashMap;
import java.util.Map;

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

  void add(Layer layer) {
    switch (layer) {
      case Layer.Weighted w -> addWeighted(w);
      case Layer.BatchNorm b -> {
        int channels = b.output().channels();
        trainable(b.name() + ".weight", Kind.SCALE, true, channels);
        trainable(b.name() + ".bias", Kind.SHIFT, true, channels);
        running(b.name() + ".running_mean", Kind.RUNNING_MEAN, channels);
        running(b.name() + ".running_var", Kind.RUNNING_VARIANCE, channels);
      }
      default -> {
        // no parameters
      }
    }
  }

  private void addWeighted(Layer.Weighted layer) {
    String weight = layer.name() + ".weight";
    switch (layer.operator()) {
      case Operator.Convolution c -> {
        int in = c.groupInputs();
        int out = c.outChannels();
        int height = c.window().kernelHeight();
        int width = c.window().kernelWidth();
        if (c.isDepthwise()) {
          trainable(weight, Kind.DEPTHWISE, true, out, 1, height, width);
        } else if (c.input().pixels() == 1 && c.window().taps() == 1 && c.groups() == 1) {
          trainable(weight, Kind.DENSE, true, out, in);
        } else {
          trainable(weight, Kind.CONVOLUTION, true, out, in, height, width);
        }
        if (c.bias()) {
          trainable(layer.name() + ".bias", Kind.BIAS, false, out);
        }
      }
      default -> throw new IllegalStateException("No weights in " + layer.operator());
    }
  }

  private void trainable(String name, Kind kind, boolean align, int... shape) {
    int offset = align ? up(weights) : weights;
    int size = product(shape);
    put(new Parameter(name, kind, shape, offset, size));
    weights = Math.addExact(offset, size);
  }

  private void running(String name, Kind kind, int channels) {
    int offset = up(state);
    put(new Parameter(name, kind, new int[] {channels}, offset, channels));
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
