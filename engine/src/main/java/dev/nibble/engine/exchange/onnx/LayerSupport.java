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
  /** What is said of a network without batch norm that had one. */
  static final String FOLDED =
      "Batch norm is folded into the convolutions, as by an export for inference: the network"
          + " trains without it.";

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
    List<String> trained = new ArrayList<>();
    for (GraphNode node : graph.nodes()) {
      if (node.operation() instanceof Operation.WithConstant) {
        trained.add(node.label());
      }
    }
    if (isFolded()) {
      notes.add(FOLDED);
    }
    noteComputed();
    if (!trained.isEmpty()) {
      notes.add(
          "%s '%s'%s with a constant a channel is trained, as a depthwise convolution of one pixel."
              .formatted(
                  trained.size() == 1 ? "What joins" : "What joins, such as",
                  trained.getFirst(),
                  trained.size() == 1 ? "" : " (%d in all)".formatted(trained.size())));
    }
  }

  /** Weights that the file computes of others, by weight standardisation for instance. */
  private void noteComputed() {
    List<String> computed = new ArrayList<>();
    for (GraphNode node : graph.nodes()) {
      boolean isComputed =
          switch (node.operation()) {
            case Operation.Convolution c -> c.weight().tensor().isComputed();
            case Operation.Dense d -> d.weight().tensor().isComputed();
            default -> false;
          };
      if (isComputed) {
        computed.add(node.name());
      }
    }
    if (!computed.isEmpty()) {
      notes.add(
          "The file computes the weights of %s '%s'%s of other tensors (standardised, scaled, ...): what they come to is trained, and not computed again."
              .formatted(
                  computed.size() == 1 ? "layer" : "layers such as",
                  computed.getFirst(),
                  computed.size() == 1 ? "" : " (%d in all)".formatted(computed.size())));
    }
  }

  /** Whether convolutions have a bias and weights of no name, and there is no batch norm. */
  private boolean isFolded() {
    boolean isRenamed = false;
    for (GraphNode node : graph.nodes()) {
      if (node.operation() instanceof Operation.BatchNorm) {
        return false;
      }
      isRenamed |=
          node.operation() instanceof Operation.Convolution c
              && c.bias() != null
              && !c.weight().tensor().isComputed()
              && !c.weight().name().endsWith(".weight");
    }
    return isRenamed;
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
    boolean isPlaces = node.operation() instanceof Operation.Places;
    if (!isPlaces
        && !shape.isMap()
        && !shape.isFlat()
        && !(node.operation() instanceof Operation.Reshape)) {
      return "makes a tensor of another shape than N,C,H,W or N,C";
    }
    return switch (node.operation()) {
      case Operation.Add a ->
          shapeOf(node, 0).equals(shapeOf(node, 1)) ? null : "joins tensors of two shapes";
      case Operation.Multiply m ->
          isProduct(shapeOf(node, 0), shapeOf(node, 1))
                  || isProduct(shapeOf(node, 1), shapeOf(node, 0))
              ? null
              : "multiplies tensors of two shapes, of which none is a factor a channel";
      case Operation.Reshape r -> {
        Shape from = shapeOf(node, 0);
        boolean isFlattened = isVector(shape) && from.isMap() && values(from) == shape.channels();
        boolean isSame = isVector(from) && isVector(shape) && from.channels() == shape.channels();
        boolean isRaised =
            isVector(from)
                && shape.isMap()
                && shape.channels() == 1
                && values(shape) == from.channels();
        yield isFlattened || isSame || isRaised
            ? null
            : "turns pixels into channels, or the other way round";
      }
      case Operation.WithConstant c ->
          Constants.of(c, shape) != null && shape.equals(shapeOf(node, 0))
              ? null
              : "joins a tensor and a constant that is neither one number nor one a channel";
      case Operation.LayerNorm n -> "normalises another axis than the channels";
      case Operation.ResponseNorm n ->
          n.axis() == 1 && shape.isMap() ? null : "normalises what is no map N,C,H,W";
      case Operation.LengthOver l -> "is not supported";
      case Operation.MeanOver m -> "takes the mean of other axes than height and width";
      case Operation.Divide d -> "divides by a tensor";
      case Operation.Dense d ->
          shape.isFlat() ? null : "multiplies the columns of a map N,C,H,W by a matrix";
      case Operation.GroupNorm g ->
          shape.isMap() || shape.isFlat() ? null : "normalises what is no map N,C,H,W";
      case Operation.Softmax s -> "stands before the end";
      case Operation.Input i -> "is no layer";
      case Operation.Permute p -> "is no layer";
      case Operation.Places p -> "computes with the number of pictures";
      case Operation.Part p -> "is not supported";
      case Operation.Expand e -> "repeats values, but not for a product";
      case Operation.Random r -> "draws what is neither dropout nor stochastic depth";
      default -> null;
    };
  }

  private static boolean isProduct(Shape x, Shape factor) {
    boolean isByChannel =
        isVector(factor) && factor.channels() == x.channels() && factor.rank() == x.rank();
    return x.equals(factor) || isByChannel;
  }

  /** Whether pooling takes windows side by side, each valid pixel once. */
  static boolean isByStride(FeatureMap in, FeatureMap out, Operation.AveragePool pool) {
    Window window = pool.window();
    int stride = window.strideHeight();
    boolean isPadded = window.bottom() > 0 || window.right() > 0;
    return window.isSquare()
        && window.height() == stride
        && window.top() == 0
        && window.left() == 0
        && !(isPadded && pool.countPadding())
        && new Operator.Resample(in, stride, in.channels()).output().equals(out);
  }
}
