package dev.nibble.kernels.scalar;

import dev.nibble.kernels.ChannelTable;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.GradientTerm;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** The terms of a gradient, added up for one picture. */
final class ScalarGradient {
  private ScalarGradient() {}

  static void addAll(List<GradientTerm> terms, int picture, float[] scratch, int at) {
    // By index: a list's iterator would be an allocation in the training step.
    for (int i = 0; i < terms.size(); i++) {
      switch (terms.get(i)) {
        case GradientTerm.Shortcut s ->
            ScalarResample.backward(s.transform(), s.gradient(), picture, scratch, at);
        case GradientTerm.Normalized n -> addNormalized(n, picture, scratch, at);
      }
    }
  }

  /** dx = d * DX_SCALE - DX_MEAN - hat~ * DX_HAT. */
  private static void addNormalized(
      GradientTerm.Normalized term, int picture, float[] scratch, int at) {
    FeatureMap map = term.map();
    MemorySegment table = term.table();
    int channels = map.channels();
    long first = (long) picture * map.values();
    for (int c = 0; c < channels; c++) {
      float scale = Floats.coefficient(table, ChannelTable.DX_SCALE, channels, c);
      float mean = Floats.coefficient(table, ChannelTable.DX_MEAN, channels, c);
      float slope = Floats.coefficient(table, ChannelTable.DX_HAT, channels, c);
      for (int pixel = 0; pixel < map.pixels(); pixel++) {
        int i = pixel * channels + c;
        float d = Floats.get(term.gradient(), first + i);
        float hat = Codes.hat(term.format(), map, term.store(), table, picture, pixel, c);
        scratch[at + i] += d * scale - mean - hat * slope;
      }
    }
  }
}
