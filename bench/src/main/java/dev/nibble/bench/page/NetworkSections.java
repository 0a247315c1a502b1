package dev.nibble.bench.page;

import dev.nibble.bench.page.ResultFolder.Measured;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Tables of whole networks: steps and inference, beside the peers of the same run. */
final class NetworkSections {
  private final ResultFolder folder;
  private final Markdown page;

  NetworkSections(ResultFolder folder, Markdown page) {
    this.folder = folder;
    this.page = page;
  }

  /** Training steps by network and by what is stored. */
  void steps() {
    page.heading("Training steps");
    List<Measured> steps = folder.newest("step");
    if (steps.isEmpty()) {
      page.text(
          "Not measured: `samples/nibble bench --only step --json bench/results/suite-steps.json`.");
      return;
    }
    page.text(
        "Forward, loss, backward, optimiser. A ratio below 1 means faster; PyTorch's is of the same"
            + " run, the faster of its default and channels-last settings, fp32. Memory: all that"
            + " Nibble allocates (its plan); what PyTorch keeps for the backward pass."
            + " Moved: bytes that a step reads and writes, beside the least that its plan allows.");
    Markdown.Table table =
        page.table(
            "network, batch",
            " stores",
            "time",
            "images/s",
            "of FMA peak",
            "memory",
            "moved",
            "least",
            "to fp32 mode",
            "to PyTorch",
            "heap a step");
    Set<String> missing = new LinkedHashSet<>();
    for (List<Measured> network : byNetwork(steps).values()) {
      Measured first = network.getFirst();
      for (Measured step : network) {
        stepRow(table, step, network);
      }
      PeerRows.of(first).forEach(peer -> peerRow(table, first, peer));
      if (PeerRows.fastest(first, "pytorch").isEmpty()) {
        missing.add(networkName(first));
      }
    }
    table.done();
    if (!missing.isEmpty()) {
      page.text(
          "PyTorch was not measured in the same run for %s: `pip install torch numpy`, then `samples/nibble bench --peers`."
              .formatted(String.join("; ", missing)));
    }
  }

  private static Map<String, List<Measured>> byNetwork(List<Measured> rows) {
    Map<String, List<Measured>> networks = new LinkedHashMap<>();
    for (Measured row : rows) {
      networks.computeIfAbsent(networkName(row), name -> new ArrayList<>()).add(row);
    }
    return networks;
  }

  private static String networkName(Measured row) {
    return row.result().param("model").replace("resnet", "ResNet-")
        + ", "
        + row.result().param("batch");
  }

  private static void stepRow(Markdown.Table table, Measured step, List<Measured> network) {
    Result result = step.result();
    double seconds = result.seconds();
    double exact =
        network.stream()
            .filter(o -> o.run().equals(step.run()) && o.result().param("store").equals("fp32"))
            .mapToDouble(o -> o.result().seconds())
            .findFirst()
            .orElse(Double.NaN);
    double peer = PeerRows.fastest(step, "pytorch").map(Result::seconds).orElse(Double.NaN);
    table.row(
        networkName(step),
        result.param("store"),
        Units.time(seconds),
        Units.digits(batch(step) / seconds),
        Units.percent(result.number("gflop") / seconds / step.run().peak().gflops(step.threads())),
        Units.mib(result.number("plan_mib")),
        Units.mib(result.number("moved_mib")),
        Units.mib(result.number("minimum_mib")),
        Units.ratio(seconds / exact),
        Units.ratio(seconds / peer),
        Units.bytes(result.number("allocated_bytes")));
  }

  private static void peerRow(Markdown.Table table, Measured step, Result peer) {
    table.row(
        networkName(step),
        "*" + PeerRows.name(peer) + "*",
        Units.time(peer.seconds()),
        Units.digits(batch(step) / peer.seconds()),
        Units.NONE,
        Units.mib(peer.number("saved_mib")),
        Units.NONE,
        Units.NONE,
        Units.NONE,
        Units.NONE,
        Units.NONE);
  }

  private static double batch(Measured row) {
    String batch = row.result().param("batch");
    return batch.isEmpty() ? Double.NaN : Double.parseDouble(batch);
  }

  /** Inference, beside ONNX Runtime's. */
  void inference() {
    page.heading("Inference");
    List<Measured> calls = folder.newest("inference");
    if (calls.isEmpty()) {
      page.text(
          "Not measured: `samples/nibble bench --only inference --json bench/results/suite-inference.json`.");
      return;
    }
    page.text("A ratio below 1 means faster than ONNX Runtime in the same run.");
    Markdown.Table table =
        page.table(
            "network, batch",
            " ",
            "time",
            "images/s",
            "of FMA peak",
            "to ONNX Runtime",
            "heap a call");
    Set<String> missing = new LinkedHashSet<>();
    for (Measured call : calls) {
      Result result = call.result();
      double other = PeerRows.fastest(call, "onnx").map(Result::seconds).orElse(Double.NaN);
      if (!(other > 0)) {
        missing.add(networkName(call));
      }
      table.row(
          networkName(call),
          "Nibble",
          Units.time(result.seconds()),
          Units.digits(batch(call) / result.seconds()),
          Units.percent(
              result.number("gflop") / result.seconds() / call.run().peak().gflops(call.threads())),
          Units.ratio(result.seconds() / other),
          Units.bytes(result.number("allocated_bytes")));
      for (Result peer : PeerRows.of(call)) {
        table.row(
            networkName(call),
            "*" + PeerRows.name(peer) + "*",
            Units.time(peer.seconds()),
            Units.digits(batch(call) / peer.seconds()),
            Units.NONE,
            Units.NONE,
            Units.NONE);
      }
    }
    table.done();
    if (!missing.isEmpty()) {
      page.text(
          "ONNX Runtime was not measured in the same run for %s: `pip install onnxruntime onnx numpy`, then `samples/nibble bench --peers`."
              .formatted(String.join("; ", missing)));
    }
  }
}
