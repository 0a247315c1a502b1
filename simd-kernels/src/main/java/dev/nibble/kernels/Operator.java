package dev.nibble.kernels;

import org.jspecify.annotations.Nullable;

/**
 * What a stage computes from its activation: {@code y = operator(activation(x)) + bias + residual}.
 * Operators with a {@link Window} share its rules; those that move values only have neither weights
 * nor a window.
 */
public sealed interface Operator
    permits Operator.Convolution,
        Operator.MaxPooling,
        Operator.AveragePooling,
        Operator.GlobalAveragePooling,
        Operator.Resample,
        Operator.Multiply,
        Operator.Dropout,
        Operator.ChannelShuffle,
        Operator.Padding,
        Sampling,
        GroupNorm {
  /** Shape of one picture going in. */
  FeatureMap input();

  /** Rows of one picture coming out. */
  int outputHeight();

  /** Columns of one picture coming out. */
  int outputWidth();

  /** Channels of one picture coming out. */
  int outputChannels();

  /** Shape of one picture coming out, a new object: kernels ask for its numbers instead. */
  default FeatureMap output() {
    return new FeatureMap(outputHeight(), outputWidth(), outputChannels());
  }

  /** Number of weights, without a bias; 0 for operators without parameters. */
  default int weights() {
    return 0;
  }

  /** Whether a bias a channel is added. */
  default boolean bias() {
    return false;
  }

  /** Whether the backward pass through the operator needs its input's values. */
  default boolean needsInputValues() {
    return weights() > 0;
  }

  /**
   * Bytes a picture that the forward pass of training saves for the backward pass, beside the
   * input's copy: the places of maxima, or moments; else 0.
   */
  default long savedBytes() {
    return 0;
  }

  /** Shape of the second tensor that it reads, in fp32, or null. */
  default @Nullable FeatureMap factor() {
    return null;
  }

  /** Multiply-adds for one picture, forward. */
  default long multiplyAdds() {
    return output().values();
  }

  /**
   * Convolution of any window, with zero padding; a dense layer is one whose window is the whole
   * picture. The input's channels fall into groups of neighbours, and so do the output's: a group
   * of the output sees the same group of the input. Weights lie as kernelHeight x kernelWidth x
   * (C_in / groups) x C_out (C_out varies fastest).
   *
   * @param input shape of the input
   * @param outChannels C_out
   * @param window taps, strides, padding, dilation
   * @param groups groups of channels; as many as C_in for a depthwise convolution
   * @param bias whether a bias a channel is added
   */
  record Convolution(FeatureMap input, int outChannels, Window window, int groups, boolean bias)
      implements Operator {
    /** Checks that the window fits the picture and the groups divide the channels. */
    public Convolution {
      if (outChannels < 1) {
        throw new IllegalArgumentException("A convolution needs at least one output channel");
      }
      if (groups < 1 || input.channels() % groups != 0 || outChannels % groups != 0) {
        throw new IllegalArgumentException(
            "%d groups do not divide a convolution's %d and %d channels"
                .formatted(groups, input.channels(), outChannels));
      }
      long rows = (long) window.taps() * (input.channels() / groups);
      if (rows > (1 << 28) / outChannels) {
        throw new IllegalArgumentException("A convolution's weights exceed 2^28 values");
      }
      checkRoom(input, window, false, "convolution");
    }

    /** A k x k convolution padded by k/2, k odd; output height is ceil(H / stride). */
    public Convolution(FeatureMap input, int outChannels, int kernel, int stride, boolean bias) {
      this(input, outChannels, odd(kernel, stride), 1, bias);
    }

    /** A convolution of each channel by its own k x k kernel, padded by k/2, k odd, no bias. */
    public static Convolution depthwise(FeatureMap input, int kernel, int stride) {
      return new Convolution(input, input.channels(), odd(kernel, stride), input.channels(), false);
    }

    private static Window odd(int kernel, int stride) {
      if (kernel < 1 || kernel % 2 == 0) {
        throw new IllegalArgumentException(
            "A kernel that keeps a picture's size is odd, not " + kernel + "; give a window");
      }
      return Window.square(kernel, stride);
    }

    @Override
    public int outputHeight() {
      return window.outputHeight(input.height(), false);
    }

    @Override
    public int outputWidth() {
      return window.outputWidth(input.width(), false);
    }

    @Override
    public int outputChannels() {
      return outChannels;
    }

    @Override
    public int weights() {
      return window.taps() * (input.channels() / groups) * outChannels;
    }

    @Override
    public long multiplyAdds() {
      return (long) outputHeight() * outputWidth() * weights();
    }

    /** Input channels of a group. */
    public int groupInputs() {
      return input.channels() / groups;
    }

    /** Output channels of a group. */
    public int groupOutputs() {
      return outChannels / groups;
    }

    /** Whether each channel has one kernel of its own. */
    public boolean isDepthwise() {
      return groups > 1 && groups == input.channels() && groups == outChannels;
    }

    /** Whether pixels map one to one and every output sees every input. */
    public boolean isDense() {
      return groups == 1 && window.isPointwise();
    }
  }

  /**
   * Maximum over windows; the padding never wins, the first of equal values does, and what is not a
   * number does over all.
   *
   * @param input shape of the input
   * @param window taps, strides, padding, dilation
   * @param ceil whether a last window that is not complete counts
   */
  record MaxPooling(FeatureMap input, Window window, boolean ceil) implements Operator {
    /** Checks that every window meets the picture. */
    public MaxPooling {
      checkRoom(input, window, ceil, "max pooling");
      checkInside(input, window, ceil);
    }

    /** A k x k window, k at least 2, padded by k/2 if k is odd and not if it is even. */
    public MaxPooling(FeatureMap input, int kernel, int stride) {
      this(input, Window.square(kernel, stride, kernel % 2 == 1 ? kernel / 2 : 0), false);
    }

    /** The maximum of all pixels. */
    public static MaxPooling global(FeatureMap input) {
      return new MaxPooling(input, Window.whole(input), false);
    }

    @Override
    public int outputHeight() {
      return window.outputHeight(input.height(), ceil);
    }

    @Override
    public int outputWidth() {
      return window.outputWidth(input.width(), ceil);
    }

    @Override
    public int outputChannels() {
      return input.channels();
    }

    /** Bytes of a maximum's place: one for a window of up to 256 taps, four for any other. */
    public int placeBytes() {
      return window.taps() <= 256 ? 1 : 4;
    }

    @Override
    public long savedBytes() {
      return (long) outputHeight() * outputWidth() * outputChannels() * placeBytes();
    }
  }

  /**
   * Mean over windows.
   *
   * @param input shape of the input
   * @param window taps, strides, padding, dilation
   * @param ceil whether a last window that is not complete counts; what of it lies beyond the
   *     padding does not
   * @param countPadding whether padding counts as zeros, or the mean is that of the picture's
   *     pixels
   */
  record AveragePooling(FeatureMap input, Window window, boolean ceil, boolean countPadding)
      implements Operator {
    /** Checks that every window meets the picture. */
    public AveragePooling {
      checkRoom(input, window, ceil, "average pooling");
      checkInside(input, window, ceil);
    }

    @Override
    public int outputHeight() {
      return window.outputHeight(input.height(), ceil);
    }

    @Override
    public int outputWidth() {
      return window.outputWidth(input.width(), ceil);
    }

    @Override
    public int outputChannels() {
      return input.channels();
    }

    /** What the sum of output row {@code oy}'s and column {@code ox}'s window is multiplied by. */
    public float share(int oy, int ox) {
      int rows =
          counted(
              oy * window.strideHeight() - window.padTop(),
              window.kernelHeight(),
              window.dilationHeight(),
              countPadding ? -window.padTop() : 0,
              input.height() + (countPadding ? window.padBottom() : 0));
      int columns =
          counted(
              ox * window.strideWidth() - window.padLeft(),
              window.kernelWidth(),
              window.dilationWidth(),
              countPadding ? -window.padLeft() : 0,
              input.width() + (countPadding ? window.padRight() : 0));
      return 1f / ((float) rows * columns);
    }
  }

  /**
   * Mean over all pixels: H x W x C to 1 x 1 x C.
   *
   * @param input shape of the input
   */
  record GlobalAveragePooling(FeatureMap input) implements Operator {
    @Override
    public int outputHeight() {
      return 1;
    }

    @Override
    public int outputWidth() {
      return 1;
    }

    @Override
    public int outputChannels() {
      return input.channels();
    }
  }

  /**
   * The parameter-free shortcut: average over stride x stride windows (a window at the edge
   * averages its valid pixels), then zero channels, half before (rounded down) and half behind.
   * With stride 1 and equal channels it is the identity.
   *
   * @param input shape of the input
   * @param stride window and step
   * @param outChannels channels after padding, at least the input's
   */
  record Resample(FeatureMap input, int stride, int outChannels) implements Operator {
    /** Checks stride and channels. */
    public Resample {
      if (stride < 1 || outChannels < input.channels()) {
        throw new IllegalArgumentException(
            "A shortcut needs a positive stride and at least as many channels as its input ("
                + (input + "), not " + stride + " and " + outChannels));
      }
    }

    /** The identity on pictures of this shape. */
    public static Resample identity(FeatureMap map) {
      return new Resample(map, 1, map.channels());
    }

    /** Whether values pass unchanged. */
    public boolean isIdentity() {
      return stride == 1 && outChannels == input.channels();
    }

    /** Zero channels before the input's own. */
    public int channelOffset() {
      return (outChannels - input.channels()) / 2;
    }

    @Override
    public int outputHeight() {
      return (input.height() - 1) / stride + 1;
    }

    @Override
    public int outputWidth() {
      return (input.width() - 1) / stride + 1;
    }

    @Override
    public int outputChannels() {
      return outChannels;
    }
  }

  /**
   * Product with a second tensor, value by value, or of every pixel with the same channels, as
   * squeeze-and-excitation has it.
   *
   * @param input shape of the input
   * @param factor shape of the second tensor: the input's, or 1 x 1 x C
   */
  record Multiply(FeatureMap input, FeatureMap factor) implements Operator {
    /** Checks the second tensor's shape. */
    public Multiply {
      boolean fits = factor.pixels() == 1 || factor.equals(input);
      if (!fits || factor.channels() != input.channels()) {
        throw new IllegalArgumentException(
            "A tensor of %s is multiplied by one of its shape, or of 1x1x%d, not of %s"
                .formatted(input, input.channels(), factor));
      }
    }

    /** Whether every pixel is multiplied by the same channels. */
    public boolean isByChannel() {
      return factor.pixels() == 1;
    }

    @Override
    public int outputHeight() {
      return input.height();
    }

    @Override
    public int outputWidth() {
      return input.width();
    }

    @Override
    public int outputChannels() {
      return input.channels();
    }

    @Override
    public boolean needsInputValues() {
      return true;
    }
  }

  /**
   * Zeros in place of values that are drawn anew in each step, the others divided by the chance
   * that they stay ({@link Draw}).
   *
   * @param input shape of the input
   * @param rate chance of becoming 0, at least 0 and below 1
   * @param stream tells the draws of a network's layers from each other
   * @param byPicture whether pictures are kept or dropped as a whole: stochastic depth
   */
  record Dropout(FeatureMap input, float rate, int stream, boolean byPicture) implements Operator {
    /** Checks the rate. */
    public Dropout {
      if (!(rate >= 0 && rate < 1)) {
        throw new IllegalArgumentException(
            "A dropout's rate is at least 0 and below 1, not " + rate);
      }
    }

    @Override
    public int outputHeight() {
      return input.height();
    }

    @Override
    public int outputWidth() {
      return input.width();
    }

    @Override
    public int outputChannels() {
      return input.channels();
    }
  }

  /**
   * Channels as a groups x (C / groups) matrix, transposed: output channel {@code i * groups + j}
   * is input channel {@code j * (C / groups) + i}.
   *
   * @param input shape of the input
   * @param groups rows of the matrix
   */
  record ChannelShuffle(FeatureMap input, int groups) implements Operator {
    /** Checks that the groups divide the channels. */
    public ChannelShuffle {
      if (groups < 1 || input.channels() % groups != 0) {
        throw new IllegalArgumentException(
            groups + " groups do not divide " + input.channels() + " channels");
      }
    }

    /** The input channel that an output channel comes from. */
    public int source(int channel) {
      return channel % groups * (input.channels() / groups) + channel / groups;
    }

    @Override
    public int outputHeight() {
      return input.height();
    }

    @Override
    public int outputWidth() {
      return input.width();
    }

    @Override
    public int outputChannels() {
      return input.channels();
    }
  }

  /**
   * Zeros around a picture, in its pixels and channels. A negative number cuts as many off instead,
   * so that a slice of the channels is one of these, too.
   *
   * @param input shape of the input
   * @param top rows above
   * @param left columns to the left
   * @param bottom rows below
   * @param right columns to the right
   * @param before channels before the first
   * @param behind channels behind the last
   */
  record Padding(FeatureMap input, int top, int left, int bottom, int right, int before, int behind)
      implements Operator {
    /** Checks that something of the picture is left. */
    public Padding {
      checkPadding(input.height(), top, bottom, "rows");
      checkPadding(input.width(), left, right, "columns");
      checkPadding(input.channels(), before, behind, "channels");
    }

    /** Channels {@code [from, to)} of a picture. */
    public static Padding slice(FeatureMap input, int from, int to) {
      return new Padding(input, 0, 0, 0, 0, -from, to - input.channels());
    }

    private static void checkPadding(int size, int before, int after, String what) {
      boolean outside = Math.abs((long) before) > 1 << 28 || Math.abs((long) after) > 1 << 28;
      if (outside || before <= -size || after <= -size || size + before + after < 1) {
        throw new IllegalArgumentException(
            "Padding by %d and %d leaves nothing of %d %s, or too many of them"
                .formatted(before, after, size, what));
      }
    }

    @Override
    public int outputHeight() {
      return input.height() + top + bottom;
    }

    @Override
    public int outputWidth() {
      return input.width() + left + right;
    }

    @Override
    public int outputChannels() {
      return input.channels() + before + behind;
    }
  }

  private static void checkRoom(FeatureMap input, Window window, boolean ceil, String what) {
    if (window.outputHeight(input.height(), ceil) < 1
        || window.outputWidth(input.width(), ceil) < 1) {
      throw new IllegalArgumentException(
          "A %s's window of %dx%d is larger than a picture of %s with its padding"
              .formatted(what, window.reachHeight(), window.reachWidth(), input));
    }
    // Refuses an output that is too large.
    new FeatureMap(
        window.outputHeight(input.height(), ceil), window.outputWidth(input.width(), ceil), 1);
  }

  /** Refuses a window that lies in the padding as a whole: it has neither maximum nor mean. */
  private static void checkInside(FeatureMap input, Window window, boolean ceil) {
    boolean empty = false;
    for (int oy = 0; oy < window.outputHeight(input.height(), ceil); oy++) {
      int first = oy * window.strideHeight() - window.padTop();
      empty |=
          counted(first, window.kernelHeight(), window.dilationHeight(), 0, input.height()) == 0;
    }
    for (int ox = 0; ox < window.outputWidth(input.width(), ceil); ox++) {
      int first = ox * window.strideWidth() - window.padLeft();
      empty |= counted(first, window.kernelWidth(), window.dilationWidth(), 0, input.width()) == 0;
    }
    if (empty) {
      throw new IllegalArgumentException(
          "A pooling window of %dx%d would see padding only; pad by less than the window"
              .formatted(window.kernelHeight(), window.kernelWidth()));
    }
  }

  /** Taps at first, first + dilation, ... that lie in [from, end). */
  private static int counted(int first, int taps, int dilation, int from, int end) {
    int skipped = first >= from ? 0 : Math.ceilDiv(from - first, dilation);
    int reached = first >= end ? 0 : (end - 1 - first) / dilation + 1;
    return Math.max(0, Math.min(taps, reached) - skipped);
  }
}
