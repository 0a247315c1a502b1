package dev.nibble.engine.model;

import java.util.List;

/**
 * What was read of a file into a network that it need not fit whole.
 *
 * @param loaded names of the parameters that were read, in the network's order
 * @param missing parameters of the network that the file does not have
 * @param unexpected tensors of the file that the network does not have
 * @param mismatched parameters that the file has in another shape or type
 */
public record LoadReport(
    List<String> loaded, List<String> missing, List<String> unexpected, List<String> mismatched) {
  /** Copies the lists. */
  public LoadReport {
    loaded = List.copyOf(loaded);
    missing = List.copyOf(missing);
    unexpected = List.copyOf(unexpected);
    mismatched = List.copyOf(mismatched);
  }

  /** Whether file and network fit each other whole. */
  public boolean isComplete() {
    return missing.isEmpty() && unexpected.isEmpty() && mismatched.isEmpty();
  }
}
