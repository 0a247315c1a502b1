package dev.nibble.engine.exchange.onnx.graph;

import dev.nibble.engine.exchange.onnx.graph.Operation.AveragePool;
import dev.nibble.engine.exchange.onnx.graph.Operation.Convolution;
import dev.nibble.engine.exchange.onnx.graph.Operation.GlobalAverage;
import dev.nibble.engine.exchange.onnx.graph.Operation.MaxPool;
import dev.nibble.engine.exchange.onnx.model.Node;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Convolution and pooling. */
final class WindowRules {
  /** Larger than any picture that fits memory. */
  private static final long MOST = 1 << 20;

  private final Drafts drafts;

  WindowRules(Drafts drafts) {
    this.drafts = drafts;
  }

  Value convolution(Call call) {
    Node node = call.node();
    Shape in = call.shape(0);
    // Along one axis: as of a map of one row, which SingleRows makes of it.
    boolean isRow = in.isRow();
    in = isRow ? in.asMap() : call.map(0);
    Weight weight = isRow ? rows(call.weight(1)) : call.weight(1);
    long[] dims = weight.dims();
    if (dims.length != 4) {
      throw new UnsupportedException("has weights of %d axes, not 4".formatted(dims.length));
    }
    long groups = node.integer("group", 1);
    call.require(
        groups >= 1 && dims[1] >= 1 && dims[0] % groups == 0 && in.channels() == dims[1] * groups,
        "reads %d channels in %d groups, but its weights are %s"
            .formatted(in.channels(), groups, Arrays.toString(dims)));
    long[] kernel = twoAxes(isRow, node.integers("kernel_shape"), 1);
    call.require(
        kernel == null || (kernel.length == 2 && kernel[0] == dims[2] && kernel[1] == dims[3]),
        "has a kernel_shape that is not its weights'");
    Window window = window(call, in, isRow, dims[2], dims[3]);
    Weight bias = call.bias(2);
    call.require(
        bias == null || (bias.dims().length == 1 && bias.elements() == dims[0]),
        "has a bias that is not one value a channel");
    Shape out =
        Shape.map(
            dims[0],
            extent(call, padded(in.height(), window.top(), window.bottom()), rows(window), false),
            extent(
                call, padded(in.width(), window.left(), window.right()), columns(window), false));
    return drafts.add(
        node,
        new Convolution(window, (int) groups, weight, bias),
        isRow ? out.asRow() : out,
        call.computed(0).id());
  }

  /** O,I,W as O,I,1,W. */
  private static Weight rows(Weight weight) {
    long[] dims = weight.dims();
    Weight rows =
        dims.length == 3 ? weight.reshaped(new long[] {dims[0], dims[1], 1, dims[2]}) : null;
    if (rows == null) {
      throw new UnsupportedException("has weights of other than three axes, or turned ones");
    }
    return rows;
  }

  /** What an attribute says of rows and columns where it says it of columns alone. */
  private static long @Nullable [] twoAxes(boolean isRow, long @Nullable [] given, long ofRows) {
    if (given == null || !isRow) {
      return given;
    }
    return switch (given.length) {
      case 1 -> new long[] {ofRows, given[0]};
      case 2 -> new long[] {ofRows, given[0], ofRows, given[1]};
      default -> given;
    };
  }

  Value maxPool(Call call) {
    Node node = call.node();
    if (node.integer("storage_order", 0) != 0 || wantsIndices(node)) {
      throw new UnsupportedException("gives indices, too");
    }
    Pool pool = pool(call);
    return drafts.add(node, new MaxPool(pool.window, pool.ceil), pool.out, call.computed(0).id());
  }

  private static boolean wantsIndices(Node node) {
    return node.outputs().size() > 1 && !node.outputs().get(1).isEmpty();
  }

  Value averagePool(Call call) {
    Pool pool = pool(call);
    Shape in = call.map(0);
    boolean coversAll =
        pool.window.isPadded(0)
            && pool.out.height() == 1
            && pool.out.width() == 1
            && pool.window.height() == in.height()
            && pool.window.width() == in.width();
    boolean counts = call.node().integer("count_include_pad", 0) != 0;
    Operation operation =
        coversAll ? new GlobalAverage() : new AveragePool(pool.window, pool.ceil, counts);
    return drafts.add(call.node(), operation, pool.out, call.computed(0).id());
  }

  Value globalAverage(Call call) {
    Shape in = call.map(0);
    return drafts.add(
        call.node(), new GlobalAverage(), Shape.map(in.channels(), 1, 1), call.computed(0).id());
  }

  private record Pool(Window window, boolean ceil, Shape out) {}

  private static Pool pool(Call call) {
    Shape in = call.map(0);
    long[] kernel = call.node().integers("kernel_shape");
    if (kernel == null || kernel.length != 2) {
      throw new UnsupportedException("has no kernel of two axes");
    }
    Window window = window(call, in, false, kernel[0], kernel[1]);
    boolean ceil = call.node().integer("ceil_mode", 0) != 0;
    // auto_pad has its own way of rounding, by which the padding was found.
    boolean rounds = ceil && call.node().text("auto_pad", "NOTSET").equals("NOTSET");
    int padTop = window.top();
    int padLeft = window.left();
    long height = extent(call, padded(in.height(), padTop, window.bottom()), rows(window), rounds);
    long width = extent(call, padded(in.width(), padLeft, window.right()), columns(window), rounds);
    // The last window must begin within the picture or the padding before it.
    if (rounds && (height - 1) * window.strideHeight() >= (long) in.height() + padTop) {
      height--;
    }
    if (rounds && (width - 1) * window.strideWidth() >= (long) in.width() + padLeft) {
      width--;
    }
    return new Pool(window, ceil, Shape.map(in.channels(), height, width));
  }

  private static long padded(int size, int before, int after) {
    return (long) size + before + after;
  }

  private record Steps(long reach, long stride) {}

  private static Steps rows(Window window) {
    return new Steps((window.height() - 1L) * window.dilationHeight() + 1, window.strideHeight());
  }

  private static Steps columns(Window window) {
    return new Steps((window.width() - 1L) * window.dilationWidth() + 1, window.strideWidth());
  }

  private static long extent(Call call, long padded, Steps steps, boolean ceil) {
    long free = padded - steps.reach;
    call.require(free >= 0 || (ceil && padded > 0), "has a window larger than what it reads");
    return (ceil ? Math.ceilDiv(free, steps.stride) : free / steps.stride) + 1;
  }

  private static Window window(Call call, Shape in, boolean isRow, long height, long width) {
    Node node = call.node();
    int[] kernel = {size(call, height), size(call, width)};
    int[] strides = pair(call, "strides", isRow);
    int[] dilations = pair(call, "dilations", isRow);
    int[] size = {in.height(), in.width()};
    int[] before = new int[2];
    int[] after = new int[2];
    String auto = node.text("auto_pad", "NOTSET");
    switch (auto) {
      case "NOTSET", "" -> {
        long[] pads = twoAxes(isRow, node.integers("pads"), 0);
        if (pads != null) {
          call.require(pads.length == 4, "has pads that are not four");
          for (int i = 0; i < 4; i++) {
            call.require(pads[i] >= 0 && pads[i] <= MOST, "has a negative or huge padding");
            (i < 2 ? before : after)[i % 2] = (int) pads[i];
          }
        }
      }
      case "VALID" -> {
        // no padding
      }
      case "SAME_UPPER", "SAME_LOWER" -> {
        for (int axis = 0; axis < 2; axis++) {
          long out = Math.ceilDiv(size[axis], strides[axis]);
          long reach = (kernel[axis] - 1L) * dilations[axis] + 1;
          long total = Math.max(0, (out - 1) * strides[axis] + reach - size[axis]);
          call.require(total <= MOST, "has a huge padding");
          int smaller = (int) total / 2;
          int larger = (int) total - smaller;
          before[axis] = auto.equals("SAME_UPPER") ? smaller : larger;
          after[axis] = auto.equals("SAME_UPPER") ? larger : smaller;
        }
      }
      default -> throw new UnsupportedException("has auto_pad '%s'".formatted(auto));
    }
    return new Window(
        kernel[0],
        kernel[1],
        strides[0],
        strides[1],
        before[0],
        before[1],
        after[0],
        after[1],
        dilations[0],
        dilations[1]);
  }

  private static int[] pair(Call call, String attribute, boolean isRow) {
    long[] given = twoAxes(isRow, call.node().integers(attribute), 1);
    if (given == null) {
      return new int[] {1, 1};
    }
    call.require(given.length == 2, "has %s that are not two".formatted(attribute));
    return new int[] {size(call, given[0]), size(call, given[1])};
  }

  private static int size(Call call, long size) {
    call.require(
        size >= 1 && size <= MOST,
        "has a kernel, stride or dilation that is not positive, or huge");
    return (int) size;
  }
}
