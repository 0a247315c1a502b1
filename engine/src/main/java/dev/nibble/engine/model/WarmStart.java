package dev.nibble.engine.model;

import dev.nibble.engine.exchange.ExchangeException;
import dev.nibble.engine.exchange.SafetensorsFile;
import dev.nibble.engine.network.Layer;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.Parameter;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * How a network took over the weights of a trained one.
 *
 * <p>The head, the layer that writes the logits, is taken over only if the classes are the same, in
 * the same order; otherwise its rows would stand for other things than they were trained for, and
 * it keeps its initial values.
 *
 * @param kept names of the parameters that were taken over
 * @param replaced names of the head's parameters if it was left as it was initialised; else empty
 * @param source what the file says about its model; null if another program wrote it
 */
public record WarmStart(List<String> kept, List<String> replaced, @Nullable ModelInfo source) {
  /** Copies the lists. */
  public WarmStart {
    kept = List.copyOf(kept);
    replaced = List.copyOf(replaced);
  }

  /** Whether the head starts anew. */
  public boolean headReplaced() {
    return !replaced.isEmpty();
  }

  /**
   * Reads a model's parameters and running statistics into a network that is the same but for the
   * number or the names of its classes.
   *
   * @param file a safetensors file
   * @param classes names of the network's classes
   * @param values where a parameter lies, in memory order
   * @throws ExchangeException if a tensor beside the head's is missing, superfluous or of another
   *     shape; the values are then as they were
   */
  public static WarmStart load(
      Path file, Network network, List<String> classes, Function<Parameter, MemorySegment> values) {
    try (SafetensorsFile tensors = SafetensorsFile.open(file)) {
      ModelInfo source = ModelFile.isDescribed(tensors) ? ModelFile.info(file) : null;
      List<String> head = headParameters(network);
      boolean sameHead =
          source == null
              ? head.stream()
                  .allMatch(name -> tensors.hasFloats(name, shape(network.parameter(name))))
              : source.classes().equals(classes);
      check(file, tensors, network, sameHead ? List.of() : head);
      List<String> kept = new ArrayList<>();
      for (Parameter parameter : network.parameters()) {
        if (sameHead || !head.contains(parameter.name())) {
          ModelFile.read(tensors, parameter, values.apply(parameter));
          kept.add(parameter.name());
        }
      }
      return new WarmStart(kept, sameHead ? List.of() : head, source);
    }
  }

  /** Parameters of the layer with weights that writes the logits; none where there is no such. */
  private static List<String> headParameters(Network network) {
    Layer output = network.output();
    if (!(output instanceof Layer.Weighted)) {
      return List.of();
    }
    return network.parameters().stream()
        .map(Parameter::name)
        .filter(name -> name.startsWith(output.name() + "."))
        .toList();
  }

  private static long[] shape(Parameter parameter) {
    return Arrays.stream(parameter.shape()).asLongStream().toArray();
  }

  private static void check(
      Path file, SafetensorsFile tensors, Network network, List<String> replaced) {
    for (String name : tensors.names()) {
      if (!network.hasParameter(name) && !ModelFile.isStepCounter(name, network)) {
        throw new ExchangeException(
            "%s holds a tensor '%s', which %s does not have: choose the model it was made for."
                .formatted(file, name, network.name()));
      }
    }
    for (Parameter parameter : network.parameters()) {
      if (!replaced.contains(parameter.name())) {
        tensors.requireFloats(parameter.name(), shape(parameter));
      }
    }
  }
}
