package dev.nibble.engine.data.loading;

import dev.nibble.engine.data.random.SplitMix64;
import java.util.List;
import java.util.stream.Collectors;

/** Several augmentations, one after the other. */
final class SequenceAugmentation implements Augmentation {
  private final List<Augmentation> parts;
  private final Placement placement;

  SequenceAugmentation(List<Augmentation> parts) {
    if (parts.isEmpty()) {
      throw new IllegalArgumentException("A sequence of augmentations needs at least one");
    }
    this.parts = List.copyOf(parts);
    this.placement =
        parts.stream()
            .map(Augmentation::placement)
            .filter(p -> p != Placement.CENTRE)
            .findFirst()
            .orElse(Placement.CENTRE);
  }

  @Override
  public String name() {
    return parts.stream().map(Augmentation::name).collect(Collectors.joining(" + "));
  }

  @Override
  public Placement placement() {
    return placement;
  }

  @Override
  public boolean changesPixels() {
    return parts.stream().anyMatch(Augmentation::changesPixels);
  }

  @Override
  public void change(byte[] pixels, int height, int width, int channels, long key) {
    for (int i = 0; i < parts.size(); i++) {
      parts.get(i).change(pixels, height, width, channels, SplitMix64.key(key, i));
    }
  }

  @Override
  public String toString() {
    return name();
  }
}
