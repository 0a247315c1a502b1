package dev.nibble.engine.exchange.onnx.model;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A call of an operator.
 *
 * @param name its name, may be empty
 * @param domain whose operator it is; empty for the standard's
 * @param operator such as {@code Conv}
 * @param inputs names of what it reads; an empty one stands for an input that is left out
 * @param outputs names of what it gives; empty ones are not wanted
 * @param attributes by name
 * @param metadata what the exporter says of it
 */
public record Node(
    String name,
    String domain,
    String operator,
    List<String> inputs,
    List<String> outputs,
    Map<String, Attribute> attributes,
    Map<String, String> metadata) {
  /** Copies the lists. */
  public Node {
    inputs = List.copyOf(inputs);
    outputs = List.copyOf(outputs);
    attributes = Map.copyOf(attributes);
    metadata = Map.copyOf(metadata);
  }

  /** How messages name it: its name, else what it gives. */
  public String label() {
    String label = name.isEmpty() && !outputs.isEmpty() ? outputs.getFirst() : name;
    return label.length() <= 100 ? label : label.substring(0, 100) + "...";
  }

  /** The input at a place, or null if it is left out. */
  public @Nullable String input(int place) {
    return place < inputs.size() && !inputs.get(place).isEmpty() ? inputs.get(place) : null;
  }

  /** Whether the standard defines the operator. */
  public boolean isStandard() {
    return domain.isEmpty() || domain.equals("ai.onnx");
  }

  /** A whole number, or another where there is none of the name. */
  public long integer(String attribute, long otherwise) {
    Attribute found = attributes.get(attribute);
    return found == null ? otherwise : found.integer();
  }

  /** A float, or another where there is none of the name. */
  public float real(String attribute, float otherwise) {
    Attribute found = attributes.get(attribute);
    return found == null ? otherwise : found.real();
  }

  /** A string, or another where there is none of the name. */
  public String text(String attribute, String otherwise) {
    Attribute found = attributes.get(attribute);
    return found == null ? otherwise : found.text();
  }

  /** Floats, or null where there is none of the name. */
  public double @Nullable [] reals(String attribute) {
    Attribute found = attributes.get(attribute);
    return found == null ? null : found.reals().clone();
  }

  /** Whole numbers, or null where there is none of the name. */
  public long @Nullable [] integers(String attribute) {
    Attribute found = attributes.get(attribute);
    return found == null ? null : found.integers().clone();
  }
}
