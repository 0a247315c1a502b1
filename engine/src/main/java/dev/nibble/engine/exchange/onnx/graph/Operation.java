package dev.nibble.engine.exchange.onnx.graph;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a node of a graph computes. */
public sealed interface Operation {
  /** The pictures. */
  record Input() implements Operation {}

  /**
   * Convolution with zero padding.
   *
   * @param window the kernel
   * @param groups parts of the channels that do not see each other
   * @param weight O,I/groups,H,W
   * @param bias O
   */
  record Convolution(Window window, int groups, Weight weight, @Nullable Weight bias)
      implements Operation {}

  /**
   * Dense layer.
   *
   * @param weight O,I
   * @param bias O
   */
  record Dense(Weight weight, @Nullable Weight bias) implements Operation {}

  /**
   * Batch normalisation, a value a channel each.
   *
   * @param scale gamma
   * @param shift beta
   * @param mean the running mean
   * @param variance the running variance
   * @param epsilon added to the variance
   * @param momentum share of the old running statistics in the new ones
   */
  record BatchNorm(
      Weight scale, Weight shift, Weight mean, Weight variance, float epsilon, float momentum)
      implements Operation {}

  /**
   * Group norm, and layer norm over channels: each picture by itself.
   *
   * @param groups of neighbouring channels that are normalised together
   * @param byPixel whether each pixel's channels are normalised by themselves
   * @param epsilon added to the variance
   * @param scale a value a channel; null where there is none
   * @param shift likewise
   */
  record GroupNorm(
      int groups, boolean byPixel, float epsilon, @Nullable Weight scale, @Nullable Weight shift)
      implements Operation {}

  /**
   * Layer norm over one axis that need not be the channels'; of use only where it is.
   *
   * @param axis counted from the front
   * @param epsilon added to the variance
   * @param scale a value for each index of the axis; null where there is none
   * @param shift likewise
   */
  record LayerNorm(int axis, float epsilon, @Nullable Weight scale, @Nullable Weight shift)
      implements Operation {}

  /**
   * Global response norm: each channel times the length of its pixels' vector over the mean length
   * of all channels.
   *
   * @param axis the channels', 1 or, of use only where these lie last, 3
   * @param epsilon added to the mean
   * @param scale a value a channel; null where there is none
   * @param shift likewise
   */
  record ResponseNorm(int axis, float epsilon, @Nullable Weight scale, @Nullable Weight shift)
      implements Operation {}

  /**
   * The length of the vector along axes that are kept with one index; of use only as a part of a
   * norm.
   *
   * @param axes in order
   */
  record LengthOver(List<Integer> axes) implements Operation {
    /** Copies the list. */
    public LengthOver {
      axes = List.copyOf(axes);
    }
  }

  /**
   * The mean over axes that are kept with one index; of use only as a part of a norm, or where they
   * are the pixels'.
   *
   * @param axes in order
   */
  record MeanOver(List<Integer> axes) implements Operation {
    /** Copies the list. */
    public MeanOver {
      axes = List.copyOf(axes);
    }
  }

  /** One tensor by another; of use only as a part of a norm. */
  record Divide() implements Operation {}

  /** Functions of one value. */
  enum Function {
    /** max(x, 0). */
    RELU,
    /** min(max(x, alpha), beta). */
    CLIP,
    /** x or, below 0, alpha x. */
    LEAKY_RELU,
    /** x or, below 0, slope x; a slope a channel. */
    PRELU,
    /** x or, below 0, alpha (e^x - 1). */
    ELU,
    /** 1 / (1 + e^-x). */
    SIGMOID,
    /** min(max(alpha x + beta, 0), 1). */
    HARD_SIGMOID,
    /** x sigmoid(x). */
    SILU,
    /** x min(max(x / 6 + 1/2, 0), 1). */
    HARD_SWISH,
    /** x tanh(log(1 + e^x)). */
    MISH,
    /** x times the normal distribution's integral up to x. */
    GELU,
    /** The same approximated by a hyperbolic tangent. */
    GELU_TANH,
    /** Hyperbolic tangent. */
    TANH
  }

  /**
   * A function of every value.
   *
   * @param function which
   * @param alpha its first number, where it has one
   * @param beta its second
   * @param slope of PReLU
   */
  record Activation(Function function, double alpha, double beta, @Nullable Weight slope)
      implements Operation {}

  /** The largest value of each window; padding never wins. */
  record MaxPool(Window window, boolean ceil) implements Operation {}

  /**
   * The mean of each window.
   *
   * @param window its size and padding
   * @param ceil whether windows that only begin within the map count
   * @param countPadding whether padding counts as zeros
   */
  record AveragePool(Window window, boolean ceil, boolean countPadding) implements Operation {}

  /** The mean of every channel. */
  record GlobalAverage() implements Operation {}

  /** The sum of two tensors, one repeated to the other's shape if need be. */
  record Add() implements Operation {}

  /** The product of two tensors, one repeated to the other's shape if need be. */
  record Multiply() implements Operation {}

  /** How a constant is joined to a tensor. */
  enum Arithmetic {
    /** x + c. */
    PLUS,
    /** x - c. */
    MINUS,
    /** c - x. */
    FROM,
    /** x c. */
    TIMES,
    /** x / c. */
    OVER,
    /** c / x. */
    INVERSE
  }

  /**
   * A tensor and a constant.
   *
   * @param arithmetic how they are joined
   * @param number the constant where it is one number, else NaN
   * @param constant the constant where it is a tensor of the file
   */
  record WithConstant(Arithmetic arithmetic, double number, @Nullable Weight constant)
      implements Operation {}

  /** Channels of several tensors one behind the other. */
  record Concatenate() implements Operation {}

  /**
   * Some of the channels.
   *
   * @param from the first
   * @param to the one behind the last
   */
  record ChannelSlice(int from, int to) implements Operation {}

  /** Channels as a groups x channels / groups matrix, transposed. */
  record ChannelShuffle(int groups) implements Operation {}

  /**
   * Zeros around.
   *
   * @param top rows above
   * @param left columns to the left
   * @param bottom rows below
   * @param right columns to the right
   * @param before channels before
   * @param after channels behind
   */
  record ZeroPad(int top, int left, int bottom, int right, int before, int after)
      implements Operation {}

  /** Values that are repeated to a larger shape; of use only where a product does so anyway. */
  record Expand() implements Operation {}

  /**
   * Pixels that are made of others: each row of one or two neighbouring ones, each column likewise.
   *
   * @param rows the first one that each row is made of
   * @param rowWeights the share of the next one; 0 where there is none
   * @param columns as the rows
   * @param columnWeights likewise
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Sampled(int[] rows, float[] rowWeights, int[] columns, float[] columnWeights)
      implements Operation {}

  /** The same values in another shape. */
  record Reshape() implements Operation {}

  /**
   * Axes in another order.
   *
   * @param order which axis of the input each axis is
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Permute(int[] order) implements Operation {}

  /**
   * Dropout.
   *
   * @param rate the share of zeros
   * @param byPicture whether a picture's tensor becomes 0 as a whole, as by stochastic depth
   */
  record Dropout(float rate, boolean byPicture) implements Operation {}

  /** What a tensor that no picture decides holds. */
  enum Chance {
    /** One number. */
    CONSTANT,
    /** Numbers drawn evenly from 0 to 1. */
    UNIFORM,
    /** 1 by a chance, else 0. */
    ONE_OR_ZERO
  }

  /**
   * A tensor of one number, or of drawn ones; of use only as a part of dropout.
   *
   * @param chance what it holds
   * @param number the number, or the chance of a 1
   */
  record Random(Chance chance, double number) implements Operation {}

  /**
   * Whole numbers to pick values by: the picture's own, from 0 on, times the stride, plus the
   * offsets; of use only where they pick all of a picture's values in their order.
   *
   * @param stride from one picture's to the next one's
   * @param offsets of every picture
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Places(long stride, long[] offsets) implements Operation {}

  /** Softmax over the classes, or its logarithm. */
  record Softmax(boolean log) implements Operation {}

  /** A function of no use alone, but as a part of one that is. */
  record Part(String operator) implements Operation {}

  /** Something that is not supported, or reads what is not. */
  record Unknown() implements Operation {}
}
