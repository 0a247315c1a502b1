package dev.nibble.bench.page;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Files of results as the suite writes them, with round figures. */
final class Fixture {
  private Fixture() {}

  /** A run with roofs of 100 GFLOP/s a thread and 20 GB/s, two threads. */
  static void run(Path folder, String file, String date, List<String> results) throws IOException {
    Files.writeString(
        folder.resolve(file),
        """
        {"commit": "abc1234", "date": "%s", "command": "nibble bench --peers",
         "cpu": "Some CPU | 2 cores", "os": "Linux 6", "jdk": "Some 25", "kernels": "vector",
         "threads": 2, "quick": false,
         "peak": {"fma_gflops": 200, "fma_gflops_per_thread": 100, "copy_gbs": 20,
                  "copy_gbs_one_thread": 16},
         "results": [%s], "notes": ["Skipped peer step resnet56: no torch."]}
        """
            .formatted(date, String.join(",\n", results)));
  }

  /** A stage of 10 GFLOP and 1 GB. */
  static String stage(String shape, String store, String pass, double seconds) {
    return """
        {"kind": "stage", "name": "%s %s %s", "params": {"shape": "%s", "store": "%s", "batch": 64,
         "pass": "%s"}, "threads": 2, "seconds": %s, "error": 0.001, "allocated_bytes": 0,
         "gflop": 10, "bytes": 1e9}"""
        .formatted(shape, store, pass, shape, store, pass, seconds);
  }

  static String step(String model, String store, double seconds) {
    return """
        {"kind": "step", "name": "%s %s batch 128", "params": {"model": "%s", "batch": 128,
         "threads": 2, "store": "%s"}, "threads": 2, "seconds": %s, "allocated_bytes": 24,
         "gflop": 10, "plan_mib": 50, "moved_mib": 300, "minimum_mib": 200}"""
        .formatted(model, store, model, store, seconds);
  }

  static String inference(String model, int batch, double seconds) {
    return """
        {"kind": "inference", "name": "%s batch %d", "params": {"model": "%s", "batch": %d,
         "threads": 2}, "threads": 2, "seconds": %s, "gflop": 1}"""
        .formatted(model, batch, model, batch, seconds);
  }

  static String codes(String store, double seconds) {
    return """
        {"kind": "codes", "name": "%s pack in cache", "params": {"store": "%s", "pass": "pack"},
         "threads": 1, "seconds": %s, "bytes": 8e9, "values_per_second": 2e9}"""
        .formatted(store, store, seconds);
  }

  static String peer(
      String kind, String peer, String model, int batch, String members, double seconds) {
    return """
        {"kind": "peer", "name": "%s %s", "seconds": %s, "peer": "%s", "model": "%s", "batch": %d,
         "threads": 2%s}"""
        .formatted(kind, peer, seconds, peer, model, batch, members);
  }

  static String depth(int depth, int batch, String store, String figures) {
    return """
        {"kind": "depth", "name": "resnet%d %s batch %d", "params": {"model": "resnet%d",
         "depth": %d, "batch": %d, "store": "%s"}, "threads": 2%s}"""
        .formatted(depth, store, batch, depth, depth, batch, store, figures);
  }
}
