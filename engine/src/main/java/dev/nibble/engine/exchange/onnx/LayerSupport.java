package dev.nibble.engine.exchange.onnx;

import dev.nibble.engine.exchange.onnx.graph.Graph;
import dev.nibble.engine.exchange.onnx.graph.GraphNode;
import dev.nibble.engine.exchange.onnx.graph.Operation;
import dev.nibble.engine.exchange.onnx.graph.Problems;
import dev.nibble.engine.exchange.onnx.graph.Shape;
import dev.nibble.engine.exchange.onnx.graph.Window;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Operator;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What of a graph the engine has no layer for yet, all of it at once. */
final class LayerSupport {
  private static final int[] CHANNELS_FIRST = {0, 3, 1, 2};

  private final Graph graph;
  private final Map<Integer, Integer> readers;
  private final GraphNode input;
  private final List<String> problems = new ArrayList<>();

  private final List<String> notes = new ArrayList<>();

  LayerSupport(Graph graph) {
    this.graph = graph;
    this.readers = NetworkMapping.readers(graph.nodes());
    this.input = findInput();
    problems.addAll(graph.problems());
    findProblems();
    findNotes();
  }

  /** Sentences without full stops; none where a network can be built. */
  List<String> problems() {
    return List.copyOf(problems);
  }

  /** What is built otherwise than the file has it, a sentence each. */
  List<String> notes() {
    return List.copyOf(notes);
  }

  /** Shape of the pictures. */
  FeatureMap input() {
    Shape shape = input.shape();
    if (shape == null || !shape.isMap()) {
      throw new IllegalStateException("The input is no map: " + shape);
    }
    return NetworkMapping.map(shape);
  }

  /** Whether a node is, or only turns, the pictures. */
  boolean isInput(GraphNode node) {
    return node.id() == 0 || node.id() == input.id();
  }

  int readers(GraphNode node) {
    return readers.getOrDefault(node.id(), 0);
  }

  /** Pictures that come as N,H,W,C and are turned before anything else. */
  private GraphNode findInput() {
    GraphNode first = graph.nodes().getFirst();
    if (readers(first) == 1) {
      for (GraphNode node : graph.nodes()) {
        if (node.operation() instanceof Operation.Permute p
            && node.inputs().getFirst() == first.id()
            && Arrays.equals(p.order(), CHANNELS_FIRST)) {
          return node;
        }
      }
    }
    return first;
  }

  private void findProblems() {
    Map<String, List<String>> labels = new LinkedHashMap<>();
    Map<String, GraphNode> first = new LinkedHashMap<>();
    Map<String, String> reasons = new LinkedHashMap<>();
    for (GraphNode node : graph.nodes()) {
      String why = isInput(node) ? null : why(node);
      if (why != null) {
        String key = node.operator() + " " + why;
        labels.computeIfAbsent(key, k -> new ArrayList<>()).add(node.label());
        first.putIfAbsent(key, node);
        reasons.put(key, why);
      }
    }
    first.forEach(
        (key, node) -> {
          List<String> own = labels.getOrDefault(key, List.of());
          String why = reasons.getOrDefault(key, "");
          problems.add(Problems.sentence(node.operator(), own, why));
        });
    GraphNode output = graph.nodes().get(graph.output());
    Shape shape = output.shape();
    if (shape != null && !isVector(shape)) {
      problems.add("the output is %s, but logits N,classes are needed".formatted(shape));
    }
    if (isInput(output)) {
      problems.add("the output is the input");
    }
  }

  private static boolean isVector(Shape shape) {
    return shape.isFlat() || (shape.isMap() && shape.height() == 1 && shape.width() == 1);
  }

  private void findNotes() {
    for (GraphNode node : graph.nodes()) {
      switch (node.operation()) {
        case Operation.Dropout d -> {
          String note = "Dropout is left out: there is no such layer yet.";
          if (!notes.contains(note)) {
            notes.add(note);
          }
        }
        default -> {
          // as it is
        }
      }
    }
  }

  private static long values(Shape map) {
    return (long) map.channels() * map.height() * map.width();
  }

  private Shape shapeOf(GraphNode node, int place) {
    Shape shape = graph.nodes().get(node.inputs().get(place)).shape();
    if (shape == null) {
      throw new IllegalStateException("No shape before " + node.name());
    }
    return shape;
  }

  /** Why a node is not supported; null if it is, or what it reads is not. */
  private @Nullable String why(GraphNode node) {
    Shape shape = node.shape();
    if (shape == null || node.operation() instanceof Operation.Unknown) {
      return null;
    }
    if (!shape.isMap() && !shape.isFlat() && !(node.operation() instanceof Operation.Reshape)) {
      return "makes a tensor of another shape than N,C,H,W or N,C";
    }
    return switch (node.operation()) {
      case Operation.Convolution c -> convolution(node, c);
      case Operation.BatchNorm b -> null;
      case Operation.Activation a -> null;
      case Operation.MaxPool p -> maxPool(node, shape, p.window());
      case Operation.AveragePool p -> averagePool(node, shape, p);
      case Operation.Add a ->
          shapeOf(node, 0).equals(shapeOf(node, 1)) ? null : "joins tensors of two shapes";
      case Operation.ZeroPad p -> zeroPad(p);
      case Operation.Reshape r -> {
        Shape from = shapeOf(node, 0);
        boolean isFlattened = isVector(shape) && from.isMap() && values(from) == shape.channels();
        boolean isSame = isVector(from) && isVector(shape) && from.channels() == shape.channels();
        yield isFlattened || isSame ? null : "turns pixels into channels, or the other way round";
      }
      case Operation.Dense d -> null;
      case Operation.GlobalAverage g -> null;
      case Operation.Dropout d -> null;
      case Operation.WithConstant c -> "joins a tensor and a constant";
      case Operation.Multiply m -> "multiplies two tensors, which no layer does yet";
      case Operation.Concatenate c -> "is no layer yet";
      case Operation.ChannelSlice s -> "takes some of the channels, which no layer does yet";
      case Operation.ChannelShuffle s -> "is no layer yet";
      case Operation.Softmax s -> "stands before the end";
      default -> "is no layer";
    };
  }

  private @Nullable String convolution(GraphNode node, Operation.Convolution c) {
    Window window = c.window();
    Shape in = shapeOf(node, 0);
    Shape out = node.shape();
    if (!window.isSquare() || window.height() % 2 == 0 || window.height() > 255) {
      return "has a kernel that is even, not square or dilated, or two strides";
    }
    if (!window.isPadded(window.height() / 2)) {
      return "is not padded by half its kernel";
    }
    boolean isDepthwise =
        out != null && c.groups() == in.channels() && out.channels() == in.channels();
    if (c.groups() != 1 && !isDepthwise) {
      return "has groups; one, or one a channel, can be built";
    }
    boolean isDense = window.height() == 1 && isVector(in) && c.groups() == 1;
    return c.bias() != null && !isDense
        ? "has a bias (batch norm folded?); export the network in training form"
        : null;
  }

  private @Nullable String maxPool(GraphNode node, Shape shape, Window window) {
    int kernel = window.height();
    int padding = kernel % 2 == 1 ? kernel / 2 : 0;
    if (!window.isSquare() || kernel < 2 || kernel > 15) {
      return "has a window that is not square, dilated, or not of 2 to 15";
    }
    if (!window.isPadded(padding)) {
      return "is not padded by half its window if that is odd, or padded if it is even";
    }
    FeatureMap in = NetworkMapping.map(shapeOf(node, 0));
    if (in.height() < kernel / 2 + 1 || in.width() < kernel / 2 + 1) {
      return "has a window too large for what it reads";
    }
    FeatureMap out = new Operator.MaxPooling(in, kernel, window.strideHeight()).output();
    return out.equals(NetworkMapping.map(shape)) ? null : "rounds its size up";
  }

  private @Nullable String averagePool(GraphNode node, Shape shape, Operation.AveragePool pool) {
    Window window = pool.window();
    int stride = window.strideHeight();
    boolean isByStride =
        window.isSquare() && window.height() == stride && window.top() == 0 && window.left() == 0;
    if (!isByStride) {
      return "has windows that overlap, are not square, or begin in padding";
    }
    FeatureMap in = NetworkMapping.map(shapeOf(node, 0));
    FeatureMap out = new Operator.Resample(in, stride, in.channels()).output();
    boolean isPadded = window.bottom() > 0 || window.right() > 0;
    if (isPadded && pool.countPadding()) {
      return "counts padding";
    }
    return out.equals(NetworkMapping.map(shape)) ? null : "leaves out pixels at the edge";
  }

  private static @Nullable String zeroPad(Operation.ZeroPad pad) {
    boolean isAround = pad.top() + pad.left() + pad.bottom() + pad.right() > 0;
    int more = pad.before() + pad.after();
    if (isAround) {
      return "pads pixels apart from a convolution";
    }
    return pad.before() == more / 2 ? null : "pads channels by more on one side";
  }
}
