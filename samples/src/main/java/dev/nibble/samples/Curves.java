package dev.nibble.samples;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler.LegendLayout;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.XYStyler;
import org.knowm.xchart.style.lines.SeriesLines;
import org.knowm.xchart.style.markers.Marker;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** Draws a run's course as a picture: loss on the left, accuracy on the right. */
final class Curves {
  private static final int PANEL_WIDTH = 700;
  private static final int HEIGHT = 500;
  private static final int TICK_SPACING = 110;

  /** So many steps may each have a tick. */
  private static final int FEW = 12;

  private static final Color PALE = new Color(0xB9, 0xD3, 0xEA);
  private static final Color TRAIN = new Color(0x1F, 0x6F, 0xB4);
  private static final Color TEST = new Color(0xD9, 0x5F, 0x0E);
  private static final Color GRID = new Color(0xE4, 0xE4, 0xE4);

  /** A mean over this share of the run shows the course through the noise of single batches. */
  private static final int MEAN_SHARE = 40;

  private Curves() {}

  /**
   * Writes the picture; an older one is replaced only by a whole one.
   *
   * @throws IOException if it cannot be written
   */
  static void write(Path file, String title, History history) throws IOException {
    boolean shares = history.score().equals("accuracy");
    XYChart loss = panel(title + ": loss", shares ? "loss (cross-entropy)" : "loss");
    add(loss, history, history.losses(), history.testLosses(), 1);
    XYChart accuracy =
        panel(title + ": " + history.score(), shares ? "accuracy (%)" : history.score());
    if (shares) {
      add(accuracy, history, history.accuracies(), history.testAccuracies(), 100);
      accuracy.getStyler().setYAxisMin(0.0).setYAxisMax(100.0);
    } else if (history.testSteps().length > 0) {
      // A step's few pictures have none of their own.
      addTest(accuracy, history, history.testAccuracies(), 1);
    }
    loss.getStyler().setYAxisMin(0.0);

    BufferedImage image = new BufferedImage(2 * PANEL_WIDTH, HEIGHT, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = image.createGraphics();
    try {
      graphics.setColor(Color.WHITE);
      graphics.fillRect(0, 0, 2 * PANEL_WIDTH, HEIGHT);
      graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
      loss.paint(graphics, PANEL_WIDTH, HEIGHT);
      graphics.translate(PANEL_WIDTH, 0);
      accuracy.paint(graphics, PANEL_WIDTH, HEIGHT);
    } finally {
      graphics.dispose();
    }
    PngFile.write(file, image);
  }

  private static XYChart panel(String title, String yTitle) {
    return panel(title, "step", yTitle, PANEL_WIDTH, HEIGHT);
  }

  /** An empty chart in the house's style. */
  static XYChart panel(String title, String xTitle, String yTitle, int width, int height) {
    XYChart chart =
        new XYChartBuilder()
            .width(width)
            .height(height)
            .title(title)
            .xAxisTitle(xTitle)
            .yAxisTitle(yTitle)
            .build();
    XYStyler styler = chart.getStyler();
    styler.setChartBackgroundColor(Color.WHITE);
    styler.setPlotBackgroundColor(Color.WHITE);
    styler.setPlotBorderVisible(false);
    styler.setChartPadding(18);
    styler.setPlotGridLinesColor(GRID);
    styler.setPlotGridLinesStroke(new BasicStroke(1f));
    styler.setChartTitleBoxVisible(false);
    styler.setChartTitleFont(new Font(Font.SANS_SERIF, Font.BOLD, 17));
    styler.setAxisTitleFont(new Font(Font.SANS_SERIF, Font.PLAIN, 14));
    styler.setAxisTickLabelsFont(new Font(Font.SANS_SERIF, Font.PLAIN, 13));
    styler.setLegendFont(new Font(Font.SANS_SERIF, Font.PLAIN, 13));
    // Below the plot: inside, it would hide a part of some curve.
    styler.setLegendPosition(LegendPosition.OutsideS);
    styler.setLegendLayout(LegendLayout.Horizontal);
    styler.setLegendBorderColor(GRID);
    styler.setXAxisDecimalPattern("#,##0");
    styler.setXAxisTickMarkSpacingHint(TICK_SPACING);
    styler.setXAxisMin(0.0);
    return chart;
  }

  private static void add(
      XYChart chart, History history, double[] train, double[] test, double scale) {
    double[] steps = history.steps();
    if (steps.length > FEW) {
      roundTicks(chart);
    }
    double[] values = scaled(train, scale);
    int span = Math.max(1, values.length / MEAN_SHARE);
    String each =
        history.stepsPerPoint() == 1
            ? "training, each step"
            : String.format(Locale.ROOT, "training, each %,d steps", history.stepsPerPoint());
    line(chart, each, steps, values, span > 1 ? PALE : TRAIN, 1.2f, SeriesMarkers.NONE);
    if (span > 1) {
      String mean =
          String.format(Locale.ROOT, "training, mean of %,d steps", span * history.stepsPerPoint());
      line(chart, mean, steps, running(values, span), TRAIN, 2.2f, SeriesMarkers.NONE);
    }
    if (test.length > 0) {
      addTest(chart, history, test, scale);
    }
  }

  /**
   * A point between two steps, drawn nowhere: where all points lie equally far apart, XChart puts a
   * tick at every so many of them, such as 22 or 23, instead of at round numbers.
   */
  private static void roundTicks(XYChart chart) {
    XYSeries none = chart.addSeries(" ", new double[] {0.5}, new double[] {Double.NaN});
    none.setMarker(SeriesMarkers.NONE);
    none.setShowInLegend(false);
  }

  private static void addTest(XYChart chart, History history, double[] test, double scale) {
    line(
        chart,
        history.evaluated(),
        history.testSteps(),
        scaled(test, scale),
        TEST,
        2.2f,
        SeriesMarkers.CIRCLE);
  }

  static void line(
      XYChart chart, String name, double[] x, double[] y, Color color, float width, Marker marker) {
    XYSeries series = chart.addSeries(name, x, y);
    series.setLineColor(color).setLineWidth(width).setLineStyle(SeriesLines.SOLID);
    series.setMarker(marker).setMarkerColor(color);
  }

  /** A curve over learning rates, and where on it one is suggested, or -1. */
  static void drawRates(XYChart chart, double[] rates, double[] losses, int suggested) {
    line(chart, "loss", rates, losses, TRAIN, 2.2f, SeriesMarkers.NONE);
    if (suggested >= 0) {
      double[] x = {rates[suggested]};
      line(
          chart,
          "falls fastest",
          x,
          new double[] {losses[suggested]},
          TEST,
          2.2f,
          SeriesMarkers.CIRCLE);
    }
  }

  private static double[] scaled(double[] values, double scale) {
    double[] result = values.clone();
    for (int i = 0; i < result.length; i++) {
      result[i] *= scale;
    }
    return result;
  }

  /** Mean of the last {@code span} values; of all before, at the start. */
  private static double[] running(double[] values, int span) {
    double[] means = new double[values.length];
    double sum = 0;
    for (int i = 0; i < values.length; i++) {
      sum += values[i];
      if (i >= span) {
        sum -= values[i - span];
      }
      means[i] = sum / Math.min(i + 1, span);
    }
    return means;
  }
}
