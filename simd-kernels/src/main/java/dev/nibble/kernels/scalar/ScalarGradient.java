package dev.nibble.kernels.scalar;

import dev.nibble.kernels.ChannelTable;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.GradientTerm;
import dev.nibble.kernels.Layout;
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
        case GradientTerm.Slice s -> addSlice(s, picture, scratch, at);
        case GradientTerm.Normalized n -> addNormalized(n, picture, scratch, at);
      }
    }
  }

  /** The slice's channels of the wider pixels. */
  private static void addSlice(GradientTerm.Slice term, int picture, float[] scratch, int at) {
    FeatureMap map = term.map();
    Layout layout = term.layout();
    for (int pixel = 0; pixel < map.pixels(); pixel++) {
      long from = ((long) picture * map.pixels() + pixel) * layout.pitch() + layout.offset();
      for (int c = 0; c < map.channels(); c++) {
        scratch[at + pixel * map.channels() + c] += Floats.get(term.gradient(), from + c);
      }
    }
  }

  /** dx = fma(d, DX_SCALE, fma(q, DX_CODE, DX_OFFSET)). */
  private static void addNormalized(
      GradientTerm.Normalized term, int picture, float[] scratch, int at) {
    FeatureMap map = term.map();
    MemorySegment table = term.table();
    int channels = map.channels();
    long first = (long) picture * map.values();
    for (int c = 0; c < channels; c++) {
      float scale = Floats.coefficient(table, ChannelTable.DX_SCALE, channels, c);
      float slope = Floats.coefficient(table, ChannelTable.DX_CODE, channels, c);
      float offset = Floats.coefficient(table, ChannelTable.DX_OFFSET, channels, c);
      for (int pixel = 0; pixel < map.pixels(); pixel++) {
        int i = pixel * channels + c;
        float d = Floats.get(term.gradient(), first + i);
        float q = Codes.stored(term.format(), map, term.store(), picture, pixel, c);
        scratch[at + i] += Math.fma(d, scale, Math.fma(q, slope, offset));
      }
    }
  }
}
