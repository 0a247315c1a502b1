package dev.nibble.engine.model;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.engine.data.Resizing;
import dev.nibble.engine.data.Task;
import dev.nibble.engine.exchange.ExchangeException;
import dev.nibble.engine.exchange.SafetensorsFile;
import dev.nibble.engine.exchange.SafetensorsWriter;
import dev.nibble.engine.exchange.TensorSource;
import dev.nibble.engine.json.JsonException;
import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonWriter;
import dev.nibble.engine.network.FiniteValues;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.Parameter;
import dev.nibble.kernels.FeatureMap;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A model as a safetensors file, with PyTorch's names and order of axes; what is needed to use it
 * stands in the file's metadata.
 */
public final class ModelFile {
  private static final String FORMAT = "nibble-1";

  private static final String STEP_COUNTER = ".num_batches_tracked";

  private static final Set<String> SMALL_ONCE = Set.of("resnet50", "resnet101", "resnet152");

  private ModelFile() {}

  /**
   * Writes a network's parameters and running statistics; an older file survives a failure.
   *
   * @param values where a parameter's values lie, in memory order ({@link Parameter#memoryIndex})
   * @throws ExchangeException if the file cannot be written, or the values are none of a model: not
   *     finite, or a variance below zero
   */
  public static void save(
      Path path, Network network, Function<Parameter, MemorySegment> values, ModelInfo info) {
    String fault = FiniteValues.fault(network.parameters(), values);
    if (fault != null) {
      throw new ExchangeException(
          "Cannot write %s: %s, as after a training that diverged; what was there before is unchanged."
              .formatted(path, fault));
    }
    List<TensorSource> tensors = new ArrayList<>();
    for (Parameter parameter : network.parameters()) {
      tensors.add(
          TensorSource.floats(
              parameter.name(), floats(values.apply(parameter), parameter), shape(parameter)));
    }
    Map<String, String> metadata = describe(info);
    metadata.put("network", network.toJson());
    SafetensorsWriter.write(path, metadata, tensors);
  }

  private static float[] floats(MemorySegment source, Parameter parameter) {
    return parameter.inFileOrder(source.asSlice(0, 4L * parameter.size()).toArray(JAVA_FLOAT));
  }

  /**
   * Reads parameters and running statistics of a network to where {@code values} says, in memory
   * order.
   *
   * <p>Strict: every tensor must be there and none besides, but for the step counters ({@code
   * num_batches_tracked}) of PyTorch's batch norms. The file's metadata does not matter, so a state
   * dict that PyTorch saved under these names loads.
   *
   * @throws ExchangeException if a tensor is missing, superfluous, or of another shape, or holds
   *     what is not finite or a variance below zero; the values are then as they were
   */
  public static void load(Path path, Network network, Function<Parameter, MemorySegment> values) {
    try (SafetensorsFile tensors = SafetensorsFile.open(path)) {
      WeightSource file = new SafetensorsWeights(tensors, network);
      for (String name : file.names()) {
        if (!network.hasParameter(name) && !isStepCounter(name, network)) {
          throw new ExchangeException(
              "%s holds a tensor '%s', which %s does not have: choose the model it was made for."
                  .formatted(path, name, network.name()));
        }
      }
      List<Parameter> parameters = network.parameters();
      for (Parameter parameter : parameters) {
        file.requireFloats(parameter.name(), shape(parameter));
      }
      read(file, parameters, values);
    }
  }

  /**
   * Reads what fits to where {@code values} says, in memory order: parameters and running
   * statistics that the file has under the same name, as floats and of the same shape. Others stay
   * as they are, as with PyTorch's {@code load_state_dict(strict=False)}; one of another shape is
   * passed over, too.
   *
   * @return what was read and what was not
   * @throws ExchangeException if the file is damaged, or one that fits holds what is not finite or
   *     a variance below zero; the values are then as they were
   */
  public static LoadReport loadMatching(
      Path path, Network network, Function<Parameter, MemorySegment> values) {
    List<Parameter> fitting = new ArrayList<>();
    List<String> missing = new ArrayList<>();
    List<String> mismatched = new ArrayList<>();
    try (SafetensorsFile tensors = SafetensorsFile.open(path)) {
      WeightSource file = new SafetensorsWeights(tensors, network);
      Set<String> names = Set.copyOf(file.names());
      for (Parameter parameter : network.parameters()) {
        String name = parameter.name();
        if (!names.contains(name)) {
          missing.add(name);
        } else if (!file.hasFloats(name, shape(parameter))) {
          mismatched.add(name);
        } else {
          fitting.add(parameter);
        }
      }
      read(file, fitting, values);
      List<String> unexpected =
          file.names().stream()
              .filter(name -> !network.hasParameter(name) && !isStepCounter(name, network))
              .toList();
      List<String> loaded = fitting.stream().map(Parameter::name).toList();
      return new LoadReport(loaded, missing, unexpected, mismatched);
    }
  }

  /** PyTorch's batch norms count their steps; nothing here depends on that count. */
  static boolean isStepCounter(String name, Network network) {
    return name.endsWith(STEP_COUNTER)
        && network.hasParameter(
            name.substring(0, name.length() - STEP_COUNTER.length()) + ".running_mean");
  }

  private static long[] shape(Parameter parameter) {
    return Arrays.stream(parameter.shape()).asLongStream().toArray();
  }

  /**
   * Reads parameters whose types and shapes are checked.
   *
   * @throws ExchangeException if one holds what is not finite or a variance below zero; the values
   *     are then as they were
   */
  static void read(
      WeightSource file, List<Parameter> parameters, Function<Parameter, MemorySegment> values) {
    // All of them first: a wrong file leaves the values as they were.
    for (Parameter parameter : parameters) {
      String fault =
          FiniteValues.fault(parameter, MemorySegment.ofArray(file.readFloats(parameter.name())));
      if (fault != null) {
        throw new ExchangeException(
            "%s is of no use: its %s, as after a training that diverged; take a model saved before."
                .formatted(file.path(), fault));
      }
    }
    for (Parameter parameter : parameters) {
      file.read(parameter, values.apply(parameter));
    }
  }

  /**
   * Reads what a file that {@link #save} wrote says about its model.
   *
   * @throws ExchangeException if the file was written by another program or is damaged
   */
  public static ModelInfo info(Path path) {
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      Map<String, String> metadata = file.metadata();
      try {
        if (!isDescribed(file)) {
          throw new ExchangeException(
              path
                  + " does not say which model it holds: its metadata has no format '"
                  + (FORMAT
                      + "'. Use a model.safetensors that nibble train wrote; weights alone go into"
                      + " a training run with --init."));
        }
        return described(model(file), metadata, graph(metadata));
      } catch (JsonException
          | IllegalArgumentException
          | ArithmeticException
          | ClassCastException e) {
        throw undescribed(path, e);
      }
    }
  }

  /**
   * What metadata that {@link #describe} made say about a model.
   *
   * @throws RuntimeException of some kind if they are damaged
   */
  private static ModelInfo described(
      String model, Map<String, String> metadata, @Nullable Network graph) {
    int[] input = ints(metadata, "input");
    if (input.length != 3) {
      throw new IllegalArgumentException("its input is not height, width, channels");
    }
    return new ModelInfo(
        model,
        new FeatureMap(input[0], input[1], input[2]),
        strings(metadata, "classes"),
        floats(metadata, "mean"),
        floats(metadata, "std"),
        Boolean.parseBoolean(metadata.get("picture_mean")),
        own(metadata),
        graph,
        Resizing.of(metadata.getOrDefault("resizing", Resizing.STRETCH.text())),
        task(metadata));
  }

  /**
   * What a file of another kind that carries the same entries says about the network that it holds.
   *
   * @return null if it has no such entries, as when another program wrote it
   * @throws ExchangeException if they are damaged, or are not those of this network
   */
  public static @Nullable ModelInfo info(Path path, Map<String, String> metadata, Network network) {
    if (!FORMAT.equals(metadata.get("format"))) {
      return null;
    }
    try {
      return described(text(metadata, "model"), metadata, network);
    } catch (JsonException
        | IllegalArgumentException
        | ArithmeticException
        | ClassCastException e) {
      throw undescribed(path, e);
    }
  }

  private static ExchangeException undescribed(Path path, RuntimeException e) {
    return new ExchangeException(
        "The metadata of %s does not describe a model: %s."
            .formatted(path, String.valueOf(e.getMessage()).replaceAll("\\p{Cntrl}", " ")),
        e);
  }

  /**
   * The model's name. Once, {@code resnet50} and the like meant networks for small pictures; their
   * first layer tells.
   */
  private static String model(SafetensorsFile file) {
    String name = text(file.metadata(), "model");
    boolean renamed = SMALL_ONCE.contains(name) && file.contains("stem.weight");
    return renamed ? "cifar-" + name : name;
  }

  /** What it tells of a picture; the class, unless it says so. */
  private static Task task(Map<String, String> metadata) {
    String task = metadata.get("task");
    return task == null ? Task.CLASSIFICATION : Task.of(task);
  }

  /** The network; older files have but its name. */
  private static @Nullable Network graph(Map<String, String> metadata) {
    String graph = metadata.get("network");
    return graph == null ? null : Network.ofJson(graph);
  }

  /** Whether {@link #save} wrote it. */
  static boolean isDescribed(SafetensorsFile file) {
    return FORMAT.equals(file.metadata().get("format"));
  }

  private static Map<String, String> own(Map<String, String> metadata) {
    Map<String, String> own = new LinkedHashMap<>(metadata);
    own.keySet().removeAll(ModelInfo.RESERVED);
    return own;
  }

  /**
   * What a file's metadata says about a model, by name: {@code format}, {@code model}, {@code
   * input} (height, width, channels), {@code classes}, {@code mean}, {@code std} (JSON arrays),
   * {@code picture_mean}, {@code resizing} unless they are stretched, {@code task} unless that is
   * classification, then the entries of your own.
   */
  public static Map<String, String> describe(ModelInfo info) {
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put("format", FORMAT);
    metadata.put("model", info.model());
    FeatureMap input = info.input();
    metadata.put(
        "input", "[" + input.height() + "," + input.width() + "," + input.channels() + "]");
    List<JsonValue> classes = new ArrayList<>();
    info.classes().forEach(name -> classes.add(new JsonValue.JsonString(name)));
    metadata.put("classes", JsonWriter.compact(new JsonValue.JsonArray(classes)));
    metadata.put("mean", Arrays.toString(info.mean()));
    metadata.put("std", Arrays.toString(info.std()));
    metadata.put("picture_mean", Boolean.toString(info.pictureMean()));
    if (info.resizing() != Resizing.STRETCH) {
      metadata.put("resizing", info.resizing().text());
    }
    if (info.task() != Task.CLASSIFICATION) {
      metadata.put("task", info.task().text());
    }
    metadata.putAll(info.metadata());
    return metadata;
  }

  private static String text(Map<String, String> metadata, String name) {
    String value = metadata.get(name);
    if (value == null) {
      throw new IllegalArgumentException("it lacks '" + name + "'");
    }
    return value;
  }

  private static List<JsonValue> array(Map<String, String> metadata, String name) {
    return JsonParser.parse(text(metadata, name)).asList();
  }

  private static List<String> strings(Map<String, String> metadata, String name) {
    return array(metadata, name).stream().map(JsonValue::asString).toList();
  }

  private static float[] floats(Map<String, String> metadata, String name) {
    List<JsonValue> values = array(metadata, name);
    float[] floats = new float[values.size()];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = (float) values.get(i).asDouble();
    }
    return floats;
  }

  private static int[] ints(Map<String, String> metadata, String name) {
    return array(metadata, name).stream().mapToInt(v -> Math.toIntExact(v.asLong())).toArray();
  }
}
