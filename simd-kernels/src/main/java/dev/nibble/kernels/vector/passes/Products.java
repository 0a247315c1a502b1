package dev.nibble.kernels.vector.passes;

import static dev.nibble.kernels.vector.activation.CodeVectors.INTS;
import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static dev.nibble.kernels.vector.base.Lanes.LANES;
import static dev.nibble.kernels.vector.base.Segments.ORDER;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.kernels.Draw;
import dev.nibble.kernels.Operator.Dropout;
import dev.nibble.kernels.Operator.Multiply;
import dev.nibble.kernels.vector.base.Lanes;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Operators that multiply value by value: by a second tensor, and by what is drawn. Forward and
 * backward they are the same, on pixels {@code [first, end)} and channels {@code [fromChannel,
 * toChannel)}, of which the first begins a vector.
 *
 * <p>What is read has C floats a pixel, what is written whole vectors; the last vector of a pixel
 * may read values of the next one, which only reach the padding.
 */
final class Products {
  private Products() {}

  /**
   * Multiplies by the second tensor.
   *
   * @param from index in scratch of pixel {@code first} of what is multiplied
   * @param to index in scratch of pixel {@code first} of the product
   */
  static void multiply(
      Multiply op,
      int picture,
      int first,
      int end,
      int fromChannel,
      int toChannel,
      MemorySegment factor,
      float[] scratch,
      int from,
      int to) {
    int channels = op.input().channels();
    int stride = Lanes.roundUp(channels);
    int bound = Math.min(FLOATS.loopBound(channels), toChannel);
    int step = op.isByChannel() ? 0 : channels;
    long base = 4L * picture * op.factor().values() + 4L * first * step;
    for (int p = 0; p < end - first; p++) {
      int in = from + p * channels;
      int out = to + p * stride;
      long at = base + 4L * p * step;
      for (int c = fromChannel; c < bound; c += LANES) {
        FloatVector.fromArray(FLOATS, scratch, in + c)
            .mul(FloatVector.fromMemorySegment(FLOATS, factor, at + 4L * c, ORDER))
            .intoArray(scratch, out + c);
      }
      for (int c = bound; c < toChannel; c++) {
        scratch[out + c] = scratch[in + c] * factor.get(JAVA_FLOAT, at + 4L * c);
      }
    }
  }

  /** Writes the gradient of a second tensor of the input's shape: a * dy. */
  static void factorGradient(
      Multiply op,
      int picture,
      int first,
      int end,
      int fromChannel,
      int toChannel,
      float[] scratch,
      int act,
      int dy,
      MemorySegment target) {
    int channels = op.input().channels();
    int bound = Math.min(FLOATS.loopBound(channels), toChannel);
    long base = 4L * picture * op.input().values() + 4L * first * channels;
    for (int p = 0; p < end - first; p++) {
      int i = p * channels;
      for (int c = fromChannel; c < bound; c += LANES) {
        FloatVector.fromArray(FLOATS, scratch, act + i + c)
            .mul(FloatVector.fromArray(FLOATS, scratch, dy + i + c))
            .intoMemorySegment(target, base + 4L * (i + c), ORDER);
      }
      for (int c = bound; c < toChannel; c++) {
        float value = scratch[act + i + c] * scratch[dy + i + c];
        target.set(JAVA_FLOAT, base + 4L * (i + c), value);
      }
    }
  }

  /** Adds rows of pixels to the gradient of a second tensor of one pixel: sums[c] += a * dy. */
  static void addFactorGradient(
      Multiply op,
      int rows,
      int fromChannel,
      int toChannel,
      float[] scratch,
      int act,
      int dy,
      int sums) {
    int channels = op.input().channels();
    int width = op.input().width();
    for (int c = fromChannel; c < toChannel; c += LANES) {
      // A row at a time, so that a large picture's fp32 sum loses little; and through memory, for
      // C2 now and then keeps a sum over two loops as an object.
      for (int y = 0; y < rows; y++) {
        FloatVector row = FloatVector.zero(FLOATS);
        int at = y * width * channels + c;
        for (int x = 0; x < width; x++) {
          row =
              FloatVector.fromArray(FLOATS, scratch, act + at + x * channels)
                  .fma(FloatVector.fromArray(FLOATS, scratch, dy + at + x * channels), row);
        }
        FloatVector.fromArray(FLOATS, scratch, sums + c).add(row).intoArray(scratch, sums + c);
      }
    }
  }

  /** Leaves a value or makes it 0, as {@link Draw} says; parameters as of {@link #multiply}. */
  static void drop(
      Dropout op,
      int picture,
      int first,
      int end,
      int fromChannel,
      int toChannel,
      MemorySegment draws,
      float[] scratch,
      int from,
      int to) {
    int channels = op.input().channels();
    int stride = Lanes.roundUp(channels);
    int key = Draw.picture(draws, op.stream(), picture);
    int threshold = Draw.threshold(op.rate());
    float scale = Draw.scale(op.rate());
    if (op.byPicture()) {
      boolean stays = Draw.value(key, 0) >= threshold;
      for (int p = 0; p < end - first; p++) {
        int out = to + p * stride;
        for (int c = fromChannel; stays && c < toChannel; c += LANES) {
          FloatVector.fromArray(FLOATS, scratch, from + p * channels + c)
              .mul(scale)
              .intoArray(scratch, out + c);
        }
        if (!stays) {
          Arrays.fill(scratch, out + fromChannel, out + toChannel, 0f);
        }
      }
      return;
    }
    IntVector lanes = IntVector.zero(INTS).addIndex(1);
    IntVector keys = IntVector.broadcast(INTS, key);
    FloatVector zero = FloatVector.zero(FLOATS);
    for (int p = 0; p < end - first; p++) {
      int place = (first + p) * channels;
      for (int c = fromChannel; c < toChannel; c += LANES) {
        // Draw.value, lane by lane.
        IntVector x = lanes.add(place + c).mul(Draw.STEP).lanewise(VectorOperators.XOR, keys);
        x = x.lanewise(VectorOperators.XOR, x.lanewise(VectorOperators.LSHR, 16));
        x = x.mul(Draw.FIRST);
        x = x.lanewise(VectorOperators.XOR, x.lanewise(VectorOperators.LSHR, 15));
        x = x.mul(Draw.SECOND);
        x = x.lanewise(VectorOperators.XOR, x.lanewise(VectorOperators.LSHR, 15)).add(keys);
        x = x.lanewise(VectorOperators.XOR, x.lanewise(VectorOperators.LSHR, 16));
        x = x.mul(Draw.FIRST);
        x = x.lanewise(VectorOperators.XOR, x.lanewise(VectorOperators.LSHR, 15));
        x = x.mul(Draw.SECOND);
        x = x.lanewise(VectorOperators.XOR, x.lanewise(VectorOperators.LSHR, 15));
        x = x.lanewise(VectorOperators.LSHR, 8);
        FloatVector value = FloatVector.fromArray(FLOATS, scratch, from + p * channels + c);
        value
            .mul(scale)
            .blend(zero, x.compare(VectorOperators.LT, threshold).cast(FLOATS))
            .intoArray(scratch, to + p * stride + c);
      }
    }
  }
}
