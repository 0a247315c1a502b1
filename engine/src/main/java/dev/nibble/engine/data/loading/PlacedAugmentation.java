package dev.nibble.engine.data.loading;

/** An augmentation that leaves the pixels as they are. */
record PlacedAugmentation(String name, Placement placement) implements Augmentation {
  @Override
  public boolean changesPixels() {
    return false;
  }

  @Override
  public void change(byte[] pixels, int height, int width, int channels, long key) {
    // as they are
  }

  @Override
  public String toString() {
    return name;
  }
}
