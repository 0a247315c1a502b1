package dev.nibble.engine.exchange.onnx.graph;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A node of a graph.
 *
 * @param id its place in the graph's list
 * @param name unique; of a layer with parameters, what their names begin with
 * @param label how the file calls it
 * @param operator ONNX's name of it
 * @param operation what it computes
 * @param inputs ids of the nodes that it reads
 * @param shape of what it gives; null where something before it is not supported
 */
public record GraphNode(
    int id,
    String name,
    String label,
    String operator,
    Operation operation,
    List<Integer> inputs,
    @Nullable Shape shape) {
  /** Copies the list. */
  public GraphNode {
    inputs = List.copyOf(inputs);
  }
}
