package dev.nibble.samples;

import dev.nibble.engine.train.LearningRateFinder.Point;
import dev.nibble.engine.train.LearningRateFinder.Result;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import java.util.regex.Pattern;
import org.knowm.xchart.XYChart;

/** Draws the loss over the learning rate. */
final class LrCurve {
  private static final int WIDTH = 800;
  private static final int HEIGHT = 500;

  /** Below this there are labels between decades, too. */
  private static final double FEW_DECADES = 100;

  private static final Pattern DIGIT = Pattern.compile("^0*\\.?0*[125]0*(e.*)?$");

  private static final String X = "learning rate";
  private static final String Y = "smoothed loss";

  private LrCurve() {}

  /** Whether a file's name says how it is to be drawn. */
  static boolean isDrawn(Path file) {
    String name = file.toString().toLowerCase(Locale.ROOT);
    return name.endsWith(".png") || name.endsWith(".svg");
  }

  /**
   * Writes the picture; an older one is replaced only by a whole one.
   *
   * @throws IOException if it cannot be written
   */
  static void write(Path file, Result result, String title) throws IOException {
    double[] rates = values(result.points(), Point::rate);
    double[] losses = values(result.points(), Point::smoothed);
    int suggested = suggested(result);
    if (file.toString().toLowerCase(Locale.ROOT).endsWith(".svg")) {
      SvgLines lines = new SvgLines(X, Y, false).withLogarithmicX();
      lines.add("loss", rates, losses, false);
      if (suggested >= 0) {
        double at = rates[suggested];
        double[] ends = {min(losses), losses[suggested]};
        lines.add("falls fastest", new double[] {at, at}, ends, true);
      }
      RunFolder.replace(file, lines.svg() + "\n");
      return;
    }
    XYChart chart = Curves.panel(title, X, Y, WIDTH, HEIGHT);
    chart
        .getStyler()
        .setXAxisLogarithmic(true)
        .setXAxisMin(rates[0])
        .setXAxisMax(rates[rates.length - 1]);
    if (rates[rates.length - 1] < FEW_DECADES * rates[0]) {
      chart.getStyler().setXAxisLogarithmicDecadeOnly(false);
    }
    chart.getStyler().setXAxisTickLabelsFormattingFunction(LrCurve::label);
    Curves.drawRates(chart, rates, losses, suggested);
    PngFile.write(file, chart);
  }

  /** Of what lies between decades, 2 and 5 have a label. */
  private static String label(double rate) {
    String text = SvgScale.text(rate);
    return DIGIT.matcher(text).find() ? text : "";
  }

  private static int suggested(Result result) {
    for (int i = 0; i < result.points().size(); i++) {
      if (result.points().get(i).rate() == result.steepest()) {
        return i;
      }
    }
    return -1;
  }

  private static double min(double[] values) {
    double min = Double.POSITIVE_INFINITY;
    for (double value : values) {
      min = Math.min(min, value);
    }
    return min;
  }

  private static double[] values(List<Point> points, ToDoubleFunction<Point> value) {
    return points.stream().mapToDouble(value).toArray();
  }
}
