package dev.nibble.bench.page;

import dev.nibble.bench.page.ResultFolder.Measured;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** What a run's peers took for the same work, of which the fastest setting counts. */
final class PeerRows {
  /** How the peers' names begin, in small letters. */
  static final List<String> PEERS = List.of("pytorch", "onnx", "djl");

  private PeerRows() {}

  /** Each peer's fastest result in 32-bit arithmetic for this step or call. */
  static List<Result> of(Measured own) {
    return PEERS.stream().map(peer -> fastest(own, peer)).flatMap(Optional::stream).toList();
  }

  /**
   * The fastest result of one peer in 32-bit arithmetic, if the run has one.
   *
   * @param own a step or a call of inference
   * @param peer how its name begins, in small letters
   */
  static Optional<Result> fastest(Measured own, String peer) {
    Result result = own.result();
    return own.run().results("peer").stream()
        .filter(r -> r.name().startsWith(result.kind() + " "))
        .filter(r -> r.param("peer").toLowerCase(Locale.ROOT).startsWith(peer))
        .filter(r -> r.param("model").equals(result.param("model")))
        .filter(r -> r.param("batch").equals(result.param("batch")))
        .filter(r -> r.threads(own.run().threads()) == own.threads())
        .filter(r -> !r.param("bf16").equals("true") && !r.param("checkpoint").equals("true"))
        .filter(r -> r.seconds() > 0)
        .min(Comparator.comparingDouble(Result::seconds));
  }

  /** The peer's name and how it was set. */
  static String name(Result peer) {
    String name =
        peer.param("peer")
            .replaceFirst("^pytorch", "PyTorch")
            .replaceFirst("^onnxruntime", "ONNX Runtime");
    return peer.param("channels_last").equals("true") ? name + ", channels-last" : name;
  }
}
