package dev.nibble.kernels;

import java.util.Arrays;

/** Runs a stage's shards, with packed weights and scratch of exactly the size asked for. */
final class Runner {
  private Runner() {}

  /** Runs the forward pass; shard i takes pictures [bounds[i], bounds[i+1]). */
  static void forward(Kernels kernels, ForwardArgs args, int... bounds) {
    float[] packed = garbage(kernels.packedFloats(args.stage()));
    kernels.packForward(args, packed);
    for (int shard = 0; shard + 1 < bounds.length; shard++) {
      float[] scratch = garbage(kernels.scratchFloats(args.stage()));
      kernels.forward(args, shard, bounds[shard], bounds[shard + 1], packed, scratch);
    }
  }

  /** Runs the backward pass; shard i takes pictures [bounds[i], bounds[i+1]). */
  static void backward(Kernels kernels, BackwardArgs args, int... bounds) {
    float[] packed = garbage(kernels.packedFloats(args.stage()));
    kernels.packBackward(args, packed);
    for (int shard = 0; shard + 1 < bounds.length; shard++) {
      float[] scratch = garbage(kernels.scratchFloats(args.stage()));
      kernels.backward(args, shard, bounds[shard], bounds[shard + 1], packed, scratch);
    }
  }

  /** Content undefined, says the contract: NaN finds a kernel that reads before it writes. */
  private static float[] garbage(int length) {
    float[] array = new float[length];
    Arrays.fill(array, Float.NaN);
    return array;
  }
}
