package dev.nibble.bench;

import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Operator.Convolution;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A convolution as it stands in benchmark parameters: {@code HxWxC-kxk-sS-O}, for instance {@code
 * 32x32x16-3x3-s1-16}; {@code dw} in place of the output channels makes it a depthwise one, and a
 * dense layer reads {@code 1x1x64-1x1-s1-10}.
 */
record StageShape(Operator operator) {
  private static final Pattern FORM =
      Pattern.compile("(\\d{1,4})x(\\d{1,4})x(\\d{1,5})-(\\d{1,3})x\\4-s(\\d{1,3})-(\\d{1,5}|dw)");

  /**
   * Reads a shape.
   *
   * @throws IllegalArgumentException if it is none
   */
  static StageShape parse(String text) {
    Matcher matcher = FORM.matcher(text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException("A shape reads like 32x32x16-3x3-s1-16, not " + text);
    }
    FeatureMap input = new FeatureMap(number(matcher, 1), number(matcher, 2), number(matcher, 3));
    int kernel = number(matcher, 4);
    int stride = number(matcher, 5);
    return new StageShape(
        matcher.group(6).equals("dw")
            ? Convolution.depthwise(input, kernel, stride)
            : new Convolution(input, number(matcher, 6), kernel, stride, false));
  }

  private static int number(Matcher matcher, int group) {
    return Integer.parseInt(matcher.group(group));
  }

  @Override
  public String toString() {
    return switch (operator) {
      case Convolution c ->
          text(
              c.input(),
              c.window().kernelHeight(),
              c.window().strideHeight(),
              c.isDepthwise() ? "dw" : "" + c.outChannels());
      default -> operator.toString();
    };
  }

  private static String text(FeatureMap input, int kernel, int stride, String out) {
    return String.format(Locale.ROOT, "%s-%dx%d-s%d-%s", input, kernel, kernel, stride, out);
  }
}
