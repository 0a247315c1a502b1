package dev.nibble.engine.data.loading;

import dev.nibble.engine.data.random.SplitMix64;
import java.util.List;
import java.util.Locale;

/** Usual changes of training pictures, and augmentations made of several. */
public final class Augmentations {
  private Augmentations() {}

  /**
   * One after the other: the first that places pictures places them, then each changes the pixels.
   *
   * @param parts at least one
   */
  public static Augmentation sequence(List<Augmentation> parts) {
    return new SequenceAugmentation(parts);
  }

  /**
   * Brightness, contrast and saturation by factors drawn from 1 - strength to 1 + strength each, as
   * torchvision's ColorJitter in that order. Grey pictures have no saturation.
   *
   * @param strength above 0, at most 1
   */
  public static Augmentation colorJitter(double strength) {
    check("the strength of colour jitter", strength);
    return new PixelAugmentation(
        name("COLOR_JITTER", strength),
        (picture, key) -> {
          picture.brightness(factor(strength, key, 0));
          picture.contrast(factor(strength, key, 1));
          picture.saturation(factor(strength, key, 2));
        });
  }

  /**
   * One change drawn from fourteen, with a strength drawn, too. Source: Müller and Hutter 2021,
   * "TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation", wide ranges.
   */
  public static Augmentation trivialAugment() {
    return new PixelAugmentation("TRIVIAL_AUGMENT", TrivialAugment::apply);
  }

  /**
   * A rectangle of 2 to 33 % of the area, its sides 0.3 to 3.3 to each other, filled with the
   * picture's mean. Source: Zhong et al. 2017, "Random Erasing Data Augmentation".
   *
   * @param probability that a picture is changed at all, above 0, at most 1
   */
  public static Augmentation randomErasing(double probability) {
    check("the probability of random erasing", probability);
    return new PixelAugmentation(
        name("RANDOM_ERASING", probability),
        (picture, key) -> {
          if (unit(key, 0) < probability) {
            RandomErasing.apply(picture, key);
          }
        });
  }

  private static String name(String name, double constant) {
    return String.format(Locale.ROOT, "%s %s", name, constant);
  }

  private static void check(String what, double value) {
    if (!(value > 0 && value <= 1)) {
      throw new IllegalArgumentException(
          what + " is " + value + ", give a number above 0, at most 1");
    }
  }

  /** A number of [0, 1), the {@code draw}-th of the key. */
  static double unit(long key, int draw) {
    return SplitMix64.unit(SplitMix64.at(key, draw));
  }

  private static double factor(double strength, long key, int draw) {
    return 1 + strength * (2 * unit(key, draw) - 1);
  }

  /** Changes pixels and places nothing. */
  private record PixelAugmentation(String name, PixelChange how) implements Augmentation {
    @Override
    public Placement placement() {
      return Placement.CENTRE;
    }

    @Override
    public boolean changesPixels() {
      return true;
    }

    @Override
    public void change(byte[] pixels, int height, int width, int channels, long key) {
      how.apply(new Pixels(pixels, height, width, channels), key);
    }

    @Override
    public String toString() {
      return name;
    }
  }

  /** What is done to a picture. */
  interface PixelChange {
    void apply(Pixels picture, long key);
  }
}
