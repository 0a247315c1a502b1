package dev.nibble.kernels.vector.winograd;

import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static dev.nibble.kernels.vector.base.Lanes.LANES;

import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.vector.base.Segments;
import dev.nibble.kernels.vector.convolution.ConvolutionBackwardData;
import dev.nibble.kernels.vector.convolution.ConvolutionForward;
import dev.nibble.kernels.vector.tiles.TilePlan;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * Winograd's transforms of the weights and of their gradient, once a step and once a leaf.
 *
 * <p>The weights: {@code U = G w G'}, packed as [point][block of V * LANES outputs][input][V *
 * LANES], all blocks or a portion of them. Points 1 and -1 are divided by 6, 2 and -2 by 24, 0 by
 * 4.
 */
public final class WinogradWeights {
  private static final int SIDE = 6;

  private WinogradWeights() {}

  /** Floats of the packed weights. */
  public static int packedFloats(Convolution conv) {
    return WinogradProduct.POINTS * conv.input().channels() * conv.outChannels();
  }

  /** Floats of the largest portion of the packed weights, in either direction. */
  public static int packedFloats(Convolution conv, int portions) {
    int in = conv.input().channels();
    int out = conv.outChannels();
    int most = Math.max(in * largest(out, portions), out * largest(in, portions));
    return WinogradProduct.POINTS * most;
  }

  private static int largest(int channels, int portions) {
    int most = 0;
    for (int k = 0; k < portions; k++) {
      int vectors = portionVector(channels, k + 1, portions) - portionVector(channels, k, portions);
      most = Math.max(most, vectors * LANES);
    }
    return most;
  }

  /** The first vector of a portion of the panels, or the end of all of them. */
  public static int portionVector(int channels, int portion, int portions) {
    return firstVector(channels, portionPanel(panels(channels), portion, portions));
  }

  /** The first of a portion's panels. */
  public static int portionPanel(int panels, int portion, int portions) {
    return panels * portion / portions;
  }

  /** Panels of that many channels: units of packing. */
  public static int panels(int channels) {
    int vectors = channels / LANES;
    int count = 0;
    for (int first = 0; first < vectors; first += block(vectors, first)) {
      count++;
    }
    return count;
  }

  /** The first vector of a panel of that many channels, or the end of all of them. */
  public static int firstVector(int channels, int panel) {
    int vectors = channels / LANES;
    int first = 0;
    for (int i = 0; i < panel && first < vectors; i++) {
      first += block(vectors, first);
    }
    return first;
  }

  private static int block(int vectors, int first) {
    return TilePlan.PANEL.block(vectors - first, TilePlan.MANY);
  }

  /**
   * Packs a panel for the forward product.
   *
   * @param portion the portion that the panel belongs to and {@code packed} holds, of so many
   */
  public static void packForward(
      Convolution conv,
      int panel,
      int portion,
      int portions,
      MemorySegment weights,
      float[] packed) {
    int inputs = conv.input().channels();
    int outputs = conv.outChannels();
    int from = portionVector(outputs, portion, portions);
    int plane = inputs * LANES * (portionVector(outputs, portion + 1, portions) - from);
    int first = firstVector(outputs, panel);
    int v = block(outputs / LANES, first);
    int to = (first - from) * LANES * inputs;
    for (int tap = 0; tap < 9; tap++) {
      int at = (tap / 3 * SIDE + tap % 3) * plane;
      for (int i = 0; i < v; i++) {
        ConvolutionForward.packColumn(
            weights,
            4L * (tap * inputs * outputs + (first + i) * LANES),
            inputs,
            outputs,
            LANES,
            packed,
            at + to + i * LANES,
            v * LANES);
      }
    }
    transform(packed, to, v * LANES * inputs, plane);
  }

  /**
   * Packs a panel for the input's gradient: taps reversed, inputs and outputs exchanged.
   *
   * @param portion as for {@link #packForward}
   */
  public static void packBackward(
      Convolution conv,
      int panel,
      int portion,
      int portions,
      MemorySegment weights,
      float[] packed) {
    int inputs = conv.input().channels();
    int outputs = conv.outChannels();
    int from = portionVector(inputs, portion, portions);
    int plane = outputs * LANES * (portionVector(inputs, portion + 1, portions) - from);
    int first = firstVector(inputs, panel);
    int v = block(inputs / LANES, first);
    int at = (first - from) * LANES * outputs;
    for (int tap = 0; tap < 9; tap++) {
      int to = (tap / 3 * SIDE + tap % 3) * plane + at;
      ConvolutionBackwardData.packTap(conv, 8 - tap, first * LANES, v * LANES, weights, packed, to);
    }
    transform(packed, at, v * LANES * outputs, plane);
  }

  /**
   * Brings the nine taps, which lie at points (0..2, 0..2), to the 36 points, in place, for {@code
   * floats} floats of every plane from {@code from} on.
   */
  private static void transform(float[] packed, int from, int floats, int plane) {
    for (int j = 0; j < 3; j++) {
      spread(packed, from + j * plane, SIDE * plane, floats);
    }
    for (int i = 0; i < SIDE; i++) {
      spread(packed, from + i * SIDE * plane, plane, floats);
    }
  }

  private static void spread(float[] packed, int at, int step, int floats) {
    for (int i = 0; i < floats; i += LANES) {
      int p = at + i;
      FloatVector g0 = FloatVector.fromArray(FLOATS, packed, p);
      FloatVector g1 = FloatVector.fromArray(FLOATS, packed, p + step);
      FloatVector g2 = FloatVector.fromArray(FLOATS, packed, p + 2 * step);
      g0.mul(1 / 4f).intoArray(packed, p);
      FloatVector even = g0.add(g2);
      even.add(g1).mul(-1 / 6f).intoArray(packed, p + step);
      even.sub(g1).mul(-1 / 6f).intoArray(packed, p + 2 * step);
      even = g2.mul(4f).add(g0);
      FloatVector odd = g1.mul(2f);
      even.add(odd).mul(1 / 24f).intoArray(packed, p + 3 * step);
      even.sub(odd).mul(1 / 24f).intoArray(packed, p + 4 * step);
      g2.intoArray(packed, p + 5 * step);
    }
  }

  /**
   * Brings the gradient of a part of the weights from the 36 points to nine taps, {@code dw = A' S
   * A} with the divisors applied first, and writes it into 3 x 3 x C_in x C_out floats, input
   * channels from {@code fromIn} and output channels from {@code fromOut} on.
   *
   * @param sums [point][inChannels][outChannels] from index {@code at} on; overwritten
   * @param target written from byte {@code offset} on
   */
  public static void flush(
      Convolution conv,
      int fromIn,
      int inChannels,
      int fromOut,
      int outChannels,
      float[] sums,
      int at,
      MemorySegment target,
      long offset) {
    int plane = inChannels * outChannels;
    for (int i = 0; i < SIDE; i++) {
      gather(sums, at + i * SIDE * plane, plane, plane);
    }
    for (int j = 0; j < 3; j++) {
      gather(sums, at + j * plane, SIDE * plane, plane);
    }
    int all = conv.outChannels();
    for (int tap = 0; tap < 9; tap++) {
      int from = at + (tap / 3 * SIDE + tap % 3) * plane;
      long first = (long) tap * conv.input().channels() + fromIn;
      long to = offset + 4L * (first * all + fromOut);
      Segments.copyOut(sums, from, outChannels, target, to, outChannels, all, inChannels);
    }
  }

  private static void gather(float[] sums, int at, int step, int plane) {
    for (int i = 0; i < plane; i += LANES) {
      int p = at + i;
      FloatVector m0 = FloatVector.fromArray(FLOATS, sums, p).mul(1 / 4f);
      FloatVector m1 = FloatVector.fromArray(FLOATS, sums, p + step).mul(-1 / 6f);
      FloatVector m2 = FloatVector.fromArray(FLOATS, sums, p + 2 * step).mul(-1 / 6f);
      FloatVector m3 = FloatVector.fromArray(FLOATS, sums, p + 3 * step).mul(1 / 24f);
      FloatVector m4 = FloatVector.fromArray(FLOATS, sums, p + 4 * step).mul(1 / 24f);
      FloatVector m5 = FloatVector.fromArray(FLOATS, sums, p + 5 * step);
      FloatVector one = m1.add(m2);
      FloatVector two = m3.add(m4);
      m0.add(one).add(two).intoArray(sums, p);
      two.mul(4f).add(one).add(m5).intoArray(sums, p + 2 * step);
      m3.sub(m4).mul(2f).add(m1.sub(m2)).intoArray(sums, p + step);
    }
  }
}
