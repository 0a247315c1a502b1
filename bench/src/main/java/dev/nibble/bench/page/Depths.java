package dev.nibble.bench.page;

import dev.nibble.bench.page.ResultFolder.Measured;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;

/**
 * Memory and time of a step by depth and by what is stored.
 *
 * @param rows what the sweep measured or planned, one batch only
 * @param batch pictures a step
 */
record Depths(List<Measured> rows, int batch) {
  /** As the sweep writes it. */
  static final String PYTORCH = "pytorch";

  static final List<String> STORES = List.of("fp32", "int8", "int4", "int2", PYTORCH);

  /** Bottleneck blocks from here on. */
  static final int BOTTLENECK = 164;

  static Depths of(ResultFolder folder, int batch) {
    return new Depths(
        folder.newest("depth").stream()
            .filter(row -> row.result().param("batch").equals("" + batch))
            .toList(),
        batch);
  }

  static int depth(Measured row) {
    try {
      return Integer.parseInt(row.result().param("depth"));
    } catch (NumberFormatException e) {
      throw new ResultsException(
          "%s: '%s' has no depth: measure it again with DepthSweep."
              .formatted(row.run().file(), row.result().name()));
    }
  }

  /** All depths, ascending. */
  List<Integer> depths() {
    return List.copyOf(new TreeSet<>(rows.stream().map(Depths::depth).toList()));
  }

  Optional<Measured> find(int depth, String store) {
    return rows.stream()
        .filter(row -> depth(row) == depth && row.result().param("store").equals(store))
        .findFirst();
  }

  /** MiB: Nibble's whole plan; what PyTorch keeps for the backward pass. NaN where not known. */
  double mib(int depth, String store) {
    String member = store.equals(PYTORCH) ? "saved_mib" : "plan_mib";
    return find(depth, store).map(row -> row.result().number(member)).orElse(Double.NaN);
  }

  /** Seconds of a step; NaN where it was not measured. */
  double seconds(int depth, String store) {
    return find(depth, store).map(row -> row.result().seconds()).orElse(Double.NaN);
  }
}
