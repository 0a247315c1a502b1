package dev.nibble.engine.exchange.onnx;

import dev.nibble.engine.network.Layer;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.protobuf.MessageWriter;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Operator;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/**
 * A network as the graph of an ONNX model. Every layer gives one value, N,C,H,W, or N,C where a
 * dense layer or its followers make it; where a reader wants the other form, it is converted.
 *
 * <p>A value is named after its layer, with an ending that no parameter's name has.
 */
final class OnnxGraph {
  static final String INPUT = "images";
  static final String OUTPUT = "logits";

  private static final int FLOAT = 1;
  private static final String BATCH = "N";

  private final Network network;
  private final Function<Parameter, MemorySegment> values;
  private final MessageWriter message = new MessageWriter();
  private final Set<Integer> flat = new HashSet<>();
  private final Map<String, String> converted = new HashMap<>();

  private OnnxGraph(Network network, Function<Parameter, MemorySegment> values) {
    this.network = network;
    this.values = values;
  }

  /**
   * A GraphProto of the layers that the logits depend on.
   *
   * @param values each parameter's values in memory order
   */
  static MessageWriter of(Network network, Function<Parameter, MemorySegment> values) {
    return new OnnxGraph(network, values).build();
  }

  private MessageWriter build() {
    boolean[] used = used();
    for (Layer layer : network.layers()) {
      if (used[layer.id()]) {
        add(layer);
      }
    }
    // Where the last layer's own value is flat, it has this name already.
    flat(network.output().id());
    FeatureMap map = network.input();
    // A graph must have a name.
    message.text(2, network.name().isBlank() ? "network" : network.name());
    message.message(11, value(INPUT, map.channels(), map.height(), map.width()));
    return message.message(12, value(OUTPUT, network.classes()));
  }

  private boolean[] used() {
    List<Layer> layers = network.layers();
    boolean[] used = new boolean[layers.size()];
    used[network.output().id()] = true;
    for (int id = layers.size() - 1; id >= 0; id--) {
      if (used[id]) {
        for (int source : layers.get(id).inputs()) {
          used[source] = true;
        }
      }
    }
    return used;
  }

  private void add(Layer layer) {
    switch (layer) {
      case Layer.Input i -> {
        // the graph's own input
      }
      case Layer.Weighted w -> addWeighted(w);
      case Layer.GroupNorm g ->
          new OnnxGroupNorm(network, values, this::node, this::constant)
              .write(g, form(g.source(), false), own(g.id()));
      case Layer.Computed c ->
          new OnnxOperators(this::node, this::constant)
              .write(c.operator(), form(c.source(), false), own(c.id()));
      case Layer.BatchNorm b -> {
        OnnxNode node =
            keepingForm("BatchNormalization", b, b.source(), parameters(b.name(), b.source()));
        // ONNX has the share of the old statistics, PyTorch that of the new.
        node(node.with("epsilon", b.epsilon()).with("momentum", 1 - b.momentum()));
      }
      case Layer.Activation a -> addActivation(a);
      case Layer.Flatten f -> {
        flat.add(f.id());
        node(new OnnxNode("Flatten", own(f.id()), map(f.source())).with("axis", 1L));
      }
      case Layer.Unflatten u -> {
        String y = own(u.id());
        constant(OnnxTensor.of(y + ".shape", 0, 1, u.output().height(), u.output().width()));
        node(new OnnxNode("Reshape", y, form(u.source(), flat.contains(u.source())), y + ".shape"));
      }
      case Layer.Add a -> joined("Add", a);
      case Layer.Multiply m -> joined("Mul", m);
      case Layer.Concatenate c -> node(joining("Concat", c).with("axis", 1L));
    }
  }

  private void joined(String operator, Layer layer) {
    node(joining(operator, layer));
  }

  /** A node of several tensors: of vectors if all are, else of maps. */
  private OnnxNode joining(String operator, Layer layer) {
    boolean isFlat = layer.inputs().stream().allMatch(flat::contains);
    String[] inputs =
        layer.inputs().stream().map(input -> form(input, isFlat)).toArray(String[]::new);
    if (isFlat) {
      flat.add(layer.id());
    }
    return new OnnxNode(operator, own(layer.id()), inputs);
  }

  private void addActivation(Layer.Activation layer) {
    boolean isFlat = flat.contains(layer.source());
    String x = form(layer.source(), isFlat);
    if (isFlat) {
      flat.add(layer.id());
    }
    String slope = "";
    if (layer.function().hasSlope()) {
      slope = layer.name() + ".weight";
      Parameter parameter = network.parameter(slope);
      int channels = parameter.size();
      int[] shape = isFlat ? new int[] {channels} : new int[] {channels, 1, 1};
      constant(OnnxTensor.of(slope, parameter, values.apply(parameter), shape));
    }
    new OnnxFunctions(this::node, this::constant)
        .write(layer.function(), x, own(layer.id()), slope);
  }

  private String[] parameters(String norm, int source) {
    return new String[] {
      form(source, flat.contains(source)),
      constant(norm + ".weight"),
      constant(norm + ".bias"),
      constant(norm + ".running_mean"),
      constant(norm + ".running_var")
    };
  }

  /** A node whose value is flat if that of the layer it reads is. */
  private OnnxNode keepingForm(String operator, Layer layer, int source, String... inputs) {
    if (flat.contains(source)) {
      flat.add(layer.id());
    }
    return new OnnxNode(operator, own(layer.id()), inputs);
  }

  private void addWeighted(Layer.Weighted layer) {
    String weight = layer.name() + ".weight";
    boolean hasBias = layer.operator().bias();
    boolean isDense = layer.dense();
    String source = form(layer.source(), isDense);
    String[] inputs =
        hasBias
            ? new String[] {source, constant(weight), constant(layer.name() + ".bias")}
            : new String[] {source, constant(weight)};
    if (isDense) {
      flat.add(layer.id());
      node(new OnnxNode("Gemm", own(layer.id()), inputs).with("transB", 1L));
      return;
    }
    Operator.Convolution c = layer.operator();
    OnnxNode node = OnnxOperators.window(new OnnxNode("Conv", own(layer.id()), inputs), c.window());
    node(c.groups() == 1 ? node : node.with("group", (long) c.groups()));
  }

  /** The name of the value that a layer's node gives. */
  private String own(int id) {
    Layer layer = network.layers().get(id);
    if (layer instanceof Layer.Input) {
      return INPUT;
    }
    return flat.contains(id) && id == network.output().id() ? OUTPUT : layer.name() + ".out";
  }

  private String form(int id, boolean wantFlat) {
    return wantFlat ? flat(id) : map(id);
  }

  /** A layer's value as N,C. */
  private String flat(int id) {
    String own = own(id);
    if (flat.contains(id)) {
      return own;
    }
    return converted.computeIfAbsent(
        own + " flat",
        key -> {
          String name =
              id == network.output().id() ? OUTPUT : network.layers().get(id).name() + ".flat";
          node(new OnnxNode("Flatten", name, own).with("axis", 1L));
          return name;
        });
  }

  /** A layer's value as N,C,H,W. */
  private String map(int id) {
    String own = own(id);
    if (!flat.contains(id)) {
      return own;
    }
    return converted.computeIfAbsent(
        own + " map",
        key -> {
          String name = network.layers().get(id).name() + ".map";
          String axes = name + ".axes";
          constant(OnnxTensor.of(axes, 2, 3));
          node(new OnnxNode("Unsqueeze", name, own, axes));
          return name;
        });
  }

  private void node(OnnxNode node) {
    message.message(1, node.message());
  }

  private String constant(String parameterName) {
    Parameter parameter = network.parameter(parameterName);
    constant(OnnxTensor.of(parameter, values.apply(parameter)));
    return parameterName;
  }

  private void constant(MessageWriter tensor) {
    message.message(5, tensor);
  }

  /** A ValueInfoProto: fp32, the batch first and free. */
  private static MessageWriter value(String name, int... extents) {
    MessageWriter shape = new MessageWriter();
    shape.message(1, new MessageWriter().text(2, BATCH));
    for (int extent : extents) {
      shape.message(1, new MessageWriter().integer(1, extent));
    }
    MessageWriter tensor = new MessageWriter().integer(1, FLOAT).message(2, shape);
    return new MessageWriter().text(1, name).message(2, new MessageWriter().message(1, tensor));
  }
}
