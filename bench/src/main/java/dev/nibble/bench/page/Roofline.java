package dev.nibble.bench.page;

import dev.nibble.bench.page.ResultFolder.Measured;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.FontMetrics;
import java.awt.Graphics2D;
import java.awt.geom.AffineTransform;
import java.awt.geom.Line2D;
import java.awt.geom.Point2D;
import java.awt.geom.Rectangle2D;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.knowm.xchart.style.markers.Marker;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** Every stage against the machine's two roofs: what its arithmetic allows, and what its bytes. */
final class Roofline {
  static final int WIDTH = 1100;
  static final int HEIGHT = 720;

  private static final Color FORWARD = new Color(0x1C, 0x7E, 0xD6);
  private static final Color BACKWARD = new Color(0xE8, 0x59, 0x0C);
  private static final Color ROOF = new Color(0x86, 0x8E, 0x96);
  private static final double MARGIN = 1.25;
  private static final int TEXT_RISE = 5;
  private static final int TEXT_START = 12;

  private final List<Point> points;
  private final double compute;
  private final double bandwidth;
  private final int threads;

  private record Point(String label, boolean forward, double intensity, double gflops) {}

  private Roofline(List<Measured> stages) {
    Measured last = stages.getLast();
    threads = last.threads();
    compute = last.run().peak().gflops(threads);
    bandwidth = last.run().peak().copy(threads);
    points = stages.stream().map(Roofline::point).toList();
  }

  private static Point point(Measured stage) {
    double gflop = stage.result().number("gflop");
    return new Point(
        StageName.brief(stage.result().param("shape")),
        stage.result().param("pass").equals("forward"),
        gflop * 1e9 / stage.result().number("bytes"),
        gflop / stage.result().seconds());
  }

  /** The stages that the plot shows: those that store 4 bits, and the network's ends. */
  static List<Measured> stages(ResultFolder folder) {
    List<Measured> all =
        folder.newest("stage").stream()
            .filter(s -> s.result().param("store").matches("int4|kept"))
            .filter(s -> s.run().peak().gflopsPerThread() > 0)
            .filter(s -> s.result().number("gflop") > 0 && s.result().number("bytes") > 0)
            .filter(s -> s.result().seconds() > 0)
            .toList();
    // One pair of roofs: those of the newest run.
    return all.stream().filter(s -> s.run().equals(all.getLast().run())).toList();
  }

  /** Whether a stage is faster than the direct algorithm could be. */
  static boolean anyAboveCompute(List<Measured> stages) {
    Roofline plot = new Roofline(stages);
    return plot.points.stream().anyMatch(p -> p.gflops() > plot.compute);
  }

  /** Whether a stage is faster than memory could feed it. */
  static boolean anyAboveBandwidth(List<Measured> stages) {
    Roofline plot = new Roofline(stages);
    return plot.points.stream().anyMatch(p -> p.gflops() > p.intensity() * plot.bandwidth);
  }

  /**
   * Writes the picture.
   *
   * @param stages at least one, all of one run
   * @throws IOException if it cannot be written
   */
  static void write(Path file, List<Measured> stages) throws IOException {
    Roofline plot = new Roofline(stages);
    Picture.write(file, WIDTH, HEIGHT, plot::draw);
  }

  private void draw(Graphics2D graphics) {
    double left = points.stream().mapToDouble(Point::intensity).min().orElseThrow() / MARGIN;
    double right = points.stream().mapToDouble(Point::intensity).max().orElseThrow() * MARGIN;
    double low = points.stream().mapToDouble(Point::gflops).min().orElseThrow() / MARGIN;
    double high = points.stream().mapToDouble(Point::gflops).max().orElseThrow() * MARGIN;
    double ridge = compute / bandwidth;
    left = Math.min(left, ridge / 2);
    right = Math.max(right, ridge * 2);
    low = Math.min(low, left * bandwidth / MARGIN);
    high = Math.max(high, compute * MARGIN * MARGIN);
    LogChart chart =
        new LogChart(
            WIDTH,
            HEIGHT,
            "Fused stages against this machine's roofs, " + threads(threads),
            "arithmetic intensity (FLOP per byte that must move)",
            "GFLOP/s (direct algorithm's count)");
    chart.range(left, right, low, high);
    double[] roofX = {left, ridge, right};
    double[] roofY = {left * bandwidth, compute, compute};
    chart.line("roof", roofX, roofY, ROOF).unmarked().outOfLegend();
    add(chart, "forward", true, FORWARD, SeriesMarkers.CIRCLE);
    add(chart, "backward", false, BACKWARD, SeriesMarkers.SQUARE);
    chart.paint(graphics);
    Point2D start = screen(chart, left, left * bandwidth);
    Point2D knee = screen(chart, ridge, compute);
    Point2D end = screen(chart, right, compute);
    List<Line2D> obstacles = new ArrayList<>();
    obstacles.add(new Line2D.Double(start, knee));
    obstacles.add(new Line2D.Double(knee, end));
    obstacles.addAll(drawRoofNames(graphics, start, knee, end));
    Rectangle2D bounds =
        new Rectangle2D.Double(
            start.getX(),
            chart.screenY(high),
            end.getX() - start.getX(),
            chart.screenY(low) - chart.screenY(high));
    drawLabels(graphics, chart, bounds, obstacles);
  }

  private static String threads(int count) {
    return count == 1 ? "one thread" : count + " threads";
  }

  private void add(LogChart chart, String name, boolean forward, Color color, Marker marker) {
    List<Point> mine = points.stream().filter(p -> p.forward() == forward).toList();
    if (!mine.isEmpty()) {
      double[] x = mine.stream().mapToDouble(Point::intensity).toArray();
      double[] y = mine.stream().mapToDouble(Point::gflops).toArray();
      chart.points(name, x, y, color, marker);
    }
  }

  private static Point2D screen(LogChart chart, double x, double y) {
    return new Point2D.Double(chart.screenX(x), chart.screenY(y));
  }

  /** Writes along the roofs what they are; returns lines that no label may cross there. */
  private List<Line2D> drawRoofNames(
      Graphics2D graphics, Point2D start, Point2D knee, Point2D end) {
    graphics.setFont(LogChart.SMALL);
    graphics.setColor(ROOF.darker());
    FontMetrics metrics = graphics.getFontMetrics();
    double top = TEXT_RISE + metrics.getAscent();
    String flat =
        "compute roof: %s GFLOP/s, multiply-adds in registers".formatted(Units.digits(compute));
    double x = end.getX() - metrics.stringWidth(flat) - TEXT_RISE;
    graphics.drawString(flat, (float) x, (float) knee.getY() - TEXT_RISE);
    AffineTransform upright = graphics.getTransform();
    AffineTransform along = AffineTransform.getTranslateInstance(start.getX(), start.getY());
    along.rotate(knee.getX() - start.getX(), knee.getY() - start.getY());
    graphics.transform(along);
    String slope = "memory roof: %s GB/s, copy".formatted(Units.digits(bandwidth));
    graphics.drawString(slope, TEXT_START, -TEXT_RISE);
    graphics.setTransform(upright);
    double length = TEXT_START + metrics.stringWidth(slope);
    Point2D from = along.transform(new Point2D.Double(TEXT_START, -top), null);
    Point2D to = along.transform(new Point2D.Double(length, -top), null);
    double y = knee.getY() - top;
    return List.of(
        new Line2D.Double(from, to),
        new Line2D.Double(x, y, end.getX(), y),
        new Line2D.Double(x, y + top / 2, end.getX(), y + top / 2));
  }

  private void drawLabels(
      Graphics2D graphics, LogChart chart, Rectangle2D bounds, List<Line2D> roofs) {
    graphics.setFont(LogChart.SMALL);
    FontMetrics metrics = graphics.getFontMetrics();
    LabelPlacement placement = new LabelPlacement(bounds, roofs);
    List<Point2D> anchors = new ArrayList<>();
    for (Point point : points) {
      Point2D anchor = screen(chart, point.intensity(), point.gflops());
      anchors.add(anchor);
      placement.add(anchor, metrics.stringWidth(point.label()) + 2, metrics.getAscent() + 1);
    }
    List<Rectangle2D> places = placement.place();
    graphics.setStroke(new BasicStroke(0.7f));
    for (int i = 0; i < places.size(); i++) {
      Color color = points.get(i).forward() ? FORWARD : BACKWARD;
      graphics.setColor(color);
      graphics.draw(LabelPlacement.leader(anchors.get(i), places.get(i)));
      graphics.setColor(color.darker());
      graphics.drawString(
          points.get(i).label(),
          (float) places.get(i).getMinX() + 1,
          (float) places.get(i).getMaxY() - 2);
    }
  }
}
