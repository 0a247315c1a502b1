package dev.nibble.engine.exchange.onnx.graph;

import java.util.List;

/**
 * What a model computes, without what its output does not depend on.
 *
 * @param name the model's, may be empty
 * @param opset version of the operators in the file
 * @param nodes each after those that it reads; the first is the input
 * @param output id of the node that gives the logits
 * @param problems what is not supported, a sentence each
 * @param notes what a user should know, a sentence each
 */
public record Graph(
    String name,
    int opset,
    List<GraphNode> nodes,
    int output,
    List<String> problems,
    List<String> notes) {
  /** Copies the lists. */
  public Graph {
    nodes = List.copyOf(nodes);
    problems = List.copyOf(problems);
    notes = List.copyOf(notes);
  }
}
