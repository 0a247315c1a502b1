package dev.nibble.kernels;

/**
 * Group norm, and of its kind layer and instance norm: every picture is normalised by itself, with
 * a scale and a shift a channel, {@code y = gamma * (a - mean) / sqrt(variance + epsilon) + beta}.
 * Group norm's values share a mean and a variance with all pixels of their group of neighbouring
 * channels (as many groups as channels: instance norm), layer norm's with the channels of their
 * pixel.
 *
 * <p>Weights are gamma, C floats; the bias is beta. For the backward pass {@link #savedBytes} are
 * kept, mean and 1 / deviation of every set of values that share them, in fp32 as the forward pass
 * computed them, and the operator's input as its activation stores it. So of the input's gradient
 * all is exact but for the term through the variance, and beta's gradient is exact; that term and
 * gamma's gradient read the input's codes. Running averages there are none: training and inference
 * are the same.
 *
 * <p>Global response norm is of the kind, too: a channel's response is the length of the vector of
 * its pixels, and {@code y = gamma * a * response / (mean + epsilon) + beta}, with the mean of all
 * channels' responses. A channel is a set; kept are its response and what its values are multiplied
 * by. The length of a vector of zeros has the gradient 0.
 *
 * @param input shape of the input
 * @param groups groups of channels; 1 if byPixel
 * @param byPixel whether values share their mean with those of their own pixel only
 * @param byResponse whether it is global response norm; groups are the channels then
 * @param epsilon added to the variance, or to the mean response, above 0
 * @param affine whether there are scale and shift
 */
public record GroupNorm(
    FeatureMap input,
    int groups,
    boolean byPixel,
    boolean byResponse,
    float epsilon,
    boolean affine)
    implements Operator {
  /** Checks that the groups divide the channels. */
  public GroupNorm {
    if (groups < 1 || input.channels() % groups != 0) {
      throw new IllegalArgumentException(
          groups + " groups do not divide " + input.channels() + " channels");
    }
    if (byPixel && groups > 1) {
      throw new IllegalArgumentException(
          "A pixel's channels are normalised together, not in groups");
    }
    if (byResponse && (byPixel || groups != input.channels())) {
      throw new IllegalArgumentException(
          "A global response norm has a response for each channel of all pixels");
    }
    if (!(epsilon > 0) || Float.isInfinite(epsilon)) {
      throw new IllegalArgumentException(
          "A group norm's epsilon must be a number above 0, not " + epsilon);
    }
  }

  /** Layer, group or instance norm. */
  public GroupNorm(FeatureMap input, int groups, boolean byPixel, float epsilon, boolean affine) {
    this(input, groups, byPixel, false, epsilon, affine);
  }

  /** Global response norm, with or without scale and shift. */
  public static GroupNorm byResponse(FeatureMap input, float epsilon, boolean affine) {
    return new GroupNorm(input, input.channels(), false, true, epsilon, affine);
  }

  /** Layer norm over each pixel's channels, with scale and shift. */
  public static GroupNorm byPixel(FeatureMap input, float epsilon) {
    return new GroupNorm(input, 1, true, epsilon, true);
  }

  /** Group norm with scale and shift. */
  public static GroupNorm of(FeatureMap input, int groups, float epsilon) {
    return new GroupNorm(input, groups, false, epsilon, true);
  }

  /** Sets of a picture's values that share a mean and a variance. */
  public int sets() {
    return byPixel ? input.pixels() : groups;
  }

  /** Values of a set. */
  public int setValues() {
    return byPixel ? input.channels() : input.pixels() * (input.channels() / groups);
  }

  /** The set of a pixel's channel. */
  public int set(int pixel, int channel) {
    return byPixel ? pixel : channel / (input.channels() / groups);
  }

  @Override
  public int outputHeight() {
    return input.height();
  }

  @Override
  public int outputWidth() {
    return input.width();
  }

  @Override
  public int outputChannels() {
    return input.channels();
  }

  @Override
  public int weights() {
    return affine ? input.channels() : 0;
  }

  @Override
  public boolean bias() {
    return affine;
  }

  @Override
  public boolean needsInputValues() {
    return true;
  }

  /** Two floats a set: mean, and 1 / sqrt(variance + epsilon); or response, and factor. */
  @Override
  public long savedBytes() {
    return 8L * sets();
  }
}
