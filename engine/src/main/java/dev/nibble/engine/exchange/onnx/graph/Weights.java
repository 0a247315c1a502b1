package dev.nibble.engine.exchange.onnx.graph;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/** The tensors of the file that an operation reads. */
public final class Weights {
  private Weights() {}

  /** All of them, in the order of the operator's inputs. */
  public static List<Weight> of(Operation operation) {
    Stream<Weight> all =
        switch (operation) {
          case Operation.Convolution c -> two(c.weight(), c.bias());
          case Operation.Dense d -> two(d.weight(), d.bias());
          case Operation.BatchNorm b -> Stream.of(b.scale(), b.shift(), b.mean(), b.variance());
          case Operation.GroupNorm g ->
              Stream.concat(Stream.ofNullable(g.scale()), Stream.ofNullable(g.shift()));
          case Operation.LayerNorm n ->
              Stream.concat(Stream.ofNullable(n.scale()), Stream.ofNullable(n.shift()));
          case Operation.ResponseNorm n ->
              Stream.concat(Stream.ofNullable(n.scale()), Stream.ofNullable(n.shift()));
          case Operation.Activation a -> Stream.ofNullable(a.slope());
          case Operation.WithConstant c -> Stream.ofNullable(c.constant());
          default -> Stream.empty();
        };
    return new ArrayList<>(all.filter(Objects::nonNull).toList());
  }

  private static Stream<Weight> two(Weight weight, @org.jspecify.annotations.Nullable Weight bias) {
    return Stream.concat(Stream.of(weight), Stream.ofNullable(bias));
  }
}
