package dev.nibble.engine.exec;

import dev.nibble.engine.network.Layer;
import dev.nibble.engine.network.Network;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Operator;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A network computed the plain way: layer by layer over its graph, nothing fused, everything kept,
 * in double precision. It shares no code with the engine beyond the description of the layers.
 */
public final class ReferenceNetwork {
  private final Network network;
  private final int count;
  private final Set<String> frozen;

  public ReferenceNetwork(Network network, int count) {
    this(network, count, Set.of());
  }

  /** One in which the named batch norms always use their running moments. */
  ReferenceNetwork(Network network, int count, Set<String> frozen) {
    this.network = network;
    this.count = count;
    this.frozen = frozen;
  }

  /**
   * The logits of a batch.
   *
   * @param parameters values in the file's order of axes, by name
   * @param pictures N,H,W,C
   * @param batchStatistics whether batch norm uses the batch's moments or the running ones
   */
  public double[] logits(
      Map<String, double[]> parameters, float[] pictures, boolean batchStatistics) {
    double[][] outputs = new double[network.layers().size()][];
    for (Layer layer : network.layers()) {
      outputs[layer.id()] =
          switch (layer) {
            case Layer.Input input -> widen(pictures);
            case Layer.Weighted w -> weighted(w, outputs[w.source()], parameters);
            case Layer.Pooling p -> pooling(p.operator(), outputs[p.source()]);
            case Layer.Shortcut s -> shortcut(s.operator(), outputs[s.source()]);
            case Layer.BatchNorm b -> {
              boolean ofBatch = batchStatistics && !frozen.contains(b.name());
              yield norm(b, outputs[b.source()], parameters, ofBatch);
            }
            case Layer.Relu r -> relu(outputs[r.source()]);
            case Layer.Add a -> sum(outputs[a.left()], outputs[a.right()]);
          };
    }
    return outputs[network.output().id()];
  }

  /** Mean softmax cross-entropy. */
  double loss(double[] logits, MemorySegment labels) {
    int classes = network.classes();
    double loss = 0;
    for (int n = 0; n < count; n++) {
      double sum = 0;
      for (int c = 0; c < classes; c++) {
        sum += Math.exp(logits[n * classes + c]);
      }
      int label = labels.get(ValueLayout.JAVA_INT, 4L * n);
      loss += Math.log(sum) - logits[n * classes + label];
    }
    return loss / count;
  }

  private static double[] widen(float[] values) {
    double[] wide = new double[values.length];
    Arrays.setAll(wide, i -> values[i]);
    return wide;
  }

  private static double[] relu(double[] x) {
    return Arrays.stream(x).map(v -> Math.max(v, 0)).toArray();
  }

  private static double[] sum(double[] left, double[] right) {
    double[] y = left.clone();
    Arrays.setAll(y, i -> left[i] + right[i]);
    return y;
  }

  private static int at(FeatureMap map, int n, int h, int w, int c) {
    return ((n * map.height() + h) * map.width() + w) * map.channels() + c;
  }

  private static double[] values(Map<String, double[]> parameters, String name) {
    return Objects.requireNonNull(parameters.get(name), name);
  }

  private double[] weighted(Layer.Weighted layer, double[] x, Map<String, double[]> parameters) {
    double[] weights = values(parameters, layer.name() + ".weight");
    Operator.Convolution c = (Operator.Convolution) layer.operator();
    double[] bias = c.bias() ? values(parameters, layer.name() + ".bias") : null;
    int kernel = c.window().kernelHeight();
    int stride = c.window().strideHeight();
    return convolution(c.input(), c.output(), kernel, stride, c.isDepthwise(), x, weights, bias);
  }

  private double[] convolution(
      FeatureMap in,
      FeatureMap out,
      int kernel,
      int stride,
      boolean depthwise,
      double[] x,
      double[] weights,
      double @Nullable [] bias) {
    double[] y = new double[count * out.values()];
    int inputs = depthwise ? 1 : in.channels();
    for (int i = 0; i < y.length; i++) {
      int o = i % out.channels();
      int w = i / out.channels() % out.width();
      int h = i / out.channels() / out.width() % out.height();
      int n = i / out.values();
      double sum = bias == null ? 0 : bias[o];
      for (int kh = 0; kh < kernel; kh++) {
        for (int kw = 0; kw < kernel; kw++) {
          int ih = h * stride + kh - kernel / 2;
          int iw = w * stride + kw - kernel / 2;
          if (ih >= 0 && ih < in.height() && iw >= 0 && iw < in.width()) {
            int from = at(in, n, ih, iw, depthwise ? o : 0);
            for (int c = 0; c < inputs; c++) {
              sum += x[from + c] * weights[((o * inputs + c) * kernel + kh) * kernel + kw];
            }
          }
        }
      }
      y[i] = sum;
    }
    return y;
  }

  private double[] norm(
      Layer.BatchNorm layer, double[] x, Map<String, double[]> parameters, boolean batchMoments) {
    int channels = layer.output().channels();
    int pixels = x.length / channels;
    double[] gamma = values(parameters, layer.name() + ".weight");
    double[] beta = values(parameters, layer.name() + ".bias");
    double[] y = new double[x.length];
    for (int c = 0; c < channels; c++) {
      double mean = values(parameters, layer.name() + ".running_mean")[c];
      double variance = values(parameters, layer.name() + ".running_var")[c];
      if (batchMoments) {
        mean = 0;
        variance = 0;
        for (int i = c; i < x.length; i += channels) {
          mean += x[i] / pixels;
        }
        for (int i = c; i < x.length; i += channels) {
          variance += (x[i] - mean) * (x[i] - mean) / pixels;
        }
      }
      double sd = Math.sqrt(variance + network.epsilon());
      for (int i = c; i < x.length; i += channels) {
        y[i] = gamma[c] * (x[i] - mean) / sd + beta[c];
      }
    }
    return y;
  }

  private double[] pooling(Operator operator, double[] x) {
    FeatureMap in = operator.input();
    FeatureMap out = operator.output();
    double[] y = new double[count * out.values()];
    if (operator instanceof Operator.MaxPooling max) {
      Arrays.fill(y, Double.NEGATIVE_INFINITY);
      int kernel = max.window().kernelHeight();
      int stride = max.window().strideHeight();
      int padding = max.window().padTop();
      for (int i = 0; i < y.length; i++) {
        int top = i / out.channels() / out.width() % out.height() * stride - padding;
        int left = i / out.channels() % out.width() * stride - padding;
        for (int h = Math.max(top, 0); h < Math.min(top + kernel, in.height()); h++) {
          for (int w = Math.max(left, 0); w < Math.min(left + kernel, in.width()); w++) {
            y[i] = Math.max(y[i], x[at(in, i / out.values(), h, w, i % out.channels())]);
          }
        }
      }
      return y;
    }
    for (int i = 0; i < x.length; i++) {
      y[i / in.values() * in.channels() + i % in.channels()] += x[i] / in.pixels();
    }
    return y;
  }

  private double[] shortcut(Operator.Resample operator, double[] x) {
    FeatureMap in = operator.input();
    FeatureMap out = operator.output();
    double[] y = new double[count * out.values()];
    int before = (out.channels() - in.channels()) / 2;
    int stride = operator.stride();
    for (int n = 0; n < count; n++) {
      for (int h = 0; h < in.height(); h++) {
        for (int w = 0; w < in.width(); w++) {
          int rows = Math.min(stride, in.height() - h / stride * stride);
          int columns = Math.min(stride, in.width() - w / stride * stride);
          for (int c = 0; c < in.channels(); c++) {
            y[at(out, n, h / stride, w / stride, before + c)] +=
                x[at(in, n, h, w, c)] / (rows * columns);
          }
        }
      }
    }
    return y;
  }
}
