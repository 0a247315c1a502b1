package dev.nibble.bench;

import dev.nibble.kernels.StoreFormat;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A row of the sweep over depth.
 *
 * @param depth of the network
 * @param batch pictures a step
 * @param store what is stored for the backward pass; null for PyTorch
 */
record DepthCase(int depth, int batch, @Nullable StoreFormat store) {
  private static final List<StoreFormat> STORES =
      List.of(StoreFormat.FP32, StoreFormat.INT8, StoreFormat.INT4, StoreFormat.INT2);

  private static final int BATCH = 128;
  private static final int DEEPEST = 1001;

  /** All rows; the deepest network, which has to fit 1 GiB, with half the batch, too. */
  static List<DepthCase> all() {
    List<DepthCase> cases = new ArrayList<>();
    for (int depth : new int[] {20, 56, 110, 164, DEEPEST}) {
      STORES.forEach(store -> cases.add(new DepthCase(depth, BATCH, store)));
      cases.add(new DepthCase(depth, BATCH, null));
    }
    cases.add(new DepthCase(DEEPEST, BATCH / 2, StoreFormat.INT4));
    return cases;
  }

  String model() {
    return "resnet" + depth;
  }

  /** What is stored, as it stands in JSON. */
  String storeName() {
    return store == null ? "pytorch" : SuiteCases.text(store);
  }

  String name() {
    return "%s %s batch %d".formatted(model(), storeName(), batch);
  }

  /** The memory limit under which it runs, such as 1GiB; empty for none. */
  String memoryLimit() {
    return depth == DEEPEST && batch < BATCH ? "1GiB" : "";
  }

  /** Steps that are timed; deep networks' take long, and scatter less. */
  int steps() {
    return depth == DEEPEST ? 2 : depth >= 164 ? 3 : depth >= 110 ? 5 : depth >= 56 ? 7 : 11;
  }

  /** Steps before, in which the code is compiled: the deepest network's first is long enough. */
  int warmup() {
    return depth == DEEPEST ? 1 : depth >= 164 ? 4 : depth >= 110 ? 6 : depth >= 56 ? 12 : 20;
  }
}
