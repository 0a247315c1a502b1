package dev.nibble.samples;

import dev.nibble.engine.gradients.GradientError;
import dev.nibble.engine.gradients.GradientKind;
import dev.nibble.engine.gradients.GradientReport;
import dev.nibble.engine.gradients.LayerGradients;
import java.awt.Color;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.style.markers.Marker;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** Draws the errors of gradients by depth, on a logarithmic scale. */
final class GradientChart {
  private static final int WIDTH = 1100;
  private static final int HEIGHT = 600;
  private static final Color NAIVE = new Color(0x88, 0x88, 0x88);
  private static final Color NOISE = new Color(0xC8, 0xC8, 0xC8);

  private static final Map<GradientKind, Color> COLORS =
      Map.of(
          GradientKind.WEIGHT, new Color(0x1F, 0x6F, 0xB4),
          GradientKind.GAMMA, new Color(0xD9, 0x5F, 0x0E),
          GradientKind.INPUT, new Color(0x2C, 0x8C, 0x4A));

  /** What cannot lie on a logarithmic scale is left out, and so is what is exact. */
  private static final double LEAST = 1e-7;

  private GradientChart() {}

  /**
   * Writes the picture.
   *
   * @throws IOException if it cannot be written
   */
  static void write(Path file, GradientReport report) throws IOException {
    XYChart chart =
        Curves.panel(
            report.network() + ": gradients with " + GradientTable.activations(report),
            "layer, from the pictures to the classes",
            "relative error",
            WIDTH,
            HEIGHT);
    chart.getStyler().setYAxisLogarithmic(true);
    List<LayerGradients> layers = report.layers();
    boolean drawn = add(chart, "between batches", layers, LayerGradients::noise, NOISE, false);
    for (GradientKind kind : List.of(GradientKind.WEIGHT, GradientKind.GAMMA, GradientKind.INPUT)) {
      drawn |=
          add(
              chart,
              GradientTable.name(kind),
              layers,
              layer -> relative(layer.errors().get(kind)),
              color(kind),
              true);
    }
    drawn |=
        add(
            chart,
            "weight, naive",
            layers,
            layer -> relative(layer.naive().get(GradientKind.WEIGHT)),
            NAIVE,
            true);
    if (!drawn) {
      // A chart of nothing cannot be drawn: everything is exact.
      chart.getStyler().setYAxisLogarithmic(false);
      Curves.line(
          chart, "all", new double[] {0}, new double[] {0}, NAIVE, 2f, SeriesMarkers.CIRCLE);
    }
    PngFile.write(file, chart);
  }

  private static Color color(GradientKind kind) {
    return COLORS.getOrDefault(kind, NAIVE);
  }

  private static double relative(@Nullable GradientError error) {
    return error == null ? Double.NaN : error.relative();
  }

  private static boolean add(
      XYChart chart,
      String name,
      List<LayerGradients> layers,
      Function<LayerGradients, Double> value,
      Color color,
      boolean marked) {
    List<LayerGradients> known =
        layers.stream()
            .filter(l -> value.apply(l) >= LEAST && Double.isFinite(value.apply(l)))
            .toList();
    if (known.isEmpty()) {
      return false;
    }
    Marker marker = marked ? SeriesMarkers.CIRCLE : SeriesMarkers.NONE;
    Curves.line(
        chart,
        name,
        known.stream().mapToDouble(LayerGradients::depth).toArray(),
        known.stream().mapToDouble(value::apply).toArray(),
        color,
        2f,
        marker);
    return true;
  }
}
