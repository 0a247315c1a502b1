package dev.nibble.kernels.vector.passes;

import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static dev.nibble.kernels.vector.base.Lanes.LANES;

import jdk.incubator.vector.FloatVector;

/** The gradient of a convolution's bias: the output's gradient, summed over its pixels. */
public final class BiasGradient {
  private BiasGradient() {}

  /**
   * Adds rows of pixels to the bias's gradient.
   *
   * @param dy index of the first pixel of the output's gradient, {@code channels} floats a pixel
   * @param row floats from row to row
   */
  public static void add(
      int rows, int width, int channels, float[] scratch, int dy, int row, int bias) {
    if (width == 1 && rows == 1) {
      // A dense layer comes here so seldom that vectors would stay objects on the heap for long.
      for (int c = 0; c < channels; c++) {
        scratch[bias + c] += scratch[dy + c];
      }
      return;
    }
    // The last vector reads the next pixel's values, which stay in the padding.
    for (int c = 0; c < channels; c += LANES) {
      for (int y = 0; y < rows; y++) {
        int from = dy + y * row + c;
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int x = 0; x < width; x++) {
          sum = sum.add(FloatVector.fromArray(FLOATS, scratch, from + x * channels));
        }
        FloatVector.fromArray(FLOATS, scratch, bias + c).add(sum).intoArray(scratch, bias + c);
      }
    }
  }
}
