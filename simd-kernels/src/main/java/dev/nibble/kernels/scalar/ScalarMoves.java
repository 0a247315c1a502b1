package dev.nibble.kernels.scalar;

import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Operator.ChannelShuffle;
import dev.nibble.kernels.Operator.Padding;

/** Operators that only move the values of a picture, forward and backward. */
final class ScalarMoves {
  private ScalarMoves() {}

  /** y[pixel,c] = a[pixel,source(c)]. */
  static void shuffle(ChannelShuffle op, float[] scratch, int actAt, int outAt) {
    int channels = op.outputChannels();
    for (int i = 0; i < op.input().values(); i += channels) {
      for (int c = 0; c < channels; c++) {
        scratch[outAt + i + c] = scratch[actAt + i + op.source(c)];
      }
    }
  }

  /** da[pixel,source(c)] = dy[pixel,c]. */
  static void shuffleBackward(ChannelShuffle op, float[] scratch, int dyAt, int daAt) {
    int channels = op.outputChannels();
    for (int i = 0; i < op.input().values(); i += channels) {
      for (int c = 0; c < channels; c++) {
        scratch[daAt + i + op.source(c)] = scratch[dyAt + i + c];
      }
    }
  }

  /** y[iy+top,ix+left,c+before] = a[iy,ix,c], where that lies in y; the rest is 0 already. */
  static void pad(Padding op, float[] scratch, int actAt, int outAt) {
    move(op, true, scratch, actAt, outAt);
  }

  /** da[iy,ix,c] = dy[iy+top,ix+left,c+before], where that lies in y; the rest is 0 already. */
  static void padBackward(Padding op, float[] scratch, int dyAt, int daAt) {
    move(op, false, scratch, daAt, dyAt);
  }

  private static void move(Padding op, boolean forward, float[] scratch, int inAt, int outAt) {
    FeatureMap in = op.input();
    int width = op.outputWidth();
    int channels = op.outputChannels();
    int first = Math.max(0, -op.before());
    int count = Math.min(in.channels(), channels - op.before()) - first;
    for (int iy = 0; iy < in.height(); iy++) {
      int oy = iy + op.top();
      for (int ix = 0; ix < in.width(); ix++) {
        int ox = ix + op.left();
        if (oy < 0 || oy >= op.outputHeight() || ox < 0 || ox >= width) {
          continue;
        }
        int a = inAt + (iy * in.width() + ix) * in.channels() + first;
        int o = outAt + (oy * width + ox) * channels + first + op.before();
        System.arraycopy(scratch, forward ? a : o, scratch, forward ? o : a, count);
      }
    }
  }
}
