package dev.nibble.engine.network;

import dev.nibble.engine.json.JsonException;
import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.engine.network.NetworkBuilder.Node;
import dev.nibble.kernels.AxisSampling;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.GroupNorm;
import dev.nibble.kernels.Nonlinearity;
import dev.nibble.kernels.Sampling;
import dev.nibble.kernels.Window;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Builds the network that {@link NetworkWriter} has described, layer by layer with the builder,
 * which checks what the text says.
 */
final class NetworkReader {
  private final JsonObject network;
  private final NetworkBuilder builder;
  private final List<Node> nodes = new ArrayList<>();

  /** The layers that get another number of channels. */
  private final Set<String> head;

  private final int headChannels;

  private NetworkReader(JsonObject network, Set<String> head, int headChannels) {
    this.network = network;
    this.head = head;
    this.headChannels = headChannels;
    int[] input = numbers(network, "input", 3);
    this.builder =
        Network.builder(
            network.get("name").asString(), new FeatureMap(input[0], input[1], input[2]));
  }

  /**
   * Reads a graph.
   *
   * @throws IllegalArgumentException if the text describes no network
   */
  static Network read(String text) {
    return read(text, Set.of(), 0);
  }

  /**
   * Reads a graph of which some layers with weights get another number of channels.
   *
   * @throws IllegalArgumentException if the text describes no network, or none with those channels
   */
  static Network read(String text, Set<String> head, int headChannels) {
    try {
      if (JsonParser.parse(text) instanceof JsonObject object) {
        return new NetworkReader(object, head, headChannels).network();
      }
      throw new IllegalArgumentException("its network is no JSON object");
    } catch (JsonException | ArithmeticException | ClassCastException e) {
      throw new IllegalArgumentException("its network is damaged: " + e.getMessage(), e);
    }
  }

  private Network network() {
    for (JsonValue value : network.get("layers").asList()) {
      if (!(value instanceof JsonObject layer)) {
        throw new IllegalArgumentException("a layer is no JSON object");
      }
      String name = layer.get("name").asString();
      try {
        Node node = add(layer, name);
        if (node.id() != nodes.size()) {
          throw new IllegalArgumentException("it computes nothing");
        }
        nodes.add(node);
      } catch (IllegalArgumentException e) {
        throw new IllegalArgumentException("layer '" + name + "': " + e.getMessage(), e);
      }
    }
    return builder.build(node(integer(network, "output")));
  }

  private Node node(int id) {
    if (id < 0 || id >= nodes.size()) {
      throw new IllegalArgumentException("there is no layer " + id + " before it");
    }
    return nodes.get(id);
  }

  private Node add(JsonObject layer, String name) {
    List<Node> reads = layer.get("reads").asList().stream().map(this::read).toList();
    String kind = layer.get("kind").asString();
    int wanted =
        switch (kind) {
          case "input" -> 0;
          case "add", "multiply" -> 2;
          case "concatenate" -> reads.size();
          default -> 1;
        };
    if (reads.size() != wanted) {
      throw new IllegalArgumentException(
          "a %s reads %d layers, not %d".formatted(kind, wanted, reads.size()));
    }
    if (kind.equals("input")) {
      return builder.input();
    }
    builder.nextName(name);
    return switch (kind) {
      case "add" -> builder.add(reads.get(0), reads.get(1));
      case "multiply" -> builder.multiply(reads.get(0), reads.get(1));
      case "concatenate" -> builder.concatenate(reads);
      default -> one(kind, layer, name, reads.getFirst());
    };
  }

  private Node read(JsonValue id) {
    return node(Math.toIntExact(id.asLong()));
  }

  private Node one(String kind, JsonObject layer, String name, Node x) {
    return switch (kind) {
      case "convolution" ->
          builder.convolution(
              name,
              x,
              channels(layer, name),
              window(layer),
              groups(layer, name, x),
              layer.get("bias").asBoolean());
      case "dense" -> builder.dense(name, x, channels(layer, name), layer.get("bias").asBoolean());
      case "batch_norm" ->
          builder
              .epsilon(real(layer, "epsilon"))
              .momentum(real(layer, "momentum"))
              .batchNorm(name, x);
      case "layer_norm", "group_norm", "response_norm" ->
          builder.groupNorm(
              name,
              x,
              new GroupNorm(
                  x.map(),
                  integer(layer, "groups"),
                  kind.equals("layer_norm"),
                  kind.equals("response_norm"),
                  real(layer, "epsilon"),
                  layer.get("affine").asBoolean()));
      case "max_pool" -> builder.maxPool(x, window(layer), layer.get("ceil").asBoolean());
      case "average_pool" ->
          builder.averagePool(
              x,
              window(layer),
              layer.get("ceil").asBoolean(),
              layer.get("count_padding").asBoolean());
      case "global_average_pool" -> builder.globalAveragePool(x);
      case "shortcut" -> builder.shortcut(x, integer(layer, "stride"), integer(layer, "channels"));
      case "pad" -> {
        int[] p = numbers(layer, "pads", 6);
        yield builder.pad(x, p[0], p[1], p[2], p[3], p[4], p[5]);
      }
      case "sample" ->
          builder.sample(
              x,
              new Sampling(
                  x.map(),
                  axis(layer, "rows", x.map().height()),
                  axis(layer, "columns", x.map().width())));
      case "shuffle" -> builder.shuffle(x, integer(layer, "groups"));
      case "dropout" -> builder.dropout(x, real(layer, "rate"));
      case "stochastic_depth" -> builder.stochasticDepth(x, real(layer, "rate"));
      case "flatten" -> builder.flatten(x);
      case "unflatten" -> builder.unflatten(x, integer(layer, "height"), integer(layer, "width"));
      case "prelu" -> builder.prelu(name, x);
      default -> builder.activation(x, function(kind, layer));
    };
  }

  private int channels(JsonObject layer, String name) {
    return head.contains(name) ? headChannels : integer(layer, "channels");
  }

  /** What works channel by channel behind the head goes on doing so. */
  private int groups(JsonObject layer, String name, Node x) {
    int groups = integer(layer, "groups");
    boolean isByChannel = groups > 1 && groups == integer(layer, "channels");
    return head.contains(name) && isByChannel && x.map().channels() == headChannels
        ? headChannels
        : groups;
  }

  private static Nonlinearity function(String kind, JsonObject layer) {
    return switch (kind) {
      case "relu" -> Nonlinearity.relu();
      case "clip" ->
          new Nonlinearity.Clip(
              bound(layer, "low", Float.NEGATIVE_INFINITY),
              bound(layer, "high", Float.POSITIVE_INFINITY));
      case "leaky_relu" -> new Nonlinearity.LeakyRelu(real(layer, "slope"));
      case "elu" -> new Nonlinearity.Elu(real(layer, "alpha"));
      case "hard_sigmoid" ->
          new Nonlinearity.HardSigmoid(real(layer, "alpha"), real(layer, "beta"));
      case "hard_swish" -> new Nonlinearity.HardSwish();
      case "sigmoid" -> new Nonlinearity.Sigmoid();
      case "silu" -> new Nonlinearity.Silu();
      case "tanh" -> new Nonlinearity.Tanh();
      case "mish" -> new Nonlinearity.Mish();
      case "gelu" -> new Nonlinearity.Gelu(false);
      case "gelu_tanh" -> new Nonlinearity.Gelu(true);
      default ->
          throw new IllegalArgumentException(
              "'%s' is no layer that this version has: take a newer one".formatted(kind));
    };
  }

  private static AxisSampling axis(JsonObject layer, String name, int size) {
    int[] places =
        layer.get(name).asList().stream().mapToInt(v -> Math.toIntExact(v.asLong())).toArray();
    float[] weights = new float[places.length];
    JsonValue given = layer.find(name.substring(0, name.length() - 1) + "_weights");
    List<JsonValue> values = given == null ? List.of() : given.asList();
    if (given != null && values.size() != weights.length) {
      throw new IllegalArgumentException(
          "'%s' has %d places, but %d weights".formatted(name, places.length, values.size()));
    }
    for (int i = 0; i < values.size(); i++) {
      weights[i] = (float) values.get(i).asDouble();
    }
    return AxisSampling.of(size, places, weights);
  }

  private static float bound(JsonObject layer, String name, float none) {
    return layer.find(name) == null ? none : real(layer, name);
  }

  private static Window window(JsonObject layer) {
    int[] w = numbers(layer, "window", 10);
    return new Window(w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8], w[9]);
  }

  private static int[] numbers(JsonObject json, String name, int count) {
    int[] numbers =
        json.get(name).asList().stream().mapToInt(v -> Math.toIntExact(v.asLong())).toArray();
    if (numbers.length != count) {
      throw new IllegalArgumentException(
          "'%s' has %d numbers, not %d".formatted(name, numbers.length, count));
    }
    return numbers;
  }

  private static int integer(JsonObject json, String name) {
    return Math.toIntExact(json.get(name).asLong());
  }

  private static float real(JsonObject json, String name) {
    return (float) json.get(name).asDouble();
  }
}
