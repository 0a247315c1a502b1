package dev.nibble.samples;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Lines over one pair of axes, each named at the right. */
final class SvgLines {
  private static final int WIDTH = 1000;
  private static final int HEIGHT = 420;
  private static final int LEFT = 70;
  private static final int RIGHT = 170;
  private static final int TOP = 12;
  private static final int BOTTOM = 52;
  private static final int LEGEND = 18;

  private static final List<String> COLORS =
      List.of(
          "#444444", "#1f6fb4", "#d95f0e", "#2c8c4a", "#8e44ad", "#c0392b", "#16808a", "#a67c00",
          "#d4619f", "#7f9c1d");

  private static final String DASHES = " stroke-dasharray=\"5 4\"";

  @SuppressWarnings("ArrayRecordComponent") // nobody compares them
  private record Line(String name, double[] x, double[] y, String color, boolean dashed) {}

  private final String xAxis;
  private final String yAxis;
  private final boolean logarithmic;
  private boolean logarithmicX;
  private final List<Line> lines = new ArrayList<>();
  private final List<String> subjects = new ArrayList<>();

  /**
   * Starts a chart.
   *
   * @param logarithmic whether the vertical axis is; then every value must be positive
   */
  SvgLines(String xAxis, String yAxis, boolean logarithmic) {
    this.xAxis = xAxis;
    this.yAxis = yAxis;
    this.logarithmic = logarithmic;
  }

  /** Makes the horizontal axis logarithmic, too; then every place must be positive. */
  SvgLines withLogarithmicX() {
    logarithmicX = true;
    return this;
  }

  void add(String name, double[] x, double[] y, boolean dashed) {
    add(name, name, x, y, dashed);
  }

  /**
   * Adds a line.
   *
   * @param subject what it is about: lines about the same have one colour
   */
  void add(String subject, String name, double[] x, double[] y, boolean dashed) {
    if (x.length > 0) {
      if (!subjects.contains(subject)) {
        subjects.add(subject);
      }
      String color = COLORS.get(subjects.indexOf(subject) % COLORS.size());
      lines.add(new Line(name, x.clone(), y.clone(), color, dashed));
    }
  }

  /** Points of the longest line. */
  int points() {
    return lines.stream().mapToInt(line -> line.x().length).max().orElse(0);
  }

  private static double[] range(List<double[]> all) {
    double low = Double.POSITIVE_INFINITY;
    double high = Double.NEGATIVE_INFINITY;
    for (double[] values : all) {
      for (double value : values) {
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
    }
    return new double[] {low, high};
  }

  private static SvgScale scale(boolean logarithmic, double[] range, double from, double to) {
    return logarithmic
        ? SvgScale.logarithmic(range[0], range[1], from, to)
        : SvgScale.linear(range[0], range[1], from, to);
  }

  String svg() {
    double[] xs = range(lines.stream().map(Line::x).toList());
    double[] ys = range(lines.stream().map(Line::y).toList());
    double bottom = HEIGHT - BOTTOM;
    SvgScale x = scale(logarithmicX, xs, LEFT, WIDTH - RIGHT);
    SvgScale y = scale(logarithmic, ys, bottom, TOP);
    StringBuilder svg = new StringBuilder(SvgScale.open(WIDTH, HEIGHT));
    for (double tick : x.ticks()) {
      SvgScale.line(svg, x.at(tick), TOP, x.at(tick), bottom, "#f0f0f0");
      SvgScale.text(svg, x.at(tick), bottom + 18, "middle", x.label(tick));
    }
    for (double tick : y.ticks()) {
      SvgScale.line(svg, LEFT, y.at(tick), WIDTH - RIGHT, y.at(tick), "#e4e4e4");
      SvgScale.text(svg, LEFT - 8, y.at(tick) + 4, "end", y.label(tick));
    }
    SvgScale.text(svg, (LEFT + WIDTH - RIGHT) / 2.0, bottom + 40, "middle", xAxis);
    svg.append(
        String.format(
            Locale.ROOT,
            "<text x=\"14\" y=\"%.1f\" text-anchor=\"middle\" transform=\"rotate(-90 14"
                + " %.1f)\">%s</text>",
            (TOP + bottom) / 2,
            (TOP + bottom) / 2,
            EvidencePage.escaped(yAxis)));
    for (int i = 0; i < lines.size(); i++) {
      Line line = lines.get(i);
      double at = TOP + 10 + LEGEND * i;
      double from = WIDTH - RIGHT + 12;
      draw(svg, line, x, y);
      svg.append(
          String.format(
              Locale.ROOT,
              "<path fill=\"none\" stroke-width=\"1.8\" stroke=\"%s\"%s d=\"M%.1f %.1fh22\"/>",
              line.color(),
              line.dashed() ? DASHES : "",
              from,
              at));
      SvgScale.text(svg, from + 28, at + 4, "start", line.name());
    }
    return svg.append("</svg>").toString();
  }

  private static void draw(StringBuilder svg, Line line, SvgScale x, SvgScale y) {
    svg.append("<polyline fill=\"none\" stroke-width=\"1.8\" stroke=\"").append(line.color());
    svg.append('"').append(line.dashed() ? DASHES : "").append(" points=\"");
    for (int i = 0; i < line.x().length; i++) {
      svg.append(String.format(Locale.ROOT, "%.1f,%.1f ", x.at(line.x()[i]), y.at(line.y()[i])));
    }
    svg.append("\"/>");
  }
}
