package dev.nibble.kernels.vector;

import dev.nibble.kernels.Operator.Convolution;

/**
 * How a convolution's weights are cut where their gradient has a pass of its own: into blocks of
 * input and output channels whose sums stay in a core's cache.
 */
final class WeightParts {
  /** Floats that a block's sums may take. */
  private static final int SUMS = 80 << 10;

  /** The same of Winograd's sums, which are four times as many for as many products. */
  private static final int WINOGRAD_SUMS = 150 << 10;

  /** Channels that a block is a multiple of, for vectors of any width. */
  private static final int UNIT = 16;

  private WeightParts() {}

  /** Input and output channels of a block, packed in one number: in * 2^32 + out. */
  private static long block(Convolution conv, Algorithms algorithms, int parts) {
    int in = conv.input().channels();
    int out = conv.outChannels();
    while (count(conv, in, out) < parts || !fits(conv, algorithms, in, out)) {
      if (in <= UNIT && out <= UNIT) {
        break;
      }
      if ((in > out && in > UNIT) || out <= UNIT) {
        in = half(in);
      } else {
        out = half(out);
      }
    }
    return ((long) in << 32) + out;
  }

  private static int half(int channels) {
    return ((channels + 1) / 2 + UNIT - 1) / UNIT * UNIT;
  }

  private static int count(Convolution conv, int in, int out) {
    return Math.ceilDiv(conv.input().channels(), in) * Math.ceilDiv(conv.outChannels(), out);
  }

  private static boolean fits(Convolution conv, Algorithms algorithms, int in, int out) {
    if (algorithms.backwardWeights(conv, in, out, true)) {
      return (long) WinogradProduct.POINTS * in * out <= WINOGRAD_SUMS;
    }
    return (long) conv.window().kernelHeight() * conv.window().kernelHeight() * in * out <= SUMS;
  }

  /** Input channels of a block. */
  static int inBlock(Convolution conv, Algorithms algorithms, int parts) {
    return (int) (block(conv, algorithms, parts) >> 32);
  }

  /** Output channels of a block. */
  static int outBlock(Convolution conv, Algorithms algorithms, int parts) {
    return (int) block(conv, algorithms, parts);
  }

  /** Blocks. */
  static int count(Convolution conv, Algorithms algorithms, int parts) {
    long block = block(conv, algorithms, parts);
    return count(conv, (int) (block >> 32), (int) block);
  }
}
