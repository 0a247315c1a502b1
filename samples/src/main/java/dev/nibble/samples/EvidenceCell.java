package dev.nibble.samples;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * One training of the grid.
 *
 * @param model the network's name
 * @param data a data set's name or a folder
 * @param activations a format's name
 * @param codes which codes, where there is a choice; else null
 * @param naive whether the forward pass computes on restored activations
 * @param seed what weights, order and crops are drawn from
 * @param batch pictures a step
 * @param epochs passes over the training pictures, where {@code steps} is 0
 * @param steps steps in all, or 0
 * @param states shares of the run, from 0 to 1, whose weights are kept for gradient reports
 */
record EvidenceCell(
    String model,
    String data,
    String activations,
    @Nullable String codes,
    boolean naive,
    long seed,
    int batch,
    int epochs,
    long steps,
    List<Double> states) {
  private static final String RATE = "0.2";

  EvidenceCell {
    states = List.copyOf(states);
  }

  /** The way of storing activations, for people. */
  String way() {
    return (naive ? "naive " : "") + activations + (codes == null ? "" : " " + codes);
  }

  /** A name that no other cell has; for a folder. */
  String id() {
    return model + "-" + way().replace(' ', '-') + "-seed" + seed;
  }

  /** The options of {@code nibble train} that make the same run. */
  List<String> arguments() {
    List<String> words = new ArrayList<>(List.of("--data", data, "--model", model));
    words.addAll(List.of("--activations", activations));
    if (codes != null) {
      words.addAll(List.of("--codes", codes));
    }
    if (naive) {
      words.add("--naive");
    }
    words.addAll(List.of("--batch", Integer.toString(batch), "--lr", RATE));
    words.addAll(
        steps > 0
            ? List.of("--steps", Long.toString(steps))
            : List.of("--epochs", Integer.toString(epochs)));
    words.addAll(List.of("--seed", Long.toString(seed), "--threads", "1"));
    return words;
  }

  /** The command that makes the same run. */
  String command() {
    return "nibble train " + String.join(" ", arguments());
  }

  /** The file that keeps the weights of a state. */
  static String stateFile(double state) {
    return String.format(Locale.ROOT, "state-%03d.safetensors", Math.round(100 * state));
  }
}
