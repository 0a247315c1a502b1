package dev.nibble.engine.network;

import dev.nibble.kernels.FeatureMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * An immutable graph of layers with one input, the pictures, and one output, the logits (1 x 1 x
 * classes). Made by {@link NetworkBuilder} or {@link NamedNetworks}.
 */
public final class Network {
  private final String name;
  private final List<Layer> layers;
  private final Map<String, Parameter> parameters;
  private final int outputId;
  private final int weightValues;
  private final int stateValues;

  Network(String name, List<Layer> layers, int outputId) {
    this.name = name;
    this.layers = List.copyOf(layers);
    this.outputId = outputId;
    ChannelOrder orders = new ChannelOrder(this.layers);
    if (orders.of(outputId) != null) {
      throw new IllegalArgumentException(
          "The logits of %s are a flattened map: let a dense layer make them".formatted(name));
    }
    ParameterLayout layout = new ParameterLayout();
    for (Layer layer : this.layers) {
      layout.add(layer, layer.inputs().isEmpty() ? null : orders.of(layer.inputs().getFirst()));
    }
    this.parameters = new LinkedHashMap<>(layout.parameters());
    this.weightValues = layout.weightValues();
    this.stateValues = layout.stateValues();
  }

  /** Starts a network for pictures of the given shape. */
  public static NetworkBuilder builder(String name, FeatureMap input) {
    return new NetworkBuilder(name, input);
  }

  /**
   * The network that {@link #toJson} has described.
   *
   * @throws IllegalArgumentException if the text describes no network
   */
  public static Network ofJson(String text) {
    return NetworkReader.read(text);
  }

  /** The graph as JSON text, without values, as model files hold it. */
  public String toJson() {
    return NetworkWriter.write(this);
  }

  /**
   * The same network for another number of classes: the {@linkplain #head head} is as wide as that.
   *
   * @param classes how many outputs: classes, labels or numbers
   * @throws IllegalArgumentException if the logits are put together of others than layers with
   *     weights, or there is no output
   */
  public Network withClasses(int classes) {
    requireOutputs(classes);
    if (classes == classes()) {
      return this;
    }
    NetworkHead head = NetworkHead.of(this);
    if (head.obstacle() != null) {
      throw new IllegalArgumentException(
          "The classes of %s cannot be changed: '%s' joins what makes its logits"
              .formatted(name, head.obstacle()));
    }
    return NetworkReader.read(toJson(), head.names(), classes);
  }

  /** One is enough for a number or a label; data of classes is checked where it meets a network. */
  static void requireOutputs(int count) {
    if (count < 1) {
      throw new IllegalArgumentException("A network needs at least 1 output, not " + count);
    }
  }

  /**
   * Names of the layers with parameters that are as wide as there are classes: the dense layer or
   * convolution that makes the logits, or several that are summed, and what the logits pass on
   * their way, such as a batch norm. Those nearest to the logits come first.
   */
  public List<String> head() {
    return List.copyOf(NetworkHead.of(this).names());
  }

  /** The same network by another name. */
  public Network withName(String newName) {
    return new Network(newName, layers, outputId);
  }

  /** The model's name, such as {@code resnet20}. */
  public String name() {
    return name;
  }

  /** All layers, in an order in which each follows those it reads. */
  public List<Layer> layers() {
    return layers;
  }

  /** The layer whose output are the logits. */
  public Layer output() {
    return layers.get(outputId);
  }

  /** Shape of one picture. */
  public FeatureMap input() {
    return layers.getFirst().output();
  }

  /** Number of outputs: classes, labels or numbers. */
  public int classes() {
    return output().output().channels();
  }

  /** Every parameter, trainable ones and running statistics, in the layers' order. */
  public List<Parameter> parameters() {
    return List.copyOf(parameters.values());
  }

  /**
   * The parameter of that name.
   *
   * @throws IllegalArgumentException if there is none
   */
  public Parameter parameter(String parameterName) {
    Parameter parameter = parameters.get(parameterName);
    if (parameter == null) {
      throw new IllegalArgumentException(
          "Network " + name + " has no parameter named " + parameterName);
    }
    return parameter;
  }

  /** Whether there is a parameter of that name. */
  public boolean hasParameter(String parameterName) {
    return parameters.containsKey(parameterName);
  }

  /** Floats of the flat buffer of trainable parameters. */
  public int weightValues() {
    return weightValues;
  }

  /** Floats of the flat buffer of running statistics. */
  public int stateValues() {
    return stateValues;
  }

  /** Number of trainable values, without the buffer's padding. */
  public long parameterCount() {
    return parameters.values().stream()
        .filter(p -> p.kind().trainable())
        .mapToLong(Parameter::size)
        .sum();
  }

  /**
   * A table for people: a line a layer with what it reads, its output's shape, its parameters and
   * its multiply-adds a picture (of convolutions and dense layers), and a line on the whole.
   */
  @Override
  public String toString() {
    return NetworkTable.of(this);
  }
}
