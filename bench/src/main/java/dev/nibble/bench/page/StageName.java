package dev.nibble.bench.page;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A stage's shape as readers know it. */
final class StageName {
  private static final Pattern FORM =
      Pattern.compile("(\\d+)x(\\d+)x(\\d+)-(\\d+)x\\d+-s(\\d+)-(\\d+|dw)");

  private StageName() {}

  /** For a table: {@code 3×3, 16 → 32, stride 2, 32×32}; another text is returned as it is. */
  static String full(String shape) {
    Matcher m = FORM.matcher(shape);
    if (!m.matches()) {
      return shape;
    }
    if (isDense(m)) {
      return "dense, %s → %s".formatted(m.group(3), m.group(6));
    }
    String stride = m.group(5).equals("1") ? "" : ", stride " + m.group(5);
    String channels = isDepthwise(m) ? m.group(3) + " depthwise" : m.group(3) + " → " + m.group(6);
    return "%s×%s, %s%s, %s×%s"
        .formatted(m.group(4), m.group(4), channels, stride, m.group(1), m.group(2));
  }

  /** For a plot: {@code 3×3 16→32 /2 @32}. */
  static String brief(String shape) {
    Matcher m = FORM.matcher(shape);
    if (!m.matches()) {
      return shape;
    }
    if (isDense(m)) {
      return "dense %s→%s".formatted(m.group(3), m.group(6));
    }
    String stride = m.group(5).equals("1") ? "" : "/" + m.group(5);
    String channels = isDepthwise(m) ? m.group(3) + " dw" : m.group(3) + "→" + m.group(6);
    return "%s×%s%s %s @%s".formatted(m.group(4), m.group(4), stride, channels, m.group(1));
  }

  private static boolean isDense(Matcher m) {
    return m.group(1).equals("1") && m.group(2).equals("1");
  }

  private static boolean isDepthwise(Matcher m) {
    return m.group(6).equals("dw");
  }
}
