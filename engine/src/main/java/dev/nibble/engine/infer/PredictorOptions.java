package dev.nibble.engine.infer;

import dev.nibble.engine.model.ModelInfo;
import org.jspecify.annotations.Nullable;

/**
 * How a predictor runs. Starts from {@link #defaults()}; the {@code with} methods return a copy.
 *
 * @param threads threads that compute at one time, callers among them, 1 to 1024; those without a
 *     picture of their own take part in another's where it has work enough, which changes no result
 * @param picturesAtOnce pictures that a thread takes through the whole network together, at most; 0
 *     chooses as many as keep their activations within a core's cache
 * @param mean what is subtracted from a picture of bytes, in units of 0..1, a value a channel; null
 *     for a predictor that reads normalised pictures only
 * @param std what it is divided by, a value a channel; null likewise
 * @param pictureMean whether each picture's own mean is subtracted instead of {@code mean}
 */
@SuppressWarnings("ArrayRecordComponent") // copied in and out; nobody compares such records
public record PredictorOptions(
    int threads,
    int picturesAtOnce,
    float @Nullable [] mean,
    float @Nullable [] std,
    boolean pictureMean) {

  /** Checks the numbers and copies the arrays. */
  public PredictorOptions {
    if (threads < 1 || threads > 1024) {
      throw new IllegalArgumentException("A predictor has 1 to 1024 threads, not " + threads);
    }
    if (picturesAtOnce < 0 || picturesAtOnce > Predictor.MOST_PICTURES) {
      throw new IllegalArgumentException(
          "A thread takes 1 to %d pictures at once (0 chooses), not %d"
              .formatted(Predictor.MOST_PICTURES, picturesAtOnce));
    }
    if ((mean == null) != (std == null)) {
      throw new IllegalArgumentException("Give both mean and std, or neither");
    }
    mean = mean == null ? null : mean.clone();
    std = std == null ? null : std.clone();
    checkNormalization(mean, std);
  }

  private static void checkNormalization(float @Nullable [] mean, float @Nullable [] std) {
    if (mean == null || std == null) {
      return;
    }
    if (mean.length != std.length) {
      throw new IllegalArgumentException(
          "Mean and std need as many values: one a channel, not %d and %d"
              .formatted(mean.length, std.length));
    }
    for (int c = 0; c < mean.length; c++) {
      if (!Float.isFinite(mean[c]) || !(std[c] > 0) || Float.isInfinite(std[c])) {
        throw new IllegalArgumentException("Mean must be finite and std positive and finite");
      }
    }
  }

  @Override
  public float @Nullable [] mean() {
    return mean == null ? null : mean.clone();
  }

  @Override
  public float @Nullable [] std() {
    return std == null ? null : std.clone();
  }

  /** Whether pictures of bytes can be normalised. */
  public boolean normalizes() {
    return mean != null;
  }

  /** As many threads as there are cores, and normalised pictures only. */
  public static PredictorOptions defaults() {
    return new PredictorOptions(
        Math.clamp(Runtime.getRuntime().availableProcessors(), 1, 1024), 0, null, null, false);
  }

  /** The same with another number of threads. */
  public PredictorOptions withThreads(int count) {
    return new PredictorOptions(count, picturesAtOnce, mean, std, pictureMean);
  }

  /** The same with another number of pictures that a thread takes together; 0 chooses. */
  public PredictorOptions withPicturesAtOnce(int count) {
    return new PredictorOptions(threads, count, mean, std, pictureMean);
  }

  /** The same for pictures of bytes, which become {@code (byte / 255 - mean) / std}. */
  public PredictorOptions withNormalization(float[] means, float[] stds, boolean ofPicture) {
    return new PredictorOptions(threads, picturesAtOnce, means, stds, ofPicture);
  }

  /** The same for pictures of bytes as a saved model was trained on them. */
  public PredictorOptions withNormalization(ModelInfo info) {
    return withNormalization(info.mean(), info.std(), info.pictureMean());
  }
}
