package dev.nibble.bench.page;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.FontMetrics;
import java.awt.Graphics2D;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.DoubleFunction;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** Memory and time of a step against depth: two panels side by side. */
final class DepthChart {
  static final int PANEL = 640;
  static final int HEIGHT = 560;

  private static final Map<String, Color> COLORS =
      Map.of(
          "fp32",
          new Color(0x2F, 0x9E, 0x44),
          "int8",
          new Color(0x1C, 0x7E, 0xD6),
          "int4",
          new Color(0xE8, 0x59, 0x0C),
          "int2",
          new Color(0x9C, 0x36, 0xB5),
          Depths.PYTORCH,
          new Color(0x34, 0x3A, 0x40));

  /** Room on the right for the lines' last values. */
  private static final double ROOM = 2.4;

  private static final int LINE_HEIGHT = 16;

  private final Depths depths;

  /** Where a line ends, and what stands there. */
  private record End(String text, Color color, double x, double y) {}

  /** A panel's figures. */
  private interface Figure {
    double of(int depth, String store);
  }

  private DepthChart(Depths depths) {
    this.depths = depths;
  }

  /**
   * Writes the picture.
   *
   * @throws IOException if it cannot be written
   */
  static void write(Path file, Depths depths) throws IOException {
    DepthChart plot = new DepthChart(depths);
    Picture.write(file, 2 * PANEL, HEIGHT, plot::draw);
  }

  private void draw(Graphics2D graphics) {
    String batch = ", batch " + depths.batch();
    panel(graphics, "Memory of a training step" + batch, "MiB", depths::mib, Units::gib);
    graphics.translate(PANEL, 0);
    panel(graphics, "Time of a training step" + batch, "seconds", depths::seconds, Units::time);
  }

  private void panel(
      Graphics2D graphics,
      String title,
      String unit,
      Figure figure,
      DoubleFunction<String> format) {
    List<Integer> all = depths.depths();
    double least = Double.POSITIVE_INFINITY;
    double most = 0;
    for (int depth : all) {
      for (String store : Depths.STORES) {
        double value = figure.of(depth, store);
        if (value > 0) {
          least = Math.min(least, value);
          most = Math.max(most, value);
        }
      }
    }
    if (most == 0) {
      least = 1;
      most = 10;
    }
    LogChart chart = new LogChart(PANEL, HEIGHT, title, "depth (layers)", unit);
    chart.hideXTicks();
    double bottom = least / 1.6;
    double top = most * 2.2;
    chart.range(all.getFirst() / 1.25, all.getLast() * ROOM, bottom, top);
    for (int depth : all) {
      chart
          .line(
              "at " + depth, new double[] {depth, depth}, new double[] {bottom, top}, LogChart.GRID)
          .width(1)
          .unmarked()
          .outOfLegend();
    }
    for (String store : Depths.STORES) {
      addLine(chart, store, figure);
    }
    chart.paint(graphics);
    drawDepths(graphics, chart, all, bottom, top);
    drawEnds(graphics, chart, figure, format);
  }

  private static Color color(String store) {
    return Objects.requireNonNull(COLORS.get(store));
  }

  /** Basic and bottleneck blocks are networks of two kinds: no line joins them. */
  private void addLine(LogChart chart, String store, Figure figure) {
    boolean named = false;
    for (boolean bottleneck : new boolean[] {false, true}) {
      double[] x =
          depths.depths().stream()
              .filter(d -> d >= Depths.BOTTLENECK == bottleneck && figure.of(d, store) > 0)
              .mapToDouble(d -> d)
              .toArray();
      if (x.length > 0) {
        double[] y = new double[x.length];
        for (int i = 0; i < x.length; i++) {
          y[i] = figure.of((int) x[i], store);
        }
        String name = store.equals(Depths.PYTORCH) ? "PyTorch" : store;
        LogChart.Line line = chart.line(named ? name + " bottleneck" : name, x, y, color(store));
        if (store.equals(Depths.PYTORCH)) {
          line.dashed().marker(SeriesMarkers.SQUARE);
        } else {
          line.width(store.equals("int4") ? 3 : 1.6f);
        }
        if (named) {
          line.outOfLegend();
        }
        named = true;
      }
    }
  }

  private static void drawDepths(
      Graphics2D graphics, LogChart chart, List<Integer> all, double bottom, double top) {
    graphics.setFont(LogChart.SMALL.deriveFont(13f));
    graphics.setColor(LogChart.INK);
    FontMetrics metrics = graphics.getFontMetrics();
    float y = (float) chart.screenY(bottom) + metrics.getAscent() + 6;
    for (int depth : all) {
      String text = "" + depth;
      graphics.drawString(text, (float) chart.screenX(depth) - metrics.stringWidth(text) / 2f, y);
    }
    caption(
        graphics,
        chart,
        all.stream().filter(d -> d < Depths.BOTTLENECK).toList(),
        top,
        "basic blocks");
    caption(
        graphics,
        chart,
        all.stream().filter(d -> d >= Depths.BOTTLENECK).toList(),
        top,
        "bottleneck blocks");
  }

  /** A bracket over the depths of one kind of block. */
  private static void caption(
      Graphics2D graphics, LogChart chart, List<Integer> of, double top, String text) {
    if (of.isEmpty()) {
      return;
    }
    graphics.setFont(LogChart.SMALL);
    graphics.setStroke(new BasicStroke(1f));
    double left = chart.screenX(of.getFirst()) - 8;
    double right = chart.screenX(of.getLast()) + 8;
    int y = (int) chart.screenY(top) + LINE_HEIGHT;
    graphics.setColor(Color.LIGHT_GRAY);
    graphics.drawLine((int) left, y + 4, (int) right, y + 4);
    graphics.setColor(LogChart.INK);
    int width = graphics.getFontMetrics().stringWidth(text);
    graphics.drawString(text, (float) (left + right - width) / 2, y);
  }

  /** Each line's last value, moved apart where they would touch. */
  private void drawEnds(
      Graphics2D graphics, LogChart chart, Figure figure, DoubleFunction<String> format) {
    List<End> ends = new ArrayList<>();
    for (String store : Depths.STORES) {
      depths.depths().stream()
          .filter(d -> figure.of(d, store) > 0)
          .max(Comparator.naturalOrder())
          .ifPresent(
              depth -> {
                double value = figure.of(depth, store);
                String name = store.equals(Depths.PYTORCH) ? "PyTorch" : store;
                ends.add(
                    new End(
                        name + " " + format.apply(value),
                        color(store),
                        chart.screenX(depth) + 9,
                        chart.screenY(value) + 4));
              });
    }
    ends.sort(Comparator.comparingDouble(End::y));
    graphics.setFont(LogChart.SMALL);
    double[] places = apart(ends);
    double last = ends.stream().mapToDouble(End::x).max().orElse(0);
    for (int i = 0; i < places.length; i++) {
      End end = ends.get(i);
      graphics.setColor(end.color().darker());
      // Where other lines go on to the right, there is room above only.
      boolean goesOn = end.x() < last;
      double left = goesOn ? graphics.getFontMetrics().stringWidth(end.text()) / 2.0 + 9 : 0;
      graphics.drawString(
          end.text(), (float) (end.x() - left), (float) (places[i] - (goesOn ? LINE_HEIGHT : 0)));
    }
  }

  /** Pushes neighbours apart evenly, up and down; those that end at other depths stay. */
  private static double[] apart(List<End> ends) {
    double[] y = ends.stream().mapToDouble(End::y).toArray();
    for (int round = 0; round < 100; round++) {
      for (int i = 1; i < y.length; i++) {
        double missing = LINE_HEIGHT - (y[i] - y[i - 1]);
        if (missing > 0 && ends.get(i).x() == ends.get(i - 1).x()) {
          y[i - 1] -= missing / 2;
          y[i] += missing / 2;
        }
      }
    }
    return y;
  }
}
