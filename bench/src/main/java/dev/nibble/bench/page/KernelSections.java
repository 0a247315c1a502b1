package dev.nibble.bench.page;

import dev.nibble.bench.page.ResultFolder.Measured;
import java.util.ArrayList;
import java.util.List;

/** Tables of stages and of codes, as shares of the machine's roofs. */
final class KernelSections {
  private final ResultFolder folder;
  private final Markdown page;

  KernelSections(ResultFolder folder, Markdown page) {
    this.folder = folder;
    this.page = page;
  }

  /** Whole stages; those that store 4 bits first, the other modes folded away. */
  void stages() {
    page.heading("Fused stages");
    List<Measured> stages = folder.newest("stage");
    if (stages.isEmpty()) {
      page.text(
          "Not measured: `samples/nibble bench --only stage --json bench/results/suite-stages.json`.");
      return;
    }
    page.text(
        "Batch norm, ReLU, codes and convolution in one pass. GFLOP/s count the direct algorithm's"
            + " multiply-adds as two; GB/s count every activation, gradient and stored copy once."
            + " Shares are of the roofs measured in the same run.");
    List<Measured> main = new ArrayList<>();
    List<Measured> others = new ArrayList<>();
    for (Measured stage : stages) {
      boolean usual = stage.result().param("store").matches("int4|kept");
      (usual ? main : others).add(stage);
    }
    stageTable(main.isEmpty() ? others : main);
    if (!main.isEmpty() && !others.isEmpty()) {
      page.fold("Other stores");
      stageTable(others);
      page.unfold();
    }
  }

  private void stageTable(List<Measured> stages) {
    Markdown.Table table =
        page.table(
            "stage",
            " stores",
            " pass",
            "time",
            "GFLOP/s",
            "of FMA peak",
            "GB/s",
            "of copy",
            "heap a call");
    for (Measured stage : stages) {
      Result result = stage.result();
      int threads = stage.threads();
      double gflops = result.number("gflop") / result.seconds();
      double gigabytes = result.number("bytes") / result.seconds() / 1e9;
      table.row(
          StageName.full(result.param("shape")),
          result.param("store"),
          result.param("pass"),
          Units.time(result.seconds()),
          Units.digits(gflops),
          Units.percent(gflops / stage.run().peak().gflops(threads)),
          Units.digits(gigabytes),
          Units.percent(gigabytes / stage.run().peak().copy(threads)),
          Units.bytes(result.number("allocated_bytes")));
    }
    table.done();
  }

  /** Packing and unpacking alone. */
  void codes() {
    page.heading("Codes");
    List<Measured> codes = folder.newest("codes");
    if (codes.isEmpty()) {
      page.text(
          "Not measured: `samples/nibble bench --only codes --json bench/results/suite-codes.json`.");
      return;
    }
    page.text("Batch norm, ReLU and packing; restoring and masking. One thread.");
    Markdown.Table table =
        page.table("codes", "time", "G values/s", "GB/s", "of copy", "heap a call");
    for (Measured code : codes) {
      Result result = code.result();
      double gigabytes = result.number("bytes") / result.seconds() / 1e9;
      table.row(
          result.name(),
          Units.time(result.seconds()),
          Units.digits(result.number("values_per_second") / 1e9),
          Units.digits(gigabytes),
          Units.percent(gigabytes / code.run().peak().copy(code.threads())),
          Units.bytes(result.number("allocated_bytes")));
    }
    table.done();
  }
}
