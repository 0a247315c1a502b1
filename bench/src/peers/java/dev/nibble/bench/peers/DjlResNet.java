package dev.nibble.bench.peers;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.Block;
import ai.djl.nn.Blocks;
import ai.djl.nn.ParallelBlock;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.convolutional.Conv2d;
import ai.djl.nn.core.Linear;
import ai.djl.nn.norm.BatchNorm;
import ai.djl.nn.pooling.Pool;
import java.util.List;

/** The pre-activation ResNets of basic blocks for 32x32 pictures, built of DJL's blocks. */
final class DjlResNet {
  private static final int[] WIDTHS = {16, 32, 64};
  private static final float EPSILON = 1e-3f;

  private DjlResNet() {}

  /**
   * Returns the network; input (N,3,32,32), output (N,classes).
   *
   * @throws IllegalArgumentException if no network of basic blocks has this depth
   */
  static Block of(int depth, int classes) {
    if (depth < 8 || depth % 6 != 2) {
      throw new IllegalArgumentException(
          "Basic blocks make a depth of 6n+2 (8, 20, 56, ...), not " + depth);
    }
    SequentialBlock network = new SequentialBlock();
    network.add(convolution(WIDTHS[0], 3, 1));
    int in = WIDTHS[0];
    for (int group = 0; group < WIDTHS.length; group++) {
      for (int block = 0; block < (depth - 2) / 6; block++) {
        int stride = group > 0 && block == 0 ? 2 : 1;
        addBlock(network, in, WIDTHS[group], stride, group == 0 && block == 0);
        in = WIDTHS[group];
      }
    }
    return network
        .add(batchNorm())
        .add(Activation.reluBlock())
        .add(Pool.globalAvgPool2dBlock())
        .add(Blocks.batchFlattenBlock())
        .add(Linear.builder().setUnits(classes).build());
  }

  /** In the very first block the shortcut leaves after the ReLU, else before the batch norm. */
  private static void addBlock(
      SequentialBlock network, int in, int out, int stride, boolean afterRelu) {
    SequentialBlock residual = new SequentialBlock();
    (afterRelu ? network : residual).add(batchNorm()).add(Activation.reluBlock());
    residual
        .add(convolution(out, 3, stride))
        .add(batchNorm())
        .add(Activation.reluBlock())
        .add(convolution(out, 3, 1));
    network.add(
        new ParallelBlock(
            branches -> new NDList(branches.get(0).head().add(branches.get(1).head())),
            List.of(residual, shortcut(in, out, stride))));
  }

  /** Average pooling by the stride, then zero channels, half before and half behind. */
  private static Block shortcut(int in, int out, int stride) {
    if (in == out && stride == 1) {
      return Blocks.identityBlock();
    }
    int half = (out - in) / 2;
    Shape window = new Shape(stride, stride);
    return new SequentialBlock()
        .add(Pool.avgPool2dBlock(window, window))
        .addSingleton(x -> pad(x, half));
  }

  private static NDArray pad(NDArray x, int half) {
    // As PyTorch takes it: last axis first, each with its start and end.
    return x.pad(new Shape(0, 0, 0, 0, half, half), 0);
  }

  private static Block convolution(int out, int kernel, int stride) {
    return Conv2d.builder()
        .setFilters(out)
        .setKernelShape(new Shape(kernel, kernel))
        .optStride(new Shape(stride, stride))
        .optPadding(new Shape(kernel / 2, kernel / 2))
        .optBias(false)
        .build();
  }

  private static Block batchNorm() {
    return BatchNorm.builder().optEpsilon(EPSILON).build();
  }
}
