package dev.nibble.engine.network;

import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonArray;
import dev.nibble.engine.json.JsonValue.JsonNumber;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.engine.json.JsonWriter;
import dev.nibble.kernels.AxisSampling;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.GroupNorm;
import dev.nibble.kernels.Nonlinearity;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Sampling;
import dev.nibble.kernels.Window;
import java.util.ArrayList;
import java.util.List;

/** A network's graph as JSON text, as {@link NetworkReader} reads it. */
final class NetworkWriter {
  private NetworkWriter() {}

  static String write(Network network) {
    List<JsonValue> layers = new ArrayList<>();
    network.layers().forEach(layer -> layers.add(layer(layer)));
    FeatureMap input = network.input();
    JsonObject object =
        JsonObject.builder()
            .put("name", network.name())
            .put("input", numbers(input.height(), input.width(), input.channels()))
            .put("layers", new JsonArray(layers))
            .put("output", network.output().id())
            .build();
    return JsonWriter.compact(object);
  }

  private static JsonValue layer(Layer layer) {
    JsonObject.Builder json = JsonObject.builder();
    json.put("name", layer.name());
    switch (layer) {
      case Layer.Input i -> json.put("kind", "input");
      case Layer.Weighted w -> weighted(json, w);
      case Layer.Computed c -> operator(json, c.operator());
      case Layer.BatchNorm b ->
          json.put("kind", "batch_norm").put("epsilon", b.epsilon()).put("momentum", b.momentum());
      case Layer.Activation a -> function(json, a.function());
      case Layer.Flatten f -> json.put("kind", "flatten");
      case Layer.Unflatten u ->
          json.put("kind", "unflatten")
              .put("height", u.output().height())
              .put("width", u.output().width());
      case Layer.Add a -> json.put("kind", "add");
      case Layer.Multiply m -> json.put("kind", "multiply");
      case Layer.Concatenate c -> json.put("kind", "concatenate");
    }
    json.put("reads", numbers(layer.inputs().stream().mapToInt(i -> i).toArray()));
    return json.build();
  }

  private static void weighted(JsonObject.Builder json, Layer.Weighted layer) {
    Operator.Convolution c = layer.operator();
    json.put("kind", layer.dense() ? "dense" : "convolution");
    json.put("channels", c.outChannels()).put("bias", c.bias());
    if (!layer.dense()) {
      json.put("window", window(c.window())).put("groups", c.groups());
    }
  }

  private static void operator(JsonObject.Builder json, Operator operator) {
    switch (operator) {
      case Operator.MaxPooling m ->
          json.put("kind", "max_pool").put("window", window(m.window())).put("ceil", m.ceil());
      case Operator.AveragePooling a ->
          json.put("kind", "average_pool")
              .put("window", window(a.window()))
              .put("ceil", a.ceil())
              .put("count_padding", a.countPadding());
      case Operator.GlobalAveragePooling g -> json.put("kind", "global_average_pool");
      case Operator.Resample r ->
          json.put("kind", "shortcut").put("stride", r.stride()).put("channels", r.outChannels());
      case Operator.Padding p ->
          json.put("kind", "pad")
              .put(
                  "pads",
                  numbers(p.top(), p.left(), p.bottom(), p.right(), p.before(), p.behind()));
      case Sampling s -> {
        json.put("kind", "sample");
        axis(json, "rows", s.rows());
        axis(json, "columns", s.columns());
      }
      case Operator.ChannelShuffle s -> json.put("kind", "shuffle").put("groups", s.groups());
      case Operator.Dropout d ->
          json.put("kind", d.byPicture() ? "stochastic_depth" : "dropout").put("rate", d.rate());
      case GroupNorm g ->
          json.put(
                  "kind",
                  g.byResponse() ? "response_norm" : g.byPixel() ? "layer_norm" : "group_norm")
              .put("groups", g.groups())
              .put("epsilon", g.epsilon())
              .put("affine", g.affine());
      case Operator.Convolution c -> throw new IllegalStateException("Has weights: " + c);
      case Operator.Multiply m -> throw new IllegalStateException("Reads two tensors: " + m);
    }
  }

  /** Weights are left out where there are none. */
  private static void axis(JsonObject.Builder json, String name, AxisSampling axis) {
    json.put(name, numbers(axis.places()));
    if (!axis.isPicked()) {
      List<JsonValue> weights = new ArrayList<>();
      for (float weight : axis.weights()) {
        weights.add(new JsonNumber(Float.toString(weight)));
      }
      json.put(name.substring(0, name.length() - 1) + "_weights", new JsonArray(weights));
    }
  }

  private static void function(JsonObject.Builder json, Nonlinearity function) {
    switch (function) {
      case Nonlinearity.Identity i -> json.put("kind", "identity");
      case Nonlinearity.Relu r -> json.put("kind", "relu");
      case Nonlinearity.Clip c ->
          // JSON has no infinity: a bound that is none is left out.
          bound(bound(json.put("kind", "clip"), "low", c.low()), "high", c.high());
      case Nonlinearity.LeakyRelu l -> json.put("kind", "leaky_relu").put("slope", l.factor());
      case Nonlinearity.Prelu p -> json.put("kind", "prelu");
      case Nonlinearity.Elu e -> json.put("kind", "elu").put("alpha", e.alpha());
      case Nonlinearity.HardSigmoid h ->
          json.put("kind", "hard_sigmoid").put("alpha", h.alpha()).put("beta", h.beta());
      case Nonlinearity.HardSwish h -> json.put("kind", "hard_swish");
      case Nonlinearity.Sigmoid s -> json.put("kind", "sigmoid");
      case Nonlinearity.Silu s -> json.put("kind", "silu");
      case Nonlinearity.Tanh t -> json.put("kind", "tanh");
      case Nonlinearity.Mish m -> json.put("kind", "mish");
      case Nonlinearity.Gelu g -> json.put("kind", g.approximate() ? "gelu_tanh" : "gelu");
    }
  }

  private static JsonObject.Builder bound(JsonObject.Builder json, String name, float bound) {
    return Float.isInfinite(bound) ? json : json.put(name, bound);
  }

  private static JsonValue window(Window w) {
    return numbers(
        w.kernelHeight(),
        w.kernelWidth(),
        w.strideHeight(),
        w.strideWidth(),
        w.padTop(),
        w.padLeft(),
        w.padBottom(),
        w.padRight(),
        w.dilationHeight(),
        w.dilationWidth());
  }

  private static JsonArray numbers(int... values) {
    List<JsonValue> numbers = new ArrayList<>();
    for (int value : values) {
      numbers.add(new JsonNumber(Integer.toString(value)));
    }
    return new JsonArray(numbers);
  }
}
