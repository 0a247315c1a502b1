package dev.nibble.engine.exchange.onnx;

import dev.nibble.engine.exchange.onnx.graph.GraphNode;
import dev.nibble.engine.exchange.onnx.graph.Operation;
import dev.nibble.engine.exchange.onnx.graph.Shape;
import dev.nibble.engine.exchange.onnx.graph.Weight;
import dev.nibble.engine.exchange.onnx.graph.Weights;

/** Figures of a graph's nodes. */
final class LayerSummary {
  private LayerSummary() {}

  static OnnxLayer of(GraphNode node) {
    Shape shape = node.shape();
    return new OnnxLayer(
        node.name(),
        node.operator(),
        detail(node.operation()),
        shape == null ? "?" : shape.toString(),
        parameters(node.operation()),
        shape == null ? 0 : multiplyAdds(node.operation(), shape));
  }

  private static String detail(Operation operation) {
    return switch (operation) {
      case Operation.GroupNorm g -> g.byPixel() ? "over channels" : "groups " + g.groups();
      case Operation.ResponseNorm n -> "over pixels";
      case Operation.Convolution c -> c.window() + (c.groups() == 1 ? "" : " groups " + c.groups());
      case Operation.MaxPool p -> p.window() + (p.ceil() ? " rounded up" : "");
      case Operation.AveragePool p ->
          p.window()
              + (p.ceil() ? " rounded up" : "")
              + (p.countPadding() && !p.window().isPadded(0) ? " counting padding" : "");
      case Operation.Activation a -> activation(a);
      case Operation.Dropout d -> "rate " + d.rate() + (d.byPicture() ? " by picture" : "");
      case Operation.ChannelSlice s -> s.from() + " to " + s.to();
      case Operation.ChannelShuffle s -> "groups " + s.groups();
      default -> "";
    };
  }

  private static String activation(Operation.Activation a) {
    return switch (a.function()) {
      case CLIP -> a.alpha() + " to " + a.beta();
      case LEAKY_RELU, ELU -> "alpha " + (float) a.alpha();
      default -> "";
    };
  }

  private static long parameters(Operation operation) {
    // Running statistics are read, but not trained.
    return operation instanceof Operation.BatchNorm b
        ? b.scale().elements() + b.shift().elements()
        : Weights.of(operation).stream().mapToLong(Weight::elements).sum();
  }

  private static long multiplyAdds(Operation operation, Shape shape) {
    return switch (operation) {
      case Operation.Convolution c -> c.weight().elements() * shape.height() * shape.width();
      case Operation.Dense d -> d.weight().elements();
      default -> 0;
    };
  }
}
