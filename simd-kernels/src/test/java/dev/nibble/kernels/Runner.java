package dev.nibble.kernels;

import java.util.Arrays;

/** Runs a stage's shards, with packed weights and scratch of exactly the size asked for. */
final class Runner {
  private Runner() {}

  /** Runs the forward pass; shard i takes pictures [bounds[i], bounds[i+1]). */
  static void forward(Kernels table, ForwardArgs args, int... bounds) {
    Stage stage = args.stage();
    try (OpenTable open = new OpenTable(table, stage, args.batch(), bounds.length - 1, 1)) {
      Kernels kernels = open.kernels();
      float[] packed = garbage(kernels.packedFloats(stage));
      kernels.packForward(args, packed);
      for (int shard = 0; shard + 1 < bounds.length; shard++) {
        float[] scratch = garbage(kernels.scratchFloats(stage));
        kernels.forward(args, shard, bounds[shard], bounds[shard + 1], packed, scratch);
      }
    }
    Providers.verify();
  }

  /** Runs the backward pass; shard i takes pictures [bounds[i], bounds[i+1]). */
  static void backward(Kernels table, BackwardArgs args, int... bounds) {
    Stage stage = args.stage();
    try (OpenTable open = new OpenTable(table, stage, args.batch(), bounds.length - 1, 1)) {
      Kernels kernels = open.kernels();
      float[] packed = garbage(kernels.packedFloats(stage));
      kernels.packBackward(args, packed);
      for (int shard = 0; shard + 1 < bounds.length; shard++) {
        float[] scratch = garbage(kernels.scratchFloats(stage));
        kernels.backward(args, shard, bounds[shard], bounds[shard + 1], packed, scratch);
      }
    }
    Providers.verify();
  }

  /** Content undefined, says the contract: NaN finds a kernel that reads before it writes. */
  private static float[] garbage(int length) {
    float[] array = new float[length];
    Arrays.fill(array, Float.NaN);
    return array;
  }
}
