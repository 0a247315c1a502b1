package dev.nibble.bench;

import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Operator.Convolution;
import java.util.Locale;

/**
 * A convolution as it stands in benchmark parameters: {@code HxWxC-kxk-sS-O}, for instance {@code
 * 32x32x16-3x3-s1-16}.
 */
record StageShape(Convolution convolution) {
  static StageShape parse(String text) {
    String[] parts = text.split("-", -1);
    if (parts.length != 4 || !parts[2].startsWith("s")) {
      throw new IllegalArgumentException("A shape reads like 32x32x16-3x3-s1-16, not " + text);
    }
    String[] map = parts[0].split("x", -1);
    FeatureMap input =
        new FeatureMap(
            Integer.parseInt(map[0]), Integer.parseInt(map[1]), Integer.parseInt(map[2]));
    int kernel = Integer.parseInt(parts[1].substring(0, parts[1].indexOf('x')));
    int stride = Integer.parseInt(parts[2].substring(1));
    return new StageShape(
        new Convolution(input, Integer.parseInt(parts[3]), kernel, stride, false));
  }

  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "%s-%dx%d-s%d-%d",
        convolution.input(),
        convolution.kernel(),
        convolution.kernel(),
        convolution.stride(),
        convolution.outChannels());
  }
}
