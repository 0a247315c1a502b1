package dev.nibble.engine.model;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.engine.exchange.DType;
import dev.nibble.engine.exchange.ExchangeException;
import dev.nibble.engine.exchange.SafetensorsFile;
import dev.nibble.engine.exchange.SafetensorsWriter;
import dev.nibble.engine.exchange.TensorSource;
import dev.nibble.engine.json.JsonException;
import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonWriter;
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
import java.util.function.Function;

/**
 * A model as a safetensors file, with PyTorch's names and order of axes; what is needed to use it
 * stands in the file's metadata.
 */
public final class ModelFile {
  private static final String FORMAT = "nibble-1";

  private ModelFile() {}

  /**
   * Writes a network's parameters and running statistics; an older file survives a failure.
   *
   * @param values where a parameter's values lie, in memory order ({@link Parameter#memoryIndex})
   * @throws ExchangeException if the file cannot be written
   */
  public static void save(
      Path path, Network network, Function<Parameter, MemorySegment> values, ModelInfo info) {
    List<TensorSource> tensors = new ArrayList<>();
    for (Parameter parameter : network.parameters()) {
      long[] shape = new long[parameter.shape().length];
      for (int i = 0; i < shape.length; i++) {
        shape[i] = parameter.shape()[i];
      }
      tensors.add(
          TensorSource.floats(parameter.name(), floats(values.apply(parameter), parameter), shape));
    }
    SafetensorsWriter.write(path, metadata(info), tensors);
  }

  private static float[] floats(MemorySegment source, Parameter parameter) {
    float[] values = new float[parameter.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = source.get(JAVA_FLOAT, 4L * parameter.memoryIndex(i));
    }
    return values;
  }

  /**
   * Reads parameters and running statistics of a network to where {@code values} says, in memory
   * order.
   *
   * @throws ExchangeException if a tensor is missing, superfluous, or of another shape
   */
  public static void load(Path path, Network network, Function<Parameter, MemorySegment> values) {
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      for (String name : file.names()) {
        if (!network.hasParameter(name)) {
          throw new ExchangeException(
              "%s holds a tensor '%s', which %s does not have: choose the model it was made for."
                  .formatted(path, name, network.name()));
        }
      }
      List<Parameter> parameters = network.parameters();
      for (Parameter parameter : parameters) {
        long[] shape = new long[parameter.shape().length];
        for (int i = 0; i < shape.length; i++) {
          shape[i] = parameter.shape()[i];
        }
        file.require(parameter.name(), DType.F32, shape);
      }
      // Only now that everything fits: a wrong file leaves the values as they were.
      for (Parameter parameter : parameters) {
        float[] read = file.readFloats(parameter.name());
        MemorySegment target = values.apply(parameter);
        for (int i = 0; i < read.length; i++) {
          target.set(JAVA_FLOAT, 4L * parameter.memoryIndex(i), read[i]);
        }
      }
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
                  + (FORMAT + "'. Use a model.safetensors that nibble train wrote."));
        }
        int[] input = ints(metadata, "input");
        if (input.length != 3) {
          throw new IllegalArgumentException("its input is not height, width, channels");
        }
        return new ModelInfo(
            text(metadata, "model"),
            new FeatureMap(input[0], input[1], input[2]),
            strings(metadata, "classes"),
            floats(metadata, "mean"),
            floats(metadata, "std"),
            Boolean.parseBoolean(metadata.get("picture_mean")));
      } catch (JsonException
          | IllegalArgumentException
          | ArithmeticException
          | ClassCastException e) {
        throw new ExchangeException(
            "The metadata of " + path + " does not describe a model: " + e.getMessage() + ".");
      }
    }
  }

  /** Whether {@link #save} wrote it. */
  static boolean isDescribed(SafetensorsFile file) {
    return FORMAT.equals(file.metadata().get("format"));
  }

  private static Map<String, String> metadata(ModelInfo info) {
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
