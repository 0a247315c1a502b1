package dev.nibble.engine.exchange.onnx;

import dev.nibble.engine.protobuf.MessageWriter;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.GroupNorm;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Sampling;
import dev.nibble.kernels.Window;
import java.util.function.Consumer;

/** Operators without weights as nodes of a graph; what they read and give is N,C,H,W. */
final class OnnxOperators {
  private final Consumer<OnnxNode> nodes;
  private final Consumer<MessageWriter> constants;

  /** Writes nodes and constants to a graph. */
  OnnxOperators(Consumer<OnnxNode> nodes, Consumer<MessageWriter> constants) {
    this.nodes = nodes;
    this.constants = constants;
  }

  /**
   * Writes an operator.
   *
   * @param x name of what it reads
   * @param y name of what it gives; what lies between begins with it
   */
  void write(Operator operator, String x, String y) {
    switch (operator) {
      case Operator.MaxPooling m ->
          nodes.accept(atEnd(new OnnxNode("MaxPool", y, x), m, m.window(), m.ceil()));
      case Operator.AveragePooling a -> averagePooling(a, x, y);
      case Operator.GlobalAveragePooling g -> nodes.accept(new OnnxNode("GlobalAveragePool", y, x));
      case Operator.Resample r -> resample(r, x, y);
      case Operator.Padding p -> padding(p, x, y);
      case Sampling s -> new OnnxSampling(nodes, constants).write(s, x, y);
      case Operator.ChannelShuffle s -> shuffle(s, x, y);
      case Operator.Dropout d -> {
        if (d.byPicture()) {
          nodes.accept(new OnnxNode("Identity", y, x));
        } else {
          constants.accept(OnnxTensor.number(y + ".ratio", d.rate()));
          nodes.accept(new OnnxNode("Dropout", y, x, y + ".ratio"));
        }
      }
      case GroupNorm g -> throw new IllegalStateException("Has weights: " + g);
      case Operator.Convolution c -> throw new IllegalStateException("Has weights: " + c);
      case Operator.Multiply m -> throw new IllegalStateException("Reads two tensors: " + m);
    }
  }

  /** The attributes of a window as a convolution has them. */
  static OnnxNode window(OnnxNode node, Window w) {
    return window(node, w, w.padBottom(), w.padRight());
  }

  private static OnnxNode window(OnnxNode node, Window w, int bottom, int right) {
    node.with("kernel_shape", w.kernelHeight(), w.kernelWidth())
        .with("strides", w.strideHeight(), w.strideWidth())
        .with("pads", w.padTop(), w.padLeft(), bottom, right);
    return w.dilationHeight() == 1 && w.dilationWidth() == 1
        ? node
        : node.with("dilations", w.dilationHeight(), w.dilationWidth());
  }

  /**
   * A window with padding at the end in place of ceil_mode, whose rounding differed between
   * versions of runtimes.
   */
  private static OnnxNode atEnd(OnnxNode node, Operator operator, Window w, boolean ceil) {
    if (!ceil) {
      return window(node, w);
    }
    FeatureMap in = operator.input();
    int bottom =
        (operator.outputHeight() - 1) * w.strideHeight()
            + w.reachHeight()
            - in.height()
            - w.padTop();
    int right =
        (operator.outputWidth() - 1) * w.strideWidth() + w.reachWidth() - in.width() - w.padLeft();
    return window(node, w, Math.max(0, bottom), Math.max(0, right));
  }

  private void averagePooling(Operator.AveragePooling a, String x, String y) {
    OnnxNode node = new OnnxNode("AveragePool", y, x);
    if (a.ceil() && a.countPadding()) {
      // Beyond the padding nothing counts: only ceil_mode says that.
      window(node, a.window()).with("ceil_mode", 1L);
    } else {
      atEnd(node, a, a.window(), a.ceil());
    }
    nodes.accept(node.with("count_include_pad", a.countPadding() ? 1L : 0L));
  }

  /** Means of the windows' valid pixels, then zero channels around. */
  private void resample(Operator.Resample resample, String x, String y) {
    FeatureMap in = resample.input();
    String value = x;
    int more = resample.outChannels() - in.channels();
    int stride = resample.stride();
    if (stride > 1) {
      String pooled = more > 0 ? y + ".pooled" : y;
      nodes.accept(
          new OnnxNode("AveragePool", pooled, value)
              .with("kernel_shape", stride, stride)
              .with("strides", stride, stride)
              .with(
                  "pads",
                  0,
                  0,
                  resample.outputHeight() * stride - in.height(),
                  resample.outputWidth() * stride - in.width())
              .with("count_include_pad", 0L));
      value = pooled;
    }
    if (more > 0) {
      int before = resample.channelOffset();
      constants.accept(OnnxTensor.of(y + ".pads", 0, before, 0, 0, 0, more - before, 0, 0));
      nodes.accept(new OnnxNode("Pad", y, value, y + ".pads"));
    } else if (stride == 1) {
      nodes.accept(new OnnxNode("Identity", y, value));
    }
  }

  private void padding(Operator.Padding p, String x, String y) {
    boolean isSlice = p.top() == 0 && p.left() == 0 && p.bottom() == 0 && p.right() == 0;
    if (isSlice && p.before() <= 0 && p.behind() <= 0) {
      constants.accept(OnnxTensor.of(y + ".starts", -p.before()));
      constants.accept(OnnxTensor.of(y + ".ends", p.input().channels() + p.behind()));
      constants.accept(OnnxTensor.of(y + ".axes", 1));
      nodes.accept(new OnnxNode("Slice", y, x, y + ".starts", y + ".ends", y + ".axes"));
      return;
    }
    constants.accept(
        OnnxTensor.of(
            y + ".pads", 0, p.before(), p.top(), p.left(), 0, p.behind(), p.bottom(), p.right()));
    nodes.accept(new OnnxNode("Pad", y, x, y + ".pads"));
  }

  private void shuffle(Operator.ChannelShuffle s, String x, String y) {
    FeatureMap map = s.input();
    int each = map.channels() / s.groups();
    constants.accept(OnnxTensor.of(y + ".parts", 0, s.groups(), each, map.height(), map.width()));
    constants.accept(OnnxTensor.of(y + ".joined", 0, map.channels(), map.height(), map.width()));
    nodes.accept(new OnnxNode("Reshape", y + ".split", x, y + ".parts"));
    nodes.accept(
        new OnnxNode("Transpose", y + ".turned", y + ".split").with("perm", 0, 2, 1, 3, 4));
    nodes.accept(new OnnxNode("Reshape", y, y + ".turned", y + ".joined"));
  }
}
