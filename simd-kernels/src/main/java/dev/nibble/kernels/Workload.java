package dev.nibble.kernels;

import java.util.List;

/**
 * What a session is going to run, for providers that prepare something for it: device memory,
 * staging, a measurement.
 *
 * @param stages the network's stages in the order of the forward pass, as trained or, in a session
 *     for inference, as evaluated
 * @param batch pictures that the buffers hold
 * @param shards the most groups of pictures that a pass is cut into
 * @param threads threads that run groups at the same time
 */
public record Workload(List<Stage> stages, int batch, int shards, int threads) {
  /** Checks the numbers. */
  public Workload {
    stages = List.copyOf(stages);
    if (stages.isEmpty() || batch < 1 || shards < 1 || threads < 1) {
      throw new IllegalArgumentException(
          "A workload has stages, pictures, shards and threads, not %d, %d, %d and %d"
              .formatted(stages.size(), batch, shards, threads));
    }
  }

  /** Whether backward passes follow the forward ones: a stage leaves something for them. */
  public boolean trains() {
    return stages.stream().anyMatch(stage -> stage.activation().store() != StoreFormat.NONE);
  }

  /** Pictures of the largest group. */
  public int picturesPerShard() {
    return (batch + shards - 1) / shards;
  }
}
