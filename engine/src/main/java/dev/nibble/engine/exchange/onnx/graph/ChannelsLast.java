package dev.nibble.engine.exchange.onnx.graph;

import dev.nibble.engine.exchange.onnx.graph.Operation.WithConstant;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads what a file computes on maps N,H,W,C between two Transposes as what it is on N,C,H,W: layer
 * norm over the last axis is one over channels, a product with a matrix a convolution of one pixel.
 */
final class ChannelsLast {
  private static final int[] TO_LAST = {0, 2, 3, 1};
  private static final int[] TO_FIRST = {0, 3, 1, 2};

  private final Drafts drafts;

  /** The draft that gives a draft's values as N,C,H,W. */
  private final int[] stands;

  /** Whether the file has a draft's values as N,H,W,C. */
  private final boolean[] isLast;

  ChannelsLast(Drafts drafts) {
    this.drafts = drafts;
    this.stands = new int[drafts.all().size()];
    this.isLast = new boolean[drafts.all().size()];
  }

  /** Turns all drafts; readers of what lies otherwise than they can read it get a problem. */
  void turn() {
    for (Draft draft : drafts.all()) {
      stands[draft.id] = draft.id;
      turn(draft);
    }
  }

  private void turn(Draft draft) {
    boolean reads = draft.inputs.stream().anyMatch(id -> isLast[id]);
    if (draft.operation instanceof Operation.Permute permute) {
      int source = draft.inputs.getFirst();
      Shape shape = drafts.get(source).shape;
      if (!reads && Arrays.equals(permute.order(), TO_LAST) && shape != null) {
        stands[draft.id] = stands[source];
        isLast[draft.id] = true;
        return;
      }
      if (reads && Arrays.equals(permute.order(), TO_FIRST)) {
        stands[draft.id] = stands[source];
        return;
      }
    }
    if (!reads) {
      draft.inputs = draft.inputs.stream().map(id -> stands[id]).toList();
      return;
    }
    if (draft.operation instanceof Operation.Unknown || draft.problem != null) {
      return;
    }
    Operation operation = turned(draft);
    if (operation == null) {
      draft.operation = new Operation.Unknown();
      draft.problem =
          "reads a map N,H,W,C: layer norms, products with matrices, sums and functions of every"
              + " value are supported there, and a Transpose back";
      return;
    }
    isLast[draft.id] = !(operation instanceof Operation.Reshape);
    draft.operation = operation;
    draft.inputs = draft.inputs.stream().map(id -> stands[id]).toList();
    if (isLast[draft.id] && draft.shape != null) {
      draft.shape = first(draft.shape);
    }
  }

  private static Shape first(Shape shape) {
    List<Extent> extents = shape.extents();
    return new Shape(Arrays.stream(TO_FIRST).mapToObj(extents::get).toList());
  }

  /** What a draft computes on N,C,H,W; null if it cannot be said. */
  private @Nullable Operation turned(Draft draft) {
    if (draft.operation instanceof Operation.Reshape) {
      // What has one pixel is the same vector either way.
      Shape from = drafts.get(stands[draft.inputs.getFirst()]).shape;
      boolean isPixel = from != null && from.isMap() && from.height() == 1 && from.width() == 1;
      return isPixel && draft.shape != null && draft.shape.isFlat() ? draft.operation : null;
    }
    if (draft.shape == null
        || draft.shape.rank() != 4
        || !draft.inputs.stream().allMatch(id -> isLast[id])) {
      return null;
    }
    return switch (draft.operation) {
      case Operation.Activation a -> a.slope() == null ? a : null;
      case Operation.Add a -> a;
      case Operation.Multiply m -> m;
      case Operation.Dropout d -> d;
      case WithConstant c -> constant(c);
      case Operation.LayerNorm n ->
          n.axis() == 3
              ? new Operation.GroupNorm(1, true, n.epsilon(), n.scale(), n.shift())
              : null;
      case Operation.ResponseNorm n ->
          n.axis() == 3 ? new Operation.ResponseNorm(1, n.epsilon(), n.scale(), n.shift()) : null;
      case Operation.Dense d ->
          new Operation.Convolution(
              new Window(1, 1, 1, 1, 0, 0, 0, 0, 1, 1), 1, d.weight(), d.bias());
      case Operation.MeanOver m ->
          m.axes().equals(List.of(1, 2)) ? new Operation.GlobalAverage() : null;
      default -> null;
    };
  }

  private static @Nullable Operation constant(WithConstant joined) {
    Weight weight = joined.constant();
    if (weight == null || !Double.isNaN(joined.number())) {
      return joined;
    }
    long[] dims = weight.dims();
    long channels = dims.length == 0 ? 1 : dims[dims.length - 1];
    if (weight.elements() != channels) {
      return null;
    }
    Weight turned = weight.reshaped(new long[] {channels, 1, 1});
    return turned == null ? null : new WithConstant(joined.arithmetic(), joined.number(), turned);
  }
}
