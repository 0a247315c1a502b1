package dev.nibble.engine.data.loading;

/**
 * How training pictures are varied from epoch to epoch: where a picture is cut out, then what is
 * done to its pixels. Implement it for changes of your own; {@link Augmentations} has usual ones,
 * to be put behind one another.
 *
 * <p>What is drawn depends on the key alone, which each picture has anew in each epoch: so a
 * resumed run sees what an uninterrupted one sees. Any thread may call it.
 */
public interface Augmentation {
  /** Pictures as they are. */
  Augmentation NONE = new PlacedAugmentation("NONE", Placement.CENTRE);

  /** Padded by 4 pixels, cropped to the old size at a random place and mirrored at random. */
  Augmentation CROP_FLIP = new PlacedAugmentation("CROP_FLIP", Placement.CROP_FLIP);

  /**
   * A random part of the picture, 8 to 100 % of its area and between 3:4 and 4:3, scaled to the
   * data set's size and mirrored at random: as large pictures are trained on.
   */
  Augmentation RANDOM_RESIZED_CROP =
      new PlacedAugmentation("RANDOM_RESIZED_CROP", Placement.RANDOM_RESIZED_CROP);

  /** Where a picture is cut out. */
  enum Placement {
    /** The whole picture. */
    CENTRE,
    /** As {@link #CROP_FLIP} says. */
    CROP_FLIP,
    /** As {@link #RANDOM_RESIZED_CROP} says. */
    RANDOM_RESIZED_CROP
  }

  /**
   * What it is called, constants among it: a run is resumed only with the same name. One word or
   * more, without commas.
   */
  String name();

  /** Where pictures are cut out, before their pixels are changed. */
  Placement placement();

  /** Whether {@link #change} does anything. */
  boolean changesPixels();

  /**
   * Changes a picture in place.
   *
   * @param pixels height x width x channels bytes of 0..255, channels fastest
   * @param channels 3 (red, green, blue) or 1 (grey)
   * @param key what is drawn from
   */
  void change(byte[] pixels, int height, int width, int channels, long key);
}
