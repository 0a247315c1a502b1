package dev.nibble.engine.data;

/** How training pictures are varied from epoch to epoch. */
public enum Augmentation {
  /** Pictures as they are. */
  NONE,
  /** Padded by 4 pixels, cropped to the old size at a random place and mirrored at random. */
  CROP_FLIP,
  /**
   * A random part of the picture, 8 to 100 % of its area and between 3:4 and 4:3, scaled to the
   * data set's size and mirrored at random: as large pictures are trained on.
   */
  RANDOM_RESIZED_CROP
}
