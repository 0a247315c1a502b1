package dev.nibble.kernels;

import java.util.Arrays;
import java.util.function.IntConsumer;

/** Runs a stage's leaves, with packed weights and scratch of exactly the size asked for. */
final class Runner {
  private Runner() {}

  /** Runs the forward pass; leaf i takes pictures [bounds[i], bounds[i+1]). */
  static void forward(Kernels table, ForwardArgs args, int... bounds) {
    forwardParts(table, args, 1, bounds);
  }

  /** Runs the forward pass; parts of group i take pictures [bounds[i], bounds[i+1]). */
  static void forwardParts(Kernels table, ForwardArgs args, int parts, int... bounds) {
    Stage stage = args.stage();
    try (OpenKernelsOfStage open =
        new OpenKernelsOfStage(table, stage, args.batch(), bounds.length - 1, 1)) {
      Kernels kernels = open.kernels();
      float[] packed = garbage(kernels.packedFloats(stage));
      portions(
          kernels,
          stage,
          (bounds.length - 1) * parts,
          parts,
          unit -> kernels.packForward(args, unit, packed),
          leaf -> {
            float[] scratch = garbage(kernels.scratchFloats(stage));
            int from = bounds[leaf / parts];
            int to = bounds[leaf / parts + 1];
            kernels.forward(args, leaf, from, to, leaf % parts, parts, packed, scratch);
          });
    }
    Providers.verify();
  }

  /** Packs a portion of the weights, runs its leaves, then the one before. */
  static void portions(
      Kernels kernels, Stage stage, int leaves, int parts, IntConsumer pack, IntConsumer run) {
    int portions = kernels.portions(stage);
    int units = kernels.packUnits(stage) / portions;
    for (int portion = portions - 1; portion >= 0; portion--) {
      for (int unit = (portion + 1) * units - 1; unit >= portion * units; unit--) {
        pack.accept(unit);
      }
      for (int leaf = leaves - 1; leaf >= 0; leaf--) {
        if (leaf % parts * portions / parts == portion) {
          run.accept(leaf);
        }
      }
    }
  }

  /** Runs the fused backward pass; leaf i takes pictures [bounds[i], bounds[i+1]). */
  static void backward(Kernels table, BackwardArgs args, int... bounds) {
    fusedParts(table, args, 1, bounds);
  }

  /** Runs the fused backward pass; parts of group i take pictures [bounds[i], bounds[i+1]). */
  static void fusedParts(Kernels table, BackwardArgs args, int parts, int... bounds) {
    Stage stage = args.stage();
    int groups = bounds.length - 1;
    try (OpenKernelsOfStage open = new OpenKernelsOfStage(table, stage, args.batch(), groups, 1)) {
      Kernels kernels = open.kernels();
      float[] packed = garbage(kernels.packedFloats(stage));
      packBackward(kernels, args, packed);
      for (int leaf = groups * parts - 1; leaf >= 0; leaf--) {
        float[] scratch = garbage(kernels.scratchFloats(stage));
        int from = bounds[leaf / parts];
        int to = bounds[leaf / parts + 1];
        kernels.backward(args, leaf, from, to, leaf % parts, parts, packed, scratch);
      }
    }
    Providers.verify();
  }

  private static void packBackward(Kernels kernels, BackwardArgs args, float[] packed) {
    for (int unit = kernels.packUnits(args.stage()) - 1; unit >= 0; unit--) {
      kernels.packBackward(args, unit, packed);
    }
  }

  /** Runs the backward pass product by product; parts of group i take its pictures. */
  static void backwardParts(Kernels table, BackwardArgs args, int parts, int... bounds) {
    Stage stage = args.stage();
    int groups = bounds.length - 1;
    try (OpenKernelsOfStage open = new OpenKernelsOfStage(table, stage, args.batch(), groups, 1)) {
      Kernels kernels = open.kernels();
      float[] packed = garbage(kernels.packedFloats(stage));
      for (int leaf = 0; leaf < groups * parts && args.gradientOut() != null; leaf++) {
        float[] scratch = garbage(kernels.scratchFloats(stage));
        int group = leaf / parts;
        kernels.sumGradient(args, bounds[group], bounds[group + 1], leaf % parts, parts, scratch);
      }
      portions(
          kernels,
          stage,
          groups * parts,
          parts,
          unit -> kernels.packBackward(args, unit, packed),
          leaf -> {
            float[] scratch = garbage(kernels.scratchFloats(stage));
            int group = leaf / parts;
            int from = bounds[group];
            int to = bounds[group + 1];
            int part = leaf % parts;
            kernels.backwardData(args, leaf, from, to, part, parts, packed, scratch);
            if (stage.needsInputValues()) {
              kernels.backwardWeights(args, group, from, to, part, parts, scratch);
            }
          });
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
