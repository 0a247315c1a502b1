package dev.nibble.engine.model;

import java.util.Arrays;
import java.util.Locale;
import java.util.StringJoiner;

/**
 * How pictures of values 0..1 are normalised before a network sees them.
 *
 * @param mean what is subtracted, a value a channel
 * @param std what they are divided by then, a value a channel
 * @param ofPicture whether each picture's own mean is subtracted instead of {@code mean}
 * @param origin where these figures are from, as a clause for people
 */
@SuppressWarnings("ArrayRecordComponent") // copied in and out; nobody compares such records
public record Normalization(float[] mean, float[] std, boolean ofPicture, String origin) {
  /** Copies the arrays. */
  public Normalization {
    mean = mean.clone();
    std = std.clone();
  }

  /** What torchvision's and most of timm's networks were trained with: ImageNet's figures. */
  public static Normalization imageNet(String origin) {
    return new Normalization(
        new float[] {0.485f, 0.456f, 0.406f}, new float[] {0.229f, 0.224f, 0.225f}, false, origin);
  }

  /** Of a network that normalises pictures itself, which come as values 0..1 or 0..{@code most}. */
  public static Normalization none(int channels, float most, String origin) {
    float[] mean = new float[channels];
    float[] std = new float[channels];
    Arrays.fill(std, 1 / most);
    return new Normalization(mean, std, false, origin);
  }

  @Override
  public float[] mean() {
    return mean.clone();
  }

  @Override
  public float[] std() {
    return std.clone();
  }

  /** The figures, for people. */
  public String figures() {
    return "%s, std %s"
        .formatted(ofPicture ? "each picture's mean" : "mean " + list(mean), list(std));
  }

  private static String list(float[] values) {
    StringJoiner text = new StringJoiner(",");
    for (float value : values) {
      String digits = String.format(Locale.ROOT, "%.4f", value);
      text.add(digits.replaceFirst("0+$", "").replaceFirst("\\.$", ""));
    }
    return text.toString();
  }
}
