package dev.nibble.engine.model;

import dev.nibble.engine.network.NamedNetworks;
import dev.nibble.engine.network.Network;
import dev.nibble.kernels.FeatureMap;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What must be known beside the weights to use a model.
 *
 * @param model one of the {@link NamedNetworks}, such as {@code resnet20}
 * @param input shape of a picture
 * @param classes names of the classes, in the order of the logits
 * @param mean what is subtracted from a picture of values 0..1, a value a channel
 * @param std what it is divided by, a value a channel
 * @param pictureMean whether each picture's own mean is subtracted instead of {@code mean}
 * @param metadata entries of your own that the file carries beside these, in their order
 */
@SuppressWarnings("ArrayRecordComponent") // copied in and out; nobody compares such records
public record ModelInfo(
    String model,
    FeatureMap input,
    List<String> classes,
    float[] mean,
    float[] std,
    boolean pictureMean,
    Map<String, String> metadata) {
  /** Names in a file's metadata that are taken. */
  static final Set<String> RESERVED =
      Set.of("format", "model", "input", "classes", "mean", "std", "picture_mean");

  /**
   * Copies arrays and map, and checks them.
   *
   * @throws IllegalArgumentException if mean or std has not a value a channel, or an entry of your
   *     own has a name that is taken: format, model, input, classes, mean, std, picture_mean
   */
  public ModelInfo {
    metadata = Collections.unmodifiableMap(new LinkedHashMap<>(metadata));
    for (String name : metadata.keySet()) {
      if (RESERVED.contains(name)) {
        throw new IllegalArgumentException(
            "The metadata name '" + name + "' is taken by the model itself: choose another");
      }
    }
    classes = List.copyOf(classes);
    mean = mean.clone();
    std = std.clone();
    if (mean.length != input.channels() || std.length != input.channels()) {
      throw new IllegalArgumentException(
          "Mean and std need a value for each of the " + input.channels() + " channels");
    }
  }

  /** A description without entries of your own. */
  public ModelInfo(
      String model,
      FeatureMap input,
      List<String> classes,
      float[] mean,
      float[] std,
      boolean pictureMean) {
    this(model, input, classes, mean, std, pictureMean, Map.of());
  }

  /**
   * The same description with these entries of your own.
   *
   * @throws IllegalArgumentException if a name is taken
   */
  public ModelInfo withMetadata(Map<String, String> entries) {
    return new ModelInfo(model, input, classes, mean, std, pictureMean, entries);
  }

  @Override
  public float[] mean() {
    return mean.clone();
  }

  @Override
  public float[] std() {
    return std.clone();
  }

  /** The same for pictures that are normalised in another way. */
  public ModelInfo withNormalization(float[] means, float[] stds, boolean ofPicture) {
    return new ModelInfo(model, input, classes, means, stds, ofPicture, metadata);
  }

  /** The network that the name stands for. */
  public Network network() {
    return NamedNetworks.of(model, input, classes.size());
  }
}
