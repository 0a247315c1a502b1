package dev.nibble.bench.page;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
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

/** A chart with two logarithmic axes, in the style of all pictures of the page. */
final class LogChart {
  static final Color INK = new Color(0x34, 0x3A, 0x40);
  static final Color GRID = new Color(0xE9, 0xEC, 0xEF);
  static final Font SMALL = new Font(Font.SANS_SERIF, Font.PLAIN, 12);

  private static final Font PLAIN = new Font(Font.SANS_SERIF, Font.PLAIN, 13);
  private static final Font TITLE = new Font(Font.SANS_SERIF, Font.BOLD, 16);
  private static final int DASH = 5;
  private static final int TICK_ROOM = 20;

  private final XYChart chart;

  LogChart(int width, int height, String title, String xTitle, String yTitle) {
    chart =
        new XYChartBuilder()
            .width(width)
            .height(height)
            .title(title)
            .xAxisTitle(xTitle)
            .yAxisTitle(yTitle)
            .build();
    XYStyler styler = chart.getStyler();
    styler.setXAxisLogarithmic(true).setYAxisLogarithmic(true);
    styler.setXAxisLogarithmicDecadeOnly(false).setYAxisLogarithmicDecadeOnly(false);
    styler.setXAxisTickLabelsFormattingFunction(LogChart::tick);
    styler.setYAxisTickLabelsFormattingFunction(LogChart::tick);
    styler.setPlotGridLinesColor(GRID).setPlotGridLinesStroke(new BasicStroke(1f));
    styler.setAxisTickLabelsFont(PLAIN).setAxisTitleFont(PLAIN).setAxisTicksMarksVisible(false);
    styler.setAxisTickLabelsColor(INK);
    styler.setAxisTitlePadding(10);
    styler.setChartBackgroundColor(Color.WHITE);
    styler.setPlotBackgroundColor(Color.WHITE);
    styler.setPlotBorderVisible(false);
    styler.setPlotContentSize(1);
    styler.setChartPadding(16);
    styler.setChartFontColor(INK);
    styler.setChartTitleBoxVisible(false).setChartTitleFont(TITLE);
    styler.setLegendFont(PLAIN);
    styler.setLegendPosition(LegendPosition.OutsideS);
    styler.setLegendLayout(LegendLayout.Horizontal);
    styler.setLegendBorderColor(Color.WHITE);
    styler.setLegendPadding(14);
  }

  /** A decade's 1, 2 and 5 are labelled; a blank keeps the others' room. */
  private static String tick(double value) {
    double decade = Math.pow(10, Math.floor(Math.log10(value) + 1e-9));
    long leading = Math.round(value / decade);
    if (leading != 1 && leading != 2 && leading != 5) {
      return " ";
    }
    int decimals = (int) Math.max(0, -Math.round(Math.log10(decade)));
    return String.format(Locale.ROOT, "%,." + decimals + "f", value);
  }

  /** Fixes what the axes show. */
  void range(double left, double right, double bottom, double top) {
    chart.getStyler().setXAxisMin(left).setXAxisMax(right).setYAxisMin(bottom).setYAxisMax(top);
  }

  /** Leaves the horizontal axis to marks that the caller draws. */
  void hideXTicks() {
    chart.getStyler().setXAxisTickLabelsFormattingFunction(value -> " ");
    chart.getStyler().setPlotGridVerticalLinesVisible(false).setAxisTitlePadding(TICK_ROOM);
  }

  /** A line through points, with a mark at each. */
  Line line(String name, double[] x, double[] y, Color color) {
    return new Line(chart.addSeries(name, x, y), color);
  }

  /** Points alone. */
  void points(String name, double[] x, double[] y, Color color, Marker marker) {
    XYSeries series = chart.addSeries(name, x, y);
    series.setXYSeriesRenderStyle(XYSeries.XYSeriesRenderStyle.Scatter);
    series.setMarker(marker).setMarkerColor(color);
  }

  void paint(Graphics2D graphics) {
    chart.paint(graphics, chart.getWidth(), chart.getHeight());
  }

  /** Where a value lies in the picture; known once it is painted. */
  double screenX(double value) {
    return chart.getScreenXFromChart(value);
  }

  /** Where a value lies in the picture; known once it is painted. */
  double screenY(double value) {
    return chart.getScreenYFromChart(value);
  }

  /** What a line looks like. */
  static final class Line {
    private final XYSeries series;

    private Line(XYSeries series, Color color) {
      this.series = series;
      series.setMarker(SeriesMarkers.CIRCLE).setMarkerColor(color);
      series.setLineColor(color);
      width(2);
    }

    Line width(float width) {
      // The style takes the width that is set before it.
      series.setLineWidth(width).setLineStyle(SeriesLines.SOLID);
      return this;
    }

    Line dashed() {
      series.setLineStyle(
          new BasicStroke(
              2f, BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND, 1f, new float[] {DASH, DASH}, 0));
      return this;
    }

    Line marker(Marker marker) {
      series.setMarker(marker);
      return this;
    }

    Line unmarked() {
      return marker(SeriesMarkers.NONE);
    }

    Line outOfLegend() {
      series.setShowInLegend(false);
      return this;
    }
  }
}
