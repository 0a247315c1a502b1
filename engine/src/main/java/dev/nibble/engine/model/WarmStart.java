package dev.nibble.engine.model;

import dev.nibble.engine.exchange.ExchangeException;
import dev.nibble.engine.exchange.SafetensorsFile;
import dev.nibble.engine.network.NamedNetworks;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.Parameter;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * How a network took over the weights of a trained one.
 *
 * <p>The {@linkplain Network#head head}, which makes the logits, is taken over only if the classes
 * are the same, in the same order; otherwise its rows would stand for other things than they were
 * trained for, and it keeps its initial values. A file that names no classes has the same ones if
 * it has as many.
 *
 * @param kept names of the parameters that were taken over
 * @param replaced names of the head's parameters if it was left as it was initialised; else empty
 * @param source what the file says about its model; null if another program wrote it
 * @param normalization how pictures were normalised for the weights; null if nothing tells
 * @param notes what a person should know of it, a sentence each
 */
public record WarmStart(
    List<String> kept,
    List<String> replaced,
    @Nullable ModelInfo source,
    @Nullable Normalization normalization,
    List<String> notes) {
  private static final int SHOWN = 4;

  /** Copies the lists. */
  public WarmStart {
    kept = List.copyOf(kept);
    replaced = List.copyOf(replaced);
    notes = List.copyOf(notes);
  }

  /** Whether the head starts anew. */
  public boolean headReplaced() {
    return !replaced.isEmpty();
  }

  /**
   * Reads the parameters and running statistics of a safetensors file into a network that is the
   * same but for the number or the names of its classes. Tensors may have the names of a state dict
   * of torchvision's or timm's, and a prefix such as {@code module.}; a head that is not taken over
   * may have any.
   *
   * @param classes names of the network's classes
   * @param values where a parameter lies, in memory order
   * @throws ExchangeException if a tensor beside the head's is missing, superfluous or of another
   *     shape, or holds what is not finite; the values are then as they were
   */
  public static WarmStart load(
      Path file, Network network, List<String> classes, Function<Parameter, MemorySegment> values) {
    try (SafetensorsFile tensors = SafetensorsFile.open(file)) {
      return load(new SafetensorsWeights(tensors, network), network, classes, values);
    }
  }

  /** As the first method, of any file. */
  public static WarmStart load(
      WeightSource file,
      Network network,
      List<String> classes,
      Function<Parameter, MemorySegment> values) {
    ModelInfo source = file.info();
    List<String> head = headParameters(network);
    boolean sameHead =
        source == null
            ? head.stream().allMatch(name -> file.hasFloats(name, shape(network.parameter(name))))
            : source.classes().equals(classes);
    List<String> left = check(file, network, sameHead ? List.of() : head);
    List<Parameter> kept =
        network.parameters().stream()
            .filter(parameter -> sameHead || !head.contains(parameter.name()))
            .toList();
    ModelFile.read(file, kept, values);
    Normalization normalization = file.normalization();
    if (normalization == null && source == null) {
      normalization = usual(network);
    }
    return new WarmStart(
        kept.stream().map(Parameter::name).toList(),
        sameHead ? List.of() : head,
        source,
        normalization,
        notes(file, network, sameHead, left));
  }

  private static @Nullable Normalization usual(Network network) {
    boolean isOfImageNet =
        NamedNetworks.isOfImageNet(network.name()) && network.input().channels() == 3;
    return isOfImageNet
        ? Normalization.imageNet("as " + network.name() + " is usually trained")
        : null;
  }

  private static List<String> notes(
      WeightSource file, Network network, boolean sameHead, List<String> left) {
    List<String> notes = new ArrayList<>();
    List<String> layers = network.head();
    if (!sameHead) {
      notes.add(
          "%s knows other classes: the head (%s) starts anew, the rest is kept."
              .formatted(file.path(), String.join(", ", layers)));
    } else if (file.info() == null && !layers.isEmpty()) {
      notes.add(
          "%s names no classes, but has as many: the head (%s) is kept, class for class."
              .formatted(file.path(), String.join(", ", layers)));
    }
    if (!left.isEmpty()) {
      notes.add("Left out of %s: %s.".formatted(file.path(), brief(left)));
    }
    return notes;
  }

  private static String brief(List<String> names) {
    String some = names.stream().limit(SHOWN).collect(Collectors.joining(", "));
    return names.size() > SHOWN ? some + ", ... (%d)".formatted(names.size()) : some;
  }

  /** Parameters of the layers that are as wide as there are classes. */
  private static List<String> headParameters(Network network) {
    List<String> head = network.head();
    return network.parameters().stream()
        .map(Parameter::name)
        .filter(name -> head.stream().anyMatch(layer -> name.startsWith(layer + ".")))
        .toList();
  }

  private static long[] shape(Parameter parameter) {
    return Arrays.stream(parameter.shape()).asLongStream().toArray();
  }

  /** Returns what the network has no place for, which may be another head, and step counters. */
  private static List<String> check(WeightSource file, Network network, List<String> replaced) {
    List<String> left = new ArrayList<>();
    Set<String> names = Set.copyOf(file.names());
    for (String name : file.names()) {
      if (!network.hasParameter(name) && !ModelFile.isStepCounter(name, network)) {
        if (!isHead(file, names, name, replaced)) {
          throw new ExchangeException(
              "%s holds a tensor '%s', which %s does not have: choose the model it was made for."
                  .formatted(file.path(), name, network.name()));
        }
        left.add(name);
      }
    }
    for (Parameter parameter : network.parameters()) {
      if (!replaced.contains(parameter.name())) {
        file.requireFloats(parameter.name(), shape(parameter));
      }
    }
    return left;
  }

  /**
   * Whether a tensor is a dense layer's that other programs call a head, and the network's own is
   * not in the file.
   */
  private static boolean isHead(
      WeightSource file, Set<String> names, String name, List<String> replaced) {
    if (replaced.isEmpty() || replaced.stream().anyMatch(names::contains)) {
      return false;
    }
    int dot = name.lastIndexOf('.');
    String layer = dot < 0 ? "" : name.substring(0, dot);
    String word = layer.toLowerCase(Locale.ROOT);
    boolean isCalledHead =
        List.of("head", "fc", "classifier", "last_linear", "linear").stream()
            .anyMatch(w -> word.equals(w) || word.startsWith(w + ".") || word.endsWith("." + w));
    return isCalledHead && names.contains(layer + ".weight") && file.shape(name).length <= 2;
  }
}
