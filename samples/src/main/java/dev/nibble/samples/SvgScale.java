package dev.nibble.samples;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Where values lie on an axis of a chart, and where its ticks are. */
final class SvgScale {
  private static final int TICKS = 7;

  /** More labels than these run into each other. */
  private static final int MOST_TICKS = 12;

  private final boolean logarithmic;
  private final double low;
  private final double high;
  private final double from;
  private final double to;

  private SvgScale(boolean logarithmic, double low, double high, double from, double to) {
    this.logarithmic = logarithmic;
    this.low = low;
    this.high = high;
    this.from = from;
    this.to = to;
  }

  /** An axis from place {@code from} to place {@code to}. */
  static SvgScale linear(double low, double high, double from, double to) {
    double margin = high > low ? 0.03 * (high - low) : Math.max(1e-9, 0.1 * Math.abs(high));
    return new SvgScale(false, low - margin, high + margin, from, to);
  }

  /** The same for the logarithms of positive values. */
  static SvgScale logarithmic(double low, double high, double from, double to) {
    return new SvgScale(true, Math.log10(low) - 0.05, Math.log10(high) + 0.05, from, to);
  }

  /** The place of a value. */
  double at(double value) {
    double position = logarithmic ? Math.log10(value) : value;
    return from + (position - low) / (high - low) * (to - from);
  }

  /** Round values that lie on the axis. */
  List<Double> ticks() {
    if (logarithmic) {
      List<Double> ticks = ticks(1, 1, 2, 5);
      for (int decades = 1; ticks.size() > MOST_TICKS; decades++) {
        ticks = ticks(decades, 1);
      }
      return ticks;
    }
    List<Double> ticks = new ArrayList<>();
    double step = step();
    for (double i = Math.ceil(low / step); i * step <= high; i++) {
      ticks.add(i * step + 0.0);
    }
    return ticks;
  }

  /** These digits in every so many decades. */
  private List<Double> ticks(int decades, double... digits) {
    List<Double> ticks = new ArrayList<>();
    for (int power = (int) Math.floor(low); power <= Math.ceil(high); power++) {
      if (power % decades == 0) {
        for (double digit : digits) {
          double tick = digit * Math.pow(10, power);
          if (Math.log10(tick) >= low && Math.log10(tick) <= high) {
            ticks.add(tick);
          }
        }
      }
    }
    return ticks;
  }

  /** A number as people write it, to three digits: 0.001, 20, 1e-5. */
  static String text(double value) {
    BigDecimal rounded = new BigDecimal(value).round(new MathContext(3)).stripTrailingZeros();
    int exponent = rounded.precision() - rounded.scale() - 1;
    return exponent >= -4 && exponent < 6
        ? rounded.toPlainString()
        : rounded.movePointLeft(exponent).toPlainString() + "e" + exponent;
  }

  /** 1, 2 or 5 times a power of ten, so that there are about so many ticks. */
  private double step() {
    double rough = (high - low) / TICKS;
    double power = Math.pow(10, Math.floor(Math.log10(rough)));
    double digit = rough / power;
    return power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
  }

  /** A tick's text. */
  String label(double tick) {
    if (logarithmic) {
      return text(tick);
    }
    int decimals = Math.max(0, (int) -Math.floor(Math.log10(step())));
    return String.format(Locale.ROOT, "%." + decimals + "f", tick + 0.0); // no -0
  }

  /** The beginning of a picture. */
  static String open(int width, int height) {
    return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" font-family=\"system-ui, sans-serif\" font-size=\"13\" fill=\"#333\">"
        .formatted(width, height, width, height);
  }

  static void line(StringBuilder svg, double x, double y, double toX, double toY, String color) {
    svg.append(
        String.format(
            Locale.ROOT,
            "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\""
                + " stroke-width=\"1.5\"/>",
            x,
            y,
            toX,
            toY,
            color));
  }

  static void text(StringBuilder svg, double x, double y, String anchor, String text) {
    svg.append(
        String.format(
            Locale.ROOT,
            "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>",
            x,
            y,
            anchor,
            EvidencePage.escaped(text)));
  }
}
