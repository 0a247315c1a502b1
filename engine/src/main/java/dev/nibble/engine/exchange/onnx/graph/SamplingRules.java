package dev.nibble.engine.exchange.onnx.graph;

import dev.nibble.engine.exchange.onnx.graph.Operation.Sampled;
import dev.nibble.engine.exchange.onnx.model.Node;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** What makes pixels of other pixels: Resize and Upsample, Pad by values of the map, Gather. */
final class SamplingRules {
  /** Longer than any axis of a picture. */
  private static final int MOST = 1 << 16;

  private final Drafts drafts;

  SamplingRules(Drafts drafts) {
    this.drafts = drafts;
  }

  /** An axis' places, and the shares of their next ones. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Axis(int[] places, float[] weights) {
    static Axis of(int[] places) {
      return new Axis(places, new float[places.length]);
    }
  }

  private Value add(Call call, Shape in, Axis rows, Axis columns) {
    Operation operation = new Sampled(rows.places, rows.weights, columns.places, columns.weights);
    Shape out = Shape.map(in.channels(), rows.places.length, columns.places.length);
    return drafts.add(call.node(), operation, out, call.computed(0).id());
  }

  private static Axis all(int size) {
    return Axis.of(IntStream.range(0, size).toArray());
  }

  /** Places along the pixels' axes, null for all of them; used by Slice, too. */
  Value picked(Call call, Shape in, int @Nullable [] rows, int @Nullable [] columns) {
    return add(
        call,
        in,
        rows == null ? all(in.height()) : Axis.of(rows),
        columns == null ? all(in.width()) : Axis.of(columns));
  }

  /** Known places along one of the pixels' axes. */
  Value gather(Call call) {
    Shape in = call.map(0);
    int axis = call.axis(call.node().integer("axis", 0), 4);
    Constant constant = call.knownOrNull(1);
    Numbers numbers = constant == null ? null : constant.numbers();
    long[] given = numbers == null || numbers.rank() != 1 ? null : numbers.longs();
    if (given == null || given.length == 0 || axis < 2) {
      throw new UnsupportedException("picks by what is no list of rows or columns");
    }
    long size = in.fixed(axis);
    int[] places = new int[given.length];
    for (int i = 0; i < places.length; i++) {
      long place = given[i] < 0 ? given[i] + size : given[i];
      call.require(place >= 0 && place < size, "picks beyond its input's end");
      places[i] = (int) place;
    }
    return picked(call, in, axis == 2 ? places : null, axis == 3 ? places : null);
  }

  /** By the map's own values: its edge, its reflection, or the other side. */
  Value pad(Call call, Shape in, String mode, long[] before, long[] after) {
    int[][] places = new int[4][];
    for (int axis = 0; axis < 4; axis++) {
      boolean isNone = before[axis] == 0 && after[axis] == 0;
      if (axis < 2 && !isNone) {
        throw new UnsupportedException("pads channels or pictures by their own values");
      }
      if (before[axis] < 0 || after[axis] < 0) {
        throw new UnsupportedException("crops");
      }
      if (axis >= 2) {
        int size = (int) in.fixed(axis);
        long most = mode.equals("reflect") ? size - 1L : size;
        call.require(
            mode.equals("edge") || (before[axis] <= most && after[axis] <= most),
            "has a padding that is wider than what it reads");
        places[axis] = padded(call, mode, size, before[axis], after[axis]);
      }
    }
    return add(call, in, Axis.of(places[2]), Axis.of(places[3]));
  }

  private static int[] padded(Call call, String mode, int size, long before, long after) {
    call.require(before + size + after <= MOST, "has a huge padding");
    int[] places = new int[(int) (before + size + after)];
    for (int i = 0; i < places.length; i++) {
      int place = i - (int) before;
      places[i] =
          switch (mode) {
            case "edge" -> Math.clamp(place, 0, size - 1);
            case "wrap" -> Math.floorMod(place, size);
            default -> place < 0 ? -place : place < size ? place : 2 * (size - 1) - place;
          };
    }
    return places;
  }

  Value resize(Call call) {
    Node node = call.node();
    Shape in = call.map(0);
    boolean isOld = node.operator().equals("Upsample") || call.opset() < 11;
    String mode = node.text("mode", "nearest");
    boolean isLinear = mode.equals("linear") || mode.equals("bilinear");
    if (!isLinear && !mode.equals("nearest")) {
      throw new UnsupportedException("resizes by mode '%s'".formatted(mode));
    }
    if (node.integer("antialias", 0) != 0
        || !node.text("keep_aspect_ratio_policy", "stretch").equals("stretch")) {
      throw new UnsupportedException("smooths before it resizes, or keeps the aspect");
    }
    double[] scales = new double[] {1, 1, 1, 1};
    int[] lengths = lengths(call, in, isOld ? 1 : 2, scales);
    Axis[] axes = new Axis[2];
    for (int i = 0; i < 2; i++) {
      int size = (int) in.fixed(i + 2);
      String coordinates =
          isOld ? "asymmetric" : node.text("coordinate_transformation_mode", "half_pixel");
      String rounding = isOld ? "floor" : node.text("nearest_mode", "round_prefer_floor");
      axes[i] =
          isLinear
              ? linear(size, lengths[i], scales[i + 2], coordinates)
              : nearest(size, lengths[i], scales[i + 2], coordinates, rounding);
    }
    return add(call, in, axes[0], axes[1]);
  }

  /** Rows and columns that come out; fills in the scales. */
  private static int[] lengths(Call call, Shape in, int place, double[] scales) {
    long[] axes = call.node().integers("axes");
    long[] which = axes == null ? new long[] {0, 1, 2, 3} : axes;
    double[] given = numbers(call, place);
    if (given == null || given.length == 0) {
      double[] attribute = call.node().reals("scales");
      given = attribute == null ? given : attribute;
    }
    boolean isScaled = given != null && given.length > 0;
    double[] wanted = isScaled ? given : sizes(call, in, which.length);
    if (wanted == null || wanted.length != which.length) {
      throw new UnsupportedException("resizes to what depends on the pictures");
    }
    int[] lengths = {in.height(), in.width()};
    for (int i = 0; i < which.length; i++) {
      int axis = call.axis(which[i], 4);
      boolean isPixels = axis >= 2;
      double size = isPixels ? in.fixed(axis) : 1;
      double length = isScaled ? Math.floor(size * (float) wanted[i]) : wanted[i];
      if (!isPixels) {
        boolean isKept = isScaled ? wanted[i] == 1 : axis == 0 || wanted[i] == in.fixed(axis);
        if (!isKept) {
          throw new UnsupportedException("resizes channels, or the number of pictures");
        }
        continue;
      }
      call.require(length >= 1 && length <= MOST, "resizes to nothing, or too much");
      lengths[axis - 2] = (int) length;
      scales[axis] = isScaled ? (float) wanted[i] : (float) length / (float) size;
    }
    return lengths;
  }

  private static double @Nullable [] numbers(Call call, int place) {
    Constant constant = call.knownOrNull(place);
    Numbers numbers = constant == null ? null : constant.numbers();
    return numbers == null ? null : numbers.reals();
  }

  /** The sizes, where that of the batch is its own. */
  private static double @Nullable [] sizes(Call call, Shape in, int count) {
    Constant constant = call.knownOrNull(3);
    Numbers numbers = constant == null ? null : constant.numbers();
    if (numbers == null || numbers.count() != count) {
      return null;
    }
    Extent[] wholes = numbers.wholes();
    double[] sizes = new double[count];
    for (int i = 0; i < count; i++) {
      boolean isBatch = wholes[i].equals(in.extents().getFirst());
      if (!wholes[i].isFixed() && !isBatch) {
        return null;
      }
      sizes[i] = isBatch ? 1 : wholes[i].fixed();
    }
    return sizes;
  }

  /** Where a result lies on the axis that is resized. */
  private static double at(int i, int size, int length, double scale, String coordinates) {
    return switch (coordinates) {
      case "half_pixel" -> (i + 0.5) / scale - 0.5;
      case "pytorch_half_pixel" -> length > 1 ? (i + 0.5) / scale - 0.5 : 0;
      case "align_corners" -> length > 1 ? i * (size - 1.0) / (length - 1) : 0;
      case "asymmetric" -> i / scale;
      case "tf_half_pixel_for_nn" -> (i + 0.5) / scale;
      default -> throw new UnsupportedException("has coordinates by '%s'".formatted(coordinates));
    };
  }

  private static Axis nearest(
      int size, int length, double scale, String coordinates, String rounding) {
    int[] places = new int[length];
    for (int i = 0; i < length; i++) {
      // As runtimes compute it, in floats.
      float at = (float) at(i, size, length, scale, coordinates);
      double place =
          switch (rounding) {
            case "round_prefer_floor" -> Math.ceil(at - 0.5f);
            case "round_prefer_ceil" -> Math.floor(at + 0.5f);
            case "floor" -> Math.floor(at);
            case "ceil" -> Math.ceil(at);
            default -> throw new UnsupportedException("rounds by '%s'".formatted(rounding));
          };
      places[i] = (int) Math.clamp(place, 0, size - 1.0);
    }
    return Axis.of(places);
  }

  private static Axis linear(int size, int length, double scale, String coordinates) {
    int[] places = new int[length];
    float[] weights = new float[length];
    for (int i = 0; i < length; i++) {
      double at = Math.clamp(at(i, size, length, scale, coordinates), 0, size - 1.0);
      places[i] = (int) at;
      weights[i] = (float) (at - places[i]);
      if (weights[i] == 1) {
        places[i]++;
        weights[i] = 0;
      }
    }
    return new Axis(places, weights);
  }
}
