package dev.nibble.engine.data;

/** How training pictures are varied from epoch to epoch. */
public enum Augmentation {
  /** Pictures as they are. */
  NONE,
  /** Padded by 4 pixels, cropped to the old size at a random place and mirrored at random. */
  CROP_FLIP
}
