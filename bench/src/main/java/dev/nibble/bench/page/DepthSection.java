package dev.nibble.bench.page;

import dev.nibble.bench.page.ResultFolder.Measured;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** Memory and time by depth, as tables beside the picture. */
final class DepthSection {
  private static final List<String> HEADERS = List.of("fp32", "int8", "int4", "int2", "PyTorch");

  private final ResultFolder folder;
  private final Markdown page;

  DepthSection(ResultFolder folder, Markdown page) {
    this.folder = folder;
    this.page = page;
  }

  /** The batches of the sweep; the first is the one that has most rows. */
  static List<Integer> batches(ResultFolder folder) {
    Set<Integer> batches = new TreeSet<>();
    for (Measured row : folder.newest("depth")) {
      batches.add(Integer.parseInt(row.result().param("batch")));
    }
    return List.copyOf(batches).reversed();
  }

  void write(String picture) {
    page.heading("Memory and time by depth");
    List<Integer> batches = batches(folder);
    if (batches.isEmpty()) {
      page.text("Not measured; get it with:");
      page.command("samples/nibble bench --depth bench/results/depth.json");
      return;
    }
    page.text("![memory and time of a training step against depth](" + picture + ")");
    page.text(
        "Nibble's memory is its whole plan, to the byte: weights, gradients, momentum, codes, buffers,"
            + " two loaded batches and the threads' scratch. PyTorch's is what it keeps for the backward"
            + " pass, without weights and buffers. Depths up to 110 have basic blocks, from 164 on"
            + " bottleneck blocks.");
    Depths depths = Depths.of(folder, batches.getFirst());
    page.text("Memory, batch %d:".formatted(depths.batch()));
    table(depths, depths::mib, Units::mib);
    page.text("Time of a step, batch %d, %s:".formatted(depths.batch(), threads(depths)));
    table(depths, depths::seconds, Units::time);
    skipped(depths);
    others(batches.subList(1, batches.size()));
    linear();
  }

  private static String threads(Depths depths) {
    int threads = depths.rows().getFirst().threads();
    return threads == 1 ? "one thread" : threads + " threads";
  }

  private interface Figure {
    double of(int depth, String store);
  }

  private interface Form {
    String of(double value);
  }

  private void table(Depths depths, Figure figure, Form form) {
    Markdown.Table table =
        page.table(
            "network",
            HEADERS.get(0),
            HEADERS.get(1),
            HEADERS.get(2),
            HEADERS.get(3),
            HEADERS.get(4));
    for (int depth : depths.depths()) {
      String[] cells = new String[1 + Depths.STORES.size()];
      cells[0] = "ResNet-" + depth;
      for (int i = 0; i < Depths.STORES.size(); i++) {
        cells[1 + i] = form.of(figure.of(depth, Depths.STORES.get(i)));
      }
      table.row(cells);
    }
    table.done();
  }

  /** Smaller batches, row by row. */
  private void others(List<Integer> batches) {
    if (batches.isEmpty()) {
      return;
    }
    Markdown.Table table =
        page.table(
            "network, batch", " stores", "memory", "run within a limit of", "time of a step");
    for (int batch : batches) {
      Depths depths = Depths.of(folder, batch);
      for (Measured row : depths.rows()) {
        int depth = Depths.depth(row);
        String store = row.result().param("store");
        table.row(
            "ResNet-" + depth + ", " + batch,
            store,
            Units.mib(depths.mib(depth, store)),
            limit(row),
            Units.time(depths.seconds(depth, store)));
      }
    }
    table.done();
  }

  private static String limit(Measured row) {
    String limit = row.result().param("memory_limit");
    return limit.isEmpty() ? Units.NONE : limit;
  }

  /** One line for each reason why a cell is empty. */
  private void skipped(Depths depths) {
    Set<String> reasons = new LinkedHashSet<>();
    for (Measured row : depths.rows()) {
      String reason = row.result().param("skipped");
      if (!reason.isEmpty()) {
        String stop = reason.endsWith(".") ? "" : ".";
        reasons.add("No time for " + row.result().name() + ": " + reason + stop);
      }
    }
    reasons.forEach(page::text);
  }

  /** The promise: cost a layer does not grow with depth. */
  private void linear() {
    for (int batch : batches(folder)) {
      Depths depths = Depths.of(folder, batch);
      double shallow = depths.seconds(164, "int4") / (164 - 2);
      double deep = depths.seconds(1001, "int4") / (1001 - 2);
      if (shallow > 0 && deep > 0) {
        page.text(
            "Cost of a layer, int4, batch %d: %s in ResNet-164, %s in ResNet-1001: %s of it."
                .formatted(
                    batch, Units.time(shallow), Units.time(deep), Units.ratio(deep / shallow)));
      }
    }
  }
}
