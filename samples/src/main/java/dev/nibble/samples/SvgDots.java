package dev.nibble.samples;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** A row for each name, a dot for each of its values, a stroke for their mean. */
final class SvgDots {
  private static final int WIDTH = 900;
  private static final int LEFT = 170;
  private static final int ROW = 24;
  private static final int TOP = 8;
  private static final int BOTTOM = 48;

  @SuppressWarnings("ArrayRecordComponent") // nobody compares them
  private record Row(String name, double[] values) {}

  private final String axis;
  private final List<Row> rows = new ArrayList<>();

  SvgDots(String axis) {
    this.axis = axis;
  }

  void add(String name, double[] values) {
    rows.add(new Row(name, values.clone()));
  }

  /** Whether there is no value at all. */
  boolean isEmpty() {
    return rows.stream().allMatch(row -> row.values().length == 0);
  }

  String svg() {
    double low = Double.POSITIVE_INFINITY;
    double high = Double.NEGATIVE_INFINITY;
    for (Row row : rows) {
      for (double value : row.values()) {
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
    }
    SvgScale scale = SvgScale.linear(low, high, LEFT, WIDTH - 20);
    int height = TOP + ROW * rows.size() + BOTTOM;
    StringBuilder svg = new StringBuilder(SvgScale.open(WIDTH, height));
    int bottom = height - BOTTOM;
    for (double tick : scale.ticks()) {
      SvgScale.line(svg, scale.at(tick), TOP, scale.at(tick), bottom, "#e4e4e4");
      SvgScale.text(svg, scale.at(tick), bottom + 16, "middle", scale.label(tick));
    }
    SvgScale.text(svg, (LEFT + WIDTH) / 2.0, bottom + 36, "middle", axis);
    for (int i = 0; i < rows.size(); i++) {
      double y = TOP + ROW * (i + 0.5);
      SvgScale.text(svg, LEFT - 12, y + 4, "end", rows.get(i).name());
      double[] values = rows.get(i).values();
      if (values.length > 0) {
        double mean = scale.at(Arrays.stream(values).average().orElse(low));
        SvgScale.line(svg, mean, y - 8, mean, y + 8, "#d95f0e");
      }
      for (double value : values) {
        svg.append(
            String.format(
                Locale.ROOT,
                "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"#1f6fb4\" fill-opacity=\"0.7\"/>",
                scale.at(value),
                y));
      }
    }
    return svg.append("</svg>").toString();
  }
}
