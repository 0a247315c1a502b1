package dev.nibble.samples.serve;

import dev.nibble.engine.exchange.SafetensorsFile;
import dev.nibble.engine.exchange.SafetensorsWriter;
import dev.nibble.engine.exchange.TensorSource;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonWriter;
import dev.nibble.engine.model.ModelFile;
import dev.nibble.engine.network.Network;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Adds classes to a model without forgetting any: the new ones come after the old, so the rows of
 * its head stay what they are, and rows of zeros follow, for the training to fill.
 */
final class GrownHead {
  private GrownHead() {}

  /**
   * Writes a model with more classes.
   *
   * @param model the model as it is
   * @param classes its classes, and new ones after them
   * @param target the file to write
   * @throws dev.nibble.engine.exchange.ExchangeException if one cannot be read or the other written
   */
  static void write(Path model, List<String> classes, Path target) {
    Network network = ModelFile.info(model).network();
    List<String> head = network.head();
    List<TensorSource> tensors = new ArrayList<>();
    try (SafetensorsFile file = SafetensorsFile.open(model)) {
      for (String name : file.names()) {
        float[] values = file.readFloats(name);
        long[] shape = file.shape(name);
        if (head.contains(name.substring(0, Math.max(0, name.lastIndexOf('.'))))) {
          // Classes are the first axis, as PyTorch orders them.
          values = Arrays.copyOf(values, values.length / network.classes() * classes.size());
          shape[0] = classes.size();
          if (name.endsWith(".running_var")) {
            Arrays.fill(values, network.classes(), values.length, 1);
          }
        }
        tensors.add(TensorSource.floats(name, values, shape));
      }
      Map<String, String> metadata = new LinkedHashMap<>(file.metadata());
      metadata.put(
          "classes",
          JsonWriter.compact(JsonValue.array(classes.stream().map(JsonValue::of).toList())));
      metadata.put("network", network.withClasses(classes.size()).toJson());
      SafetensorsWriter.write(target, metadata, tensors);
    }
  }
}
