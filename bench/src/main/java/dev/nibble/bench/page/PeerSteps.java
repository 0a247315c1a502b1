package dev.nibble.bench.page;

import java.util.Comparator;
import java.util.Locale;
import java.util.Optional;

/** A run's peers, of which the fastest setting counts. */
final class PeerSteps {
  private PeerSteps() {}

  /**
   * The fastest result of a peer in 32-bit arithmetic.
   *
   * @param peer how its name begins, in small letters
   */
  static Optional<Result> fastest(
      RunFile run, String peer, String model, String batch, int threads) {
    return run.results("peer").stream()
        .filter(r -> r.param("peer").toLowerCase(Locale.ROOT).startsWith(peer))
        .filter(r -> r.param("model").equals(model) && r.param("batch").equals(batch))
        .filter(r -> r.threads(run.threads()) == threads)
        .filter(r -> !r.param("bf16").equals("true") && !r.param("checkpoint").equals("true"))
        .filter(r -> r.seconds() > 0)
        .min(Comparator.comparingDouble(Result::seconds));
  }

  /** The peer's name and how it was set. */
  static String name(Result peer) {
    String name = peer.param("peer").replaceFirst("^pytorch", "PyTorch");
    return peer.param("channels_last").equals("true") ? name + ", channels-last" : name;
  }
}
