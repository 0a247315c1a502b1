package dev.nibble.kernels;

/** What a stage computes from its activation: the linear or pooling operator after BN and ReLU. */
public sealed interface Operator {
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

  /** Multiply-adds for one picture, forward. */
  default long multiplyAdds() {
    return output().values();
  }

  /**
   * k x k convolution, zero padding k/2; a dense layer is the 1x1 convolution of a 1x1 picture.
   * Weights lie as k x k x C_in x C_out (C_out varies fastest); output height is ceil(H / stride).
   *
   * @param input shape of the input
   * @param outChannels C_out
   * @param kernel k, odd
   * @param stride step in both directions
   * @param bias whether a bias a channel is added
   */
  record Convolution(FeatureMap input, int outChannels, int kernel, int stride, boolean bias)
      implements Operator {
    /** Checks the kernel's size and stride. */
    public Convolution {
      checkWindow(kernel, stride);
      if (outChannels < 1) {
        throw new IllegalArgumentException("A convolution needs at least one output channel");
      }
      if ((long) kernel * kernel * input.channels() > (1 << 28) / outChannels) {
        throw new IllegalArgumentException("A convolution's weights exceed 2^28 values");
      }
    }

    @Override
    public int outputHeight() {
      return strided(input.height(), stride);
    }

    @Override
    public int outputWidth() {
      return strided(input.width(), stride);
    }

    @Override
    public int outputChannels() {
      return outChannels;
    }

    @Override
    public int weights() {
      return kernel * kernel * input.channels() * outChannels;
    }

    @Override
    public long multiplyAdds() {
      return (long) output().pixels() * weights();
    }

    /** Zero padding on every side. */
    public int padding() {
      return kernel / 2;
    }
  }

  /**
   * k x k convolution of each channel by its own kernel, zero padding k/2. Weights lie as k x k x
   * C.
   *
   * @param input shape of the input
   * @param kernel k, odd
   * @param stride step in both directions
   */
  record DepthwiseConvolution(FeatureMap input, int kernel, int stride) implements Operator {
    /** Checks the kernel's size and stride. */
    public DepthwiseConvolution {
      checkWindow(kernel, stride);
    }

    @Override
    public int outputHeight() {
      return strided(input.height(), stride);
    }

    @Override
    public int outputWidth() {
      return strided(input.width(), stride);
    }

    @Override
    public int outputChannels() {
      return input.channels();
    }

    @Override
    public int weights() {
      return kernel * kernel * input.channels();
    }

    @Override
    public long multiplyAdds() {
      return (long) output().pixels() * weights();
    }

    /** Zero padding on every side. */
    public int padding() {
      return kernel / 2;
    }
  }

  /**
   * Maximum over k x k windows; the padding k/2 never wins; the first of equal values wins.
   *
   * @param input shape of the input
   * @param kernel k, 2 to 15
   * @param stride step in both directions
   */
  record MaxPooling(FeatureMap input, int kernel, int stride) implements Operator {
    /** Checks the window's size and stride. */
    public MaxPooling {
      if (kernel < 2 || kernel > 15 || stride < 1) {
        throw new IllegalArgumentException(
            "Max pooling needs a window of 2 to 15 and a positive stride, not "
                + (kernel + " and " + stride));
      }
      if (input.height() < kernel / 2 + 1 || input.width() < kernel / 2 + 1) {
        throw new IllegalArgumentException(
            "A window of " + kernel + " is too large for a picture of " + input);
      }
    }

    /** Padding on every side: k/2 for odd windows, none for even ones. */
    public int padding() {
      return kernel % 2 == 1 ? kernel / 2 : 0;
    }

    @Override
    public int outputHeight() {
      return (input.height() + 2 * padding() - kernel) / stride + 1;
    }

    @Override
    public int outputWidth() {
      return (input.width() + 2 * padding() - kernel) / stride + 1;
    }

    @Override
    public int outputChannels() {
      return input.channels();
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
      return strided(input.height(), stride);
    }

    @Override
    public int outputWidth() {
      return strided(input.width(), stride);
    }

    @Override
    public int outputChannels() {
      return outChannels;
    }
  }

  private static int strided(int size, int stride) {
    return (size - 1) / stride + 1;
  }

  private static void checkWindow(int kernel, int stride) {
    if (kernel < 1 || kernel % 2 == 0 || kernel > 255 || stride < 1) {
      throw new IllegalArgumentException(
          "A convolution needs an odd kernel size up to 255 and a positive stride, not "
              + (kernel + " and " + stride));
    }
  }
}
