package dev.nibble.engine.model;

import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.data.Resizing;
import dev.nibble.engine.data.Task;
import dev.nibble.engine.network.NamedNetworks;
import dev.nibble.engine.network.Network;
import dev.nibble.kernels.FeatureMap;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What must be known beside the weights to use a model.
 *
 * @param model the network's name, such as {@code resnet20}
 * @param input shape of a picture
 * @param classes names of the classes, in the order of the logits
 * @param mean what is subtracted from a picture of values 0..1, a value a channel
 * @param std what it is divided by, a value a channel
 * @param pictureMean whether each picture's own mean is subtracted instead of {@code mean}
 * @param metadata entries of your own that the file carries beside these, in their order
 * @param graph the network; null where the name alone tells it, as in older files
 * @param resizing how pictures of another size are brought to the input's
 * @param task what the outputs tell of a picture; {@code classes} are then names of labels or of
 *     numbers
 */
@SuppressWarnings("ArrayRecordComponent") // copied in and out; nobody compares such records
public record ModelInfo(
    String model,
    FeatureMap input,
    List<String> classes,
    float[] mean,
    float[] std,
    boolean pictureMean,
    Map<String, String> metadata,
    @Nullable Network graph,
    Resizing resizing,
    Task task) {
  /** Names in a file's metadata that are taken. */
  static final Set<String> RESERVED =
      Set.of(
          "format",
          "model",
          "input",
          "classes",
          "mean",
          "std",
          "picture_mean",
          "network",
          "resizing",
          "task");

  /**
   * Copies arrays and map, and checks them.
   *
   * @throws IllegalArgumentException if mean or std has not a value a channel, a mean is not finite
   *     or a std not finite and positive, or an entry of your own has a name that is taken: format,
   *     model, input, classes, mean, std, picture_mean, network, resizing, task; or the graph has
   *     other pictures or another number of classes
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
    if (graph != null && !graph.input().equals(input)) {
      throw new IllegalArgumentException(
          "The network takes pictures of %s, not of %s".formatted(graph.input(), input));
    }
    if (graph != null && graph.classes() != classes.size()) {
      throw new IllegalArgumentException(
          "The network has %d classes, but %d are named"
              .formatted(graph.classes(), classes.size()));
    }
    if (mean.length != input.channels() || std.length != input.channels()) {
      throw new IllegalArgumentException(
          "Mean and std need a value for each of the " + input.channels() + " channels");
    }
    for (int c = 0; c < mean.length; c++) {
      if (!Float.isFinite(mean[c]) || !(std[c] > 0) || Float.isInfinite(std[c])) {
        throw new IllegalArgumentException(
            "Mean " + mean[c] + " and std " + std[c] + ": give finite numbers, std above 0");
      }
    }
  }

  /** A description of a model of classes, without entries of your own. */
  public ModelInfo(
      String model,
      FeatureMap input,
      List<String> classes,
      float[] mean,
      float[] std,
      boolean pictureMean) {
    this(model, input, classes, mean, std, pictureMean, Task.CLASSIFICATION);
  }

  /** A description without entries of your own. */
  public ModelInfo(
      String model,
      FeatureMap input,
      List<String> classes,
      float[] mean,
      float[] std,
      boolean pictureMean,
      Task task) {
    this(model, input, classes, mean, std, pictureMean, Map.of(), null, Resizing.STRETCH, task);
  }

  /** A description of one of the named networks. */
  public ModelInfo(
      String model,
      FeatureMap input,
      List<String> classes,
      float[] mean,
      float[] std,
      boolean pictureMean,
      Map<String, String> metadata) {
    this(
        model,
        input,
        classes,
        mean,
        std,
        pictureMean,
        metadata,
        null,
        Resizing.STRETCH,
        Task.CLASSIFICATION);
  }

  /** The same for a network that is described by its graph. */
  public ModelInfo withGraph(Network network) {
    return new ModelInfo(
        model, input, classes, mean, std, pictureMean, metadata, network, resizing, task);
  }

  /** The same for pictures that are resized in another way. */
  public ModelInfo withResizing(Resizing other) {
    return new ModelInfo(
        model, input, classes, mean, std, pictureMean, metadata, graph, other, task);
  }

  /** The size that pictures are brought to, and how. */
  public PictureSize pictureSize() {
    return new PictureSize(input.height(), input.width(), resizing);
  }

  /**
   * The same description with these entries of your own.
   *
   * @throws IllegalArgumentException if a name is taken
   */
  public ModelInfo withMetadata(Map<String, String> entries) {
    return new ModelInfo(
        model, input, classes, mean, std, pictureMean, entries, graph, resizing, task);
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
    return new ModelInfo(
        model, input, classes, means, stds, ofPicture, metadata, graph, resizing, task);
  }

  /**
   * The network: the graph, or what the name stands for.
   *
   * @throws IllegalArgumentException if there is no graph and the name stands for no network
   */
  public Network network() {
    return graph == null ? NamedNetworks.of(model, input, classes.size()) : graph;
  }
}
