package dev.nibble.engine.exec;

import dev.nibble.engine.network.Layer;
import dev.nibble.engine.network.Network;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.GroupNorm;
import dev.nibble.kernels.Nonlinearity;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Sampling;
import dev.nibble.kernels.Window;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

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
            case Layer.Padding p -> padded(p.operator(), outputs[p.source()]);
            case Layer.Sampled s -> sampled(s.operator(), outputs[s.source()]);
            case Layer.Shuffle s -> shuffled(s.operator(), outputs[s.source()]);
            case Layer.GroupNorm g -> groupNorm(g, outputs[g.source()], parameters);
            case Layer.Dropout d -> outputs[d.source()];
            case Layer.Multiply m ->
                product(m.operator(), outputs[m.source()], outputs[m.factor()]);
            case Layer.Concatenate c -> concatenated(c, outputs);
            case Layer.BatchNorm b -> {
              boolean ofBatch = batchStatistics && !frozen.contains(b.name());
              yield norm(b, outputs[b.source()], parameters, ofBatch);
            }
            case Layer.Activation a -> activation(a, outputs[a.source()], parameters);
            case Layer.Flatten f ->
                flattened(network.layers().get(f.source()).output(), outputs[f.source()]);
            // One channel's pixels lie as the channels of a pixel do.
            case Layer.Unflatten u -> outputs[u.source()];
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

  private double[] activation(
      Layer.Activation layer, double[] x, Map<String, double[]> parameters) {
    int channels = layer.output().channels();
    double[] slopes =
        layer.function().hasSlope() ? values(parameters, layer.name() + ".weight") : null;
    double[] y = new double[x.length];
    Arrays.setAll(y, i -> value(layer.function(), x[i], slopes == null ? 0 : slopes[i % channels]));
    return y;
  }

  /** In double: differences of the loss tell the slopes of a function computed in fp32 badly. */
  private static double value(Nonlinearity function, double x, double slope) {
    return switch (function) {
      case Nonlinearity.Identity i -> x;
      case Nonlinearity.Relu r -> Math.max(x, 0);
      case Nonlinearity.Clip c -> Math.min(Math.max(x, c.low()), c.high());
      case Nonlinearity.LeakyRelu l -> x > 0 ? x : l.factor() * x;
      case Nonlinearity.Prelu p -> x > 0 ? x : slope * x;
      case Nonlinearity.Elu e -> x > 0 ? x : e.alpha() * Math.expm1(x);
      case Nonlinearity.HardSigmoid h -> Math.min(Math.max(h.alpha() * x + h.beta(), 0), 1);
      case Nonlinearity.HardSwish h -> x * Math.min(Math.max(x + 3, 0), 6) / 6;
      case Nonlinearity.Sigmoid s -> 1 / (1 + Math.exp(-x));
      case Nonlinearity.Silu s -> x / (1 + Math.exp(-x));
      case Nonlinearity.Tanh t -> Math.tanh(x);
      case Nonlinearity.Mish m -> x * Math.tanh(Math.log1p(Math.exp(x)));
      case Nonlinearity.Gelu g ->
          g.approximate()
              ? x / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)))
              : x * normal(x);
    };
  }

  /** The unit normal's integral up to x, by Simpson's rule. */
  private static double normal(double x) {
    int steps = 400;
    double end = Math.min(Math.abs(x), 9);
    double width = end / steps;
    double sum = 0;
    for (int i = 0; i <= steps; i++) {
      double t = i * width;
      int weight = i == 0 || i == steps ? 1 : i % 2 == 0 ? 2 : 4;
      sum += weight * Math.exp(-t * t / 2);
    }
    double half = sum * width / 3 / Math.sqrt(2 * Math.PI);
    return x < 0 ? 0.5 - half : 0.5 + half;
  }

  /** Channel by channel, as PyTorch has it. */
  private double[] flattened(FeatureMap map, double[] x) {
    double[] y = new double[x.length];
    for (int i = 0; i < y.length; i++) {
      int place = i % map.values();
      int pixel = place % map.pixels();
      y[i] = x[i - place + pixel * map.channels() + place / map.pixels()];
    }
    return y;
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
    Operator.Convolution c = layer.operator();
    double[] bias = c.bias() ? values(parameters, layer.name() + ".bias") : null;
    FeatureMap in = c.input();
    FeatureMap out = c.output();
    Window window = c.window();
    int inputs = in.channels() / c.groups();
    int outputs = out.channels() / c.groups();
    double[] y = new double[count * out.values()];
    for (int i = 0; i < y.length; i++) {
      int o = i % out.channels();
      double sum = bias == null ? 0 : bias[o];
      for (int kh = 0; kh < window.kernelHeight(); kh++) {
        for (int kw = 0; kw < window.kernelWidth(); kw++) {
          int from = tap(in, out, window, i, kh, kw);
          if (from >= 0) {
            int tap = kh * window.kernelWidth() + kw;
            int area = window.kernelHeight() * window.kernelWidth();
            for (int k = 0; k < inputs; k++) {
              sum += x[from + o / outputs * inputs + k] * weights[(o * inputs + k) * area + tap];
            }
          }
        }
      }
      y[i] = sum;
    }
    return y;
  }

  /** Where the pixel that a tap of output value i's window sees begins; -1 in the padding. */
  private static int tap(FeatureMap in, FeatureMap out, Window window, int i, int kh, int kw) {
    int column = i / out.channels() % out.width();
    int row = i / out.channels() / out.width() % out.height();
    int h = row * window.strideHeight() - window.padTop() + kh * window.dilationHeight();
    int w = column * window.strideWidth() - window.padLeft() + kw * window.dilationWidth();
    boolean inside = h >= 0 && h < in.height() && w >= 0 && w < in.width();
    return inside ? at(in, i / out.values(), h, w, 0) : -1;
  }

  private double[] padded(Operator.Padding padding, double[] x) {
    FeatureMap in = padding.input();
    FeatureMap out = padding.output();
    double[] y = new double[count * out.values()];
    for (int i = 0; i < y.length; i++) {
      int c = i % out.channels() - padding.before();
      int w = i / out.channels() % out.width() - padding.left();
      int h = i / out.channels() / out.width() % out.height() - padding.top();
      boolean inside =
          c >= 0 && c < in.channels() && w >= 0 && w < in.width() && h >= 0 && h < in.height();
      y[i] = inside ? x[at(in, i / out.values(), h, w, c)] : 0;
    }
    return y;
  }

  private static double[] shuffled(Operator.ChannelShuffle shuffle, double[] x) {
    int channels = shuffle.input().channels();
    int each = channels / shuffle.groups();
    double[] y = new double[x.length];
    for (int i = 0; i < y.length; i++) {
      int c = i % channels;
      y[i] = x[i - c + c % shuffle.groups() * each + c / shuffle.groups()];
    }
    return y;
  }

  private static double[] product(Operator.Multiply multiply, double[] x, double[] factor) {
    int values = multiply.input().values();
    int channels = multiply.input().channels();
    boolean whole = factor.length == x.length;
    double[] y = new double[x.length];
    for (int i = 0; i < y.length; i++) {
      y[i] = x[i] * factor[whole ? i : i / values * channels + i % channels];
    }
    return y;
  }

  private double[] concatenated(Layer.Concatenate layer, double[][] outputs) {
    FeatureMap out = layer.output();
    double[] y = new double[count * out.values()];
    int before = 0;
    for (int input : layer.inputs()) {
      int channels = network.layers().get(input).output().channels();
      for (int i = 0; i < outputs[input].length; i++) {
        y[i / channels * out.channels() + before + i % channels] = outputs[input][i];
      }
      before += channels;
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
      double sd = Math.sqrt(variance + layer.epsilon());
      for (int i = c; i < x.length; i += channels) {
        y[i] = gamma[c] * (x[i] - mean) / sd + beta[c];
      }
    }
    return y;
  }

  private double[] groupNorm(Layer.GroupNorm layer, double[] x, Map<String, double[]> parameters) {
    GroupNorm operator = layer.operator();
    FeatureMap map = operator.input();
    int channels = map.channels();
    if (operator.byResponse()) {
      return responseNorm(layer, x, parameters);
    }
    int width = channels / operator.groups();
    double[] y = new double[x.length];
    for (int i = 0; i < y.length; i++) {
      int pixel = i / channels;
      int first = operator.byPixel() ? pixel : pixel / map.pixels() * map.pixels();
      int end = operator.byPixel() ? pixel + 1 : first + map.pixels();
      int from = i % channels / width * width;
      double sum = 0;
      double squares = 0;
      for (int p = first; p < end; p++) {
        for (int c = from; c < from + width; c++) {
          sum += x[p * channels + c];
          squares += x[p * channels + c] * x[p * channels + c];
        }
      }
      double values = (double) (end - first) * width;
      double mean = sum / values;
      y[i] = (x[i] - mean) / Math.sqrt(squares / values - mean * mean + operator.epsilon());
      if (operator.affine()) {
        double scale = values(parameters, layer.name() + ".weight")[i % channels];
        y[i] = y[i] * scale + values(parameters, layer.name() + ".bias")[i % channels];
      }
    }
    return y;
  }

  private double[] responseNorm(
      Layer.GroupNorm layer, double[] x, Map<String, double[]> parameters) {
    FeatureMap map = layer.operator().input();
    int channels = map.channels();
    double[] y = new double[x.length];
    for (int picture = 0; picture < x.length; picture += map.values()) {
      double[] lengths = new double[channels];
      for (int i = 0; i < map.values(); i++) {
        lengths[i % channels] += x[picture + i] * x[picture + i];
      }
      double mean = 0;
      for (int c = 0; c < channels; c++) {
        lengths[c] = Math.sqrt(lengths[c]);
        mean += lengths[c] / channels;
      }
      for (int i = 0; i < map.values(); i++) {
        int c = i % channels;
        double value = x[picture + i] * lengths[c] / (mean + layer.operator().epsilon());
        if (layer.operator().affine()) {
          value *= values(parameters, layer.name() + ".weight")[c];
          value += values(parameters, layer.name() + ".bias")[c];
        }
        y[picture + i] = value;
      }
    }
    return y;
  }

  private double[] sampled(Sampling operator, double[] x) {
    FeatureMap in = operator.input();
    FeatureMap out = operator.output();
    int[] rows = operator.rows().places();
    int[] columns = operator.columns().places();
    float[] below = operator.rows().weights();
    float[] right = operator.columns().weights();
    double[] y = new double[count * out.values()];
    for (int i = 0; i < y.length; i++) {
      int c = i % out.channels();
      int column = i / out.channels() % out.width();
      int row = i / (out.channels() * out.width()) % out.height();
      int first = i / out.values() * in.values();
      for (int dy = 0; dy < (below[row] == 0 ? 1 : 2); dy++) {
        for (int dx = 0; dx < (right[column] == 0 ? 1 : 2); dx++) {
          double share = dy == 0 ? 1 - below[row] : below[row];
          share *= dx == 0 ? 1 - right[column] : right[column];
          int at = ((rows[row] + dy) * in.width() + columns[column] + dx) * in.channels() + c;
          y[i] += share * x[first + at];
        }
      }
    }
    return y;
  }

  private double[] pooling(Operator operator, double[] x) {
    FeatureMap in = operator.input();
    FeatureMap out = operator.output();
    double[] y = new double[count * out.values()];
    if (operator instanceof Operator.MaxPooling max) {
      Arrays.setAll(y, i -> windowed(in, out, max.window(), i, x)[0]);
      return y;
    }
    if (operator instanceof Operator.AveragePooling average) {
      for (int i = 0; i < y.length; i++) {
        double[] window = windowed(in, out, average.window(), i, x);
        y[i] = window[1] / (average.countPadding() ? taps(average, i) : window[2]);
      }
      return y;
    }
    for (int i = 0; i < x.length; i++) {
      y[i / in.values() * in.channels() + i % in.channels()] += x[i] / in.pixels();
    }
    return y;
  }

  /** Maximum, sum and number of the pixels of output value i's window. */
  private static double[] windowed(
      FeatureMap in, FeatureMap out, Window window, int i, double[] x) {
    double[] found = {Double.NEGATIVE_INFINITY, 0, 0};
    for (int kh = 0; kh < window.kernelHeight(); kh++) {
      for (int kw = 0; kw < window.kernelWidth(); kw++) {
        int from = tap(in, out, window, i, kh, kw);
        if (from >= 0) {
          double value = x[from + i % out.channels()];
          found[0] = Math.max(found[0], value);
          found[1] += value;
          found[2]++;
        }
      }
    }
    return found;
  }

  /** Taps of output value i's window that lie in the picture or its padding. */
  private static int taps(Operator.AveragePooling average, int i) {
    FeatureMap in = average.input();
    FeatureMap out = average.output();
    Window w = average.window();
    int left = i / out.channels() % out.width() * w.strideWidth() - w.padLeft();
    int top = i / out.channels() / out.width() % out.height() * w.strideHeight() - w.padTop();
    int taps = 0;
    for (int kh = 0; kh < w.kernelHeight(); kh++) {
      for (int kw = 0; kw < w.kernelWidth(); kw++) {
        boolean inside =
            top + kh * w.dilationHeight() < in.height() + w.padBottom()
                && left + kw * w.dilationWidth() < in.width() + w.padRight();
        taps += inside ? 1 : 0;
      }
    }
    return taps;
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
