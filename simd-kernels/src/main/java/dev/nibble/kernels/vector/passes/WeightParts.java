package dev.nibble.kernels.vector.passes;

import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.vector.convolution.ConvolutionBackwardWeights;
import dev.nibble.kernels.vector.convolution.Depthwise;
import dev.nibble.kernels.vector.winograd.WinogradProduct;

/**
 * How a convolution's weights are cut where their gradient has a pass of its own: into blocks of
 * input and output channels whose sums stay in a core's cache.
 */
final class WeightParts {
  /** Floats that a block's sums may take. */
  private static final int SUMS = 80 << 10;

  /** The same of Winograd's sums, which are four times as many for as many products. */
  private static final int WINOGRAD_SUMS = 150 << 10;

  /** Channels of a block of groups, on either side. */
  private static final int GROUPED_CHANNELS = 128;

  /** Channels that a block is a multiple of, for vectors of any width. */
  private static final int UNIT = 16;

  private WeightParts() {}

  /** Input and output channels of a block, packed in one number: in * 2^32 + out. */
  private static long block(Convolution conv, Algorithms algorithms, int parts) {
    if (conv.groups() > 1) {
      long groups = groups(conv, parts);
      return ((groups * conv.groupInputs()) << 32) + groups * conv.groupOutputs();
    }
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

  /** Groups of a block: whole units of them, or vectors of a depthwise convolution's channels. */
  private static int groups(Convolution conv, int parts) {
    int unit = conv.isDepthwise() ? UNIT : ConvolutionBackwardWeights.unit(conv);
    int widest = Math.max(conv.groupInputs(), conv.groupOutputs());
    int groups = conv.groups();
    while (groups > unit
        && (Math.ceilDiv(conv.groups(), groups) < parts
            || groups * widest > GROUPED_CHANNELS
            || sums(conv, groups) > SUMS)) {
      groups = Math.ceilDiv(Math.ceilDiv(groups, 2), unit) * unit;
    }
    return groups;
  }

  private static long sums(Convolution conv, int groups) {
    return conv.isDepthwise()
        ? Depthwise.gradientFloats(conv, groups)
        : ConvolutionBackwardWeights.floats(
            conv, groups * conv.groupInputs(), groups * conv.groupOutputs());
  }

  private static int half(int channels) {
    return ((channels + 1) / 2 + UNIT - 1) / UNIT * UNIT;
  }

  private static int count(Convolution conv, int in, int out) {
    if (conv.groups() > 1) {
      return Math.ceilDiv(conv.input().channels(), in);
    }
    return Math.ceilDiv(conv.input().channels(), in) * Math.ceilDiv(conv.outChannels(), out);
  }

  private static boolean fits(Convolution conv, Algorithms algorithms, int in, int out) {
    if (algorithms.backwardWeights(conv, in, out, true)) {
      return (long) WinogradProduct.POINTS * in * out <= WINOGRAD_SUMS;
    }
    return (long) conv.window().taps() * in * out <= SUMS;
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
