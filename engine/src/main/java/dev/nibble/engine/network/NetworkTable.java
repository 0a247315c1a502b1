package dev.nibble.engine.network;

import dev.nibble.kernels.GroupNorm;
import dev.nibble.kernels.Nonlinearity;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Sampling;
import dev.nibble.kernels.Window;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** A network as a table: a line a layer, with its shape, parameters and multiply-adds. */
final class NetworkTable {
  private static final List<String> HEAD =
      List.of("layer", "kind", "reads", "output", "parameters", "multiply-adds");
  private static final int FIRST_NUMBER = 4;

  private NetworkTable() {}

  /** The table, and a line on the whole. */
  static String of(Network network) {
    List<List<String>> rows = new ArrayList<>();
    rows.add(HEAD);
    Map<String, Long> parameters = parameters(network);
    long all = 0;
    for (Layer layer : network.layers()) {
      long multiplyAdds = layer instanceof Layer.Weighted w ? w.operator().multiplyAdds() : 0;
      all += multiplyAdds;
      rows.add(
          List.of(
              layer.name(),
              kind(layer),
              layer.inputs().stream()
                  .map(id -> network.layers().get(id).name())
                  .collect(Collectors.joining(", ")),
              layer.output().toString(),
              number(parameters.getOrDefault(layer.name(), 0L)),
              number(multiplyAdds)));
    }
    int[] widths = new int[HEAD.size()];
    for (List<String> row : rows) {
      for (int i = 0; i < widths.length; i++) {
        widths[i] = Math.max(widths[i], row.get(i).length());
      }
    }
    StringBuilder text = new StringBuilder();
    for (List<String> row : rows) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < widths.length; i++) {
        String padding = " ".repeat(widths[i] - row.get(i).length());
        line.append(i == 0 ? "" : "  ");
        line.append(i < FIRST_NUMBER ? row.get(i) + padding : padding + row.get(i));
      }
      text.append(line.toString().stripTrailing()).append('\n');
    }
    return text.append(
            String.format(
                Locale.ROOT,
                "%s: pictures of %s, %s, %,d parameters, %,d multiply-adds a picture",
                network.name(),
                network.input(),
                network.classes() == 1 ? "1 output" : network.classes() + " classes",
                network.parameterCount(),
                all))
        .toString();
  }

  /** Trainable values by the layer's name. */
  private static Map<String, Long> parameters(Network network) {
    Map<String, Long> sums = new HashMap<>();
    for (Parameter parameter : network.parameters()) {
      if (parameter.kind().trainable()) {
        String name = parameter.name();
        sums.merge(name.substring(0, name.lastIndexOf('.')), (long) parameter.size(), Long::sum);
      }
    }
    return sums;
  }

  private static String number(long value) {
    return value == 0 ? "" : String.format(Locale.ROOT, "%,d", value);
  }

  private static String kind(Layer layer) {
    return switch (layer) {
      case Layer.Input i -> "pictures";
      case Layer.Weighted w -> w.dense() ? "dense" : kind(w.operator());
      case Layer.Computed c -> kind(c.operator());
      case Layer.BatchNorm b -> "batch norm";
      case Layer.Activation a -> kind(a.function());
      case Layer.Flatten f -> "flatten";
      case Layer.Unflatten u -> "channels as pixels";
      case Layer.Add a -> "sum";
      case Layer.Multiply m -> "product";
      case Layer.Concatenate c -> "concatenation";
    };
  }

  private static String kind(Nonlinearity function) {
    return switch (function) {
      case Nonlinearity.Identity i -> "identity";
      case Nonlinearity.Relu r -> "ReLU";
      case Nonlinearity.Clip c -> c.equals(Nonlinearity.relu6()) ? "ReLU6" : range("clip", c);
      case Nonlinearity.LeakyRelu l -> "leaky ReLU, slope " + l.factor();
      case Nonlinearity.Prelu p -> "PReLU";
      case Nonlinearity.Elu e -> "ELU, alpha " + e.alpha();
      case Nonlinearity.HardSigmoid h -> "hard sigmoid";
      case Nonlinearity.HardSwish h -> "hard swish";
      case Nonlinearity.Sigmoid s -> "sigmoid";
      case Nonlinearity.Silu s -> "SiLU";
      case Nonlinearity.Tanh t -> "tanh";
      case Nonlinearity.Mish m -> "Mish";
      case Nonlinearity.Gelu g -> g.approximate() ? "GELU by tanh" : "GELU";
    };
  }

  private static String range(String what, Nonlinearity.Clip clip) {
    return what + " to " + clip.low() + ".." + clip.high();
  }

  private static String kind(Operator operator) {
    return switch (operator) {
      case Operator.Convolution c -> convolution(c);
      case Operator.MaxPooling m -> window(m.window(), "max pooling");
      case Operator.AveragePooling a -> window(a.window(), "average pooling");
      case Operator.GlobalAveragePooling g -> "global average pooling";
      case Operator.Resample r ->
          r.outChannels() == r.input().channels()
              ? window(Window.square(r.stride(), r.stride(), 0), "average pooling")
              : window(
                  Window.square(r.stride(), r.stride(), 0), "average pooling and zero channels");
      case Operator.Multiply m -> "product";
      case GroupNorm g -> groupNorm(g);
      case Operator.Dropout d ->
          (d.byPicture() ? "stochastic depth, rate " : "dropout, rate ") + d.rate();
      case Sampling s ->
          s.rows().isPicked() && s.columns().isPicked() ? "pixels picked" : "linear resizing";
      case Operator.ChannelShuffle s -> "channel shuffle, %d groups".formatted(s.groups());
      case Operator.Padding p ->
          p.before() < 0 || p.behind() < 0 ? "channels from " + -p.before() : "zero padding";
    };
  }

  private static String groupNorm(GroupNorm g) {
    if (g.byResponse()) {
      return "global response norm";
    }
    if (g.byPixel()) {
      return "layer norm";
    }
    return g.groups() == g.input().channels()
        ? "instance norm"
        : "group norm, %d groups".formatted(g.groups());
  }

  private static String convolution(Operator.Convolution c) {
    String text = window(c.window(), c.isDepthwise() ? "depthwise convolution" : "convolution");
    if (c.groups() > 1 && !c.isDepthwise()) {
      text += ", %d groups".formatted(c.groups());
    }
    return c.bias() ? text + ", bias" : text;
  }

  private static String window(Window window, String what) {
    String text = window.kernelHeight() + "x" + window.kernelWidth() + " " + what;
    int height = window.strideHeight();
    int width = window.strideWidth();
    if (height > 1 || width > 1) {
      text += ", stride " + (height == width ? "" + height : height + "x" + width);
    }
    if (window.dilationHeight() > 1 || window.dilationWidth() > 1) {
      text += ", dilated %dx%d".formatted(window.dilationHeight(), window.dilationWidth());
    }
    return text;
  }
}
