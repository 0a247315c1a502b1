package dev.nibble.engine.model;

import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.ResNet;
import dev.nibble.kernels.FeatureMap;
import java.util.List;

/**
 * What must be known beside the weights to use a model.
 *
 * @param model name of a network of the residual family, such as {@code resnet20}
 * @param input shape of a picture
 * @param classes names of the classes, in the order of the logits
 * @param mean what is subtracted from a picture of values 0..1, a value a channel
 * @param std what it is divided by, a value a channel
 * @param pictureMean whether each picture's own mean is subtracted instead of {@code mean}
 */
@SuppressWarnings("ArrayRecordComponent") // copied in and out; nobody compares such records
public record ModelInfo(
    String model,
    FeatureMap input,
    List<String> classes,
    float[] mean,
    float[] std,
    boolean pictureMean) {
  /** Copies the arrays and checks their lengths. */
  public ModelInfo {
    classes = List.copyOf(classes);
    mean = mean.clone();
    std = std.clone();
    if (mean.length != input.channels() || std.length != input.channels()) {
      throw new IllegalArgumentException(
          "Mean and std need a value for each of the " + input.channels() + " channels");
    }
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
    return new ModelInfo(model, input, classes, means, stds, ofPicture);
  }

  /** The network that the name stands for. */
  public Network network() {
    return ResNet.of(model, input, classes.size());
  }
}
