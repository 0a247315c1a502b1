package dev.nibble.engine.exchange.onnx;

import dev.nibble.engine.protobuf.MessageWriter;
import dev.nibble.kernels.AxisSampling;
import dev.nibble.kernels.Sampling;
import java.util.function.Consumer;

/**
 * Sampled pixels as nodes of a graph: a Resize where it is one by whole factors, else a Gather or a
 * product with a matrix for each axis.
 */
final class OnnxSampling {
  private final Consumer<OnnxNode> nodes;
  private final Consumer<MessageWriter> constants;

  OnnxSampling(Consumer<OnnxNode> nodes, Consumer<MessageWriter> constants) {
    this.nodes = nodes;
    this.constants = constants;
  }

  void write(Sampling op, String x, String y) {
    AxisSampling rows = op.rows();
    AxisSampling columns = op.columns();
    boolean isWhole = rows.length() % rows.size() == 0 && columns.length() % columns.size() == 0;
    if (isWhole && isNearest(rows) && isNearest(columns)) {
      scales(op, y);
      nodes.accept(
          new OnnxNode("Resize", y, x, "", y + ".scales")
              .with("mode", "nearest")
              .with("coordinate_transformation_mode", "asymmetric")
              .with("nearest_mode", "floor"));
      return;
    }
    if (isWhole && isLinear(rows) && isLinear(columns)) {
      scales(op, y);
      nodes.accept(
          new OnnxNode("Resize", y, x, "", y + ".scales")
              .with("mode", "linear")
              .with("coordinate_transformation_mode", "half_pixel"));
      return;
    }
    String middle = y + ".rows";
    axis(rows, 2, x, middle);
    axis(columns, 3, middle, y);
  }

  private static boolean isNearest(AxisSampling axis) {
    return axis.equals(AxisSampling.nearest(axis.size(), axis.length()));
  }

  private static boolean isLinear(AxisSampling axis) {
    return axis.equals(AxisSampling.linear(axis.size(), axis.length()));
  }

  private void scales(Sampling op, String y) {
    float[] scales = {
      1,
      1,
      (float) op.rows().length() / op.rows().size(),
      (float) op.columns().length() / op.columns().size()
    };
    constants.accept(OnnxTensor.of(y + ".scales", scales));
  }

  private void axis(AxisSampling axis, int number, String x, String y) {
    if (axis.equals(AxisSampling.identity(axis.size()))) {
      nodes.accept(new OnnxNode("Identity", y, x));
      return;
    }
    int[] places = axis.places();
    if (axis.isPicked()) {
      long[] indices = new long[places.length];
      for (int i = 0; i < places.length; i++) {
        indices[i] = places[i];
      }
      constants.accept(OnnxTensor.of(y + ".places", indices));
      nodes.accept(new OnnxNode("Gather", y, x, y + ".places").with("axis", (long) number));
      return;
    }
    boolean isRows = number == 2;
    float[] weights = axis.weights();
    float[] matrix = new float[Math.multiplyExact(places.length, axis.size())];
    for (int i = 0; i < places.length; i++) {
      set(matrix, axis, isRows, i, places[i], 1 - weights[i]);
      if (weights[i] != 0) {
        set(matrix, axis, isRows, i, places[i] + 1, weights[i]);
      }
    }
    int[] shape =
        isRows ? new int[] {places.length, axis.size()} : new int[] {axis.size(), places.length};
    constants.accept(OnnxTensor.of(y + ".shares", matrix, shape));
    nodes.accept(
        isRows
            ? new OnnxNode("MatMul", y, y + ".shares", x)
            : new OnnxNode("MatMul", y, x, y + ".shares"));
  }

  private static void set(
      float[] matrix, AxisSampling axis, boolean isRows, int result, int place, float share) {
    matrix[isRows ? result * axis.size() + place : place * axis.length() + result] = share;
  }
}
