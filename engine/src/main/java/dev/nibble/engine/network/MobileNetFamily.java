package dev.nibble.engine.network;

import dev.nibble.engine.network.ConvolutionBlocks.Shape;
import dev.nibble.engine.network.NetworkBuilder.Node;
import dev.nibble.kernels.Nonlinearity;
import java.util.List;
import java.util.Map;

/**
 * Sandler et al. 2018, "MobileNetV2", and Howard et al. 2019, "Searching for MobileNetV3": blocks
 * that widen, convolve each channel on its own, and narrow again.
 */
final class MobileNetFamily {
  private MobileNetFamily() {}

  /** A row of version 2's table: widening, channels, blocks, stride of the first. */
  private record Row(int widening, int channels, int blocks, int stride) {}

  private static final List<Row> SECOND =
      List.of(
          new Row(1, 16, 1, 1),
          new Row(6, 24, 2, 2),
          new Row(6, 32, 3, 2),
          new Row(6, 64, 4, 2),
          new Row(6, 96, 3, 1),
          new Row(6, 160, 3, 2),
          new Row(6, 320, 1, 1));

  /** A block of version 3. */
  private record Block(
      int kernel, int widened, int channels, boolean excites, boolean hard, int stride) {}

  private static final List<Block> LARGE =
      List.of(
          new Block(3, 16, 16, false, false, 1),
          new Block(3, 64, 24, false, false, 2),
          new Block(3, 72, 24, false, false, 1),
          new Block(5, 72, 40, true, false, 2),
          new Block(5, 120, 40, true, false, 1),
          new Block(5, 120, 40, true, false, 1),
          new Block(3, 240, 80, false, true, 2),
          new Block(3, 200, 80, false, true, 1),
          new Block(3, 184, 80, false, true, 1),
          new Block(3, 184, 80, false, true, 1),
          new Block(3, 480, 112, true, true, 1),
          new Block(3, 672, 112, true, true, 1),
          new Block(5, 672, 160, true, true, 2),
          new Block(5, 960, 160, true, true, 1),
          new Block(5, 960, 160, true, true, 1));

  private static final List<Block> SMALL =
      List.of(
          new Block(3, 16, 16, true, false, 2),
          new Block(3, 72, 24, false, false, 2),
          new Block(3, 88, 24, false, false, 1),
          new Block(5, 96, 40, true, true, 2),
          new Block(5, 240, 40, true, true, 1),
          new Block(5, 240, 40, true, true, 1),
          new Block(5, 120, 48, true, true, 1),
          new Block(5, 144, 48, true, true, 1),
          new Block(5, 288, 96, true, true, 2),
          new Block(5, 576, 96, true, true, 1),
          new Block(5, 576, 96, true, true, 1));

  static NetworkFamily family() {
    return new TorchvisionFamily(
        List.of("mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large"),
        Map.of(
            "mobilenet_v2", MobileNetFamily::second,
            "mobilenet_v3_small", (b, classes) -> third(b, classes, SMALL, 1024),
            "mobilenet_v3_large", (b, classes) -> third(b, classes, LARGE, 1280)));
  }

  private static Network second(NetworkBuilder b, int classes) {
    ConvolutionBlocks blocks = new ConvolutionBlocks(b);
    Nonlinearity relu6 = Nonlinearity.relu6();
    Node x = blocks.activated("features.0", b.input(), new Shape(32, 3, 2, 1), relu6);
    int number = 1;
    for (Row row : SECOND) {
      for (int i = 0; i < row.blocks(); i++) {
        String name = "features." + number++ + ".conv.";
        int inner = x.map().channels() * row.widening();
        int stride = i == 0 ? row.stride() : 1;
        int part = 0;
        Node y = x;
        if (row.widening() > 1) {
          y = blocks.activated(name + part++, y, Shape.pointwise(inner), relu6);
        }
        y = blocks.activated(name + part++, y, new Shape(inner, 3, stride, inner), relu6);
        y = b.convolution(name + part++, y, row.channels(), 1, 1);
        y = b.batchNorm(name + part, y);
        x = stride == 1 && x.map().channels() == row.channels() ? b.add(x, y) : y;
      }
    }
    x = blocks.activated("features." + number, x, Shape.pointwise(1280), relu6);
    x = b.dropout(b.globalAveragePool(x), 0.2f);
    return b.build(b.dense("classifier.1", x, classes));
  }

  private static Network third(NetworkBuilder b, int classes, List<Block> design, int wide) {
    b.epsilon(1e-3f).momentum(0.01f);
    ConvolutionBlocks blocks = new ConvolutionBlocks(b);
    Nonlinearity swish = Nonlinearity.hardSwish();
    Node x = blocks.activated("features.0", b.input(), new Shape(16, 3, 2, 1), swish);
    int number = 1;
    for (Block block : design) {
      String name = "features." + number++ + ".block.";
      Nonlinearity function = block.hard() ? swish : Nonlinearity.relu();
      int part = 0;
      Node y = x;
      if (block.widened() != x.map().channels()) {
        y = blocks.activated(name + part++, y, Shape.pointwise(block.widened()), function);
      }
      Shape depthwise = new Shape(block.widened(), block.kernel(), block.stride(), block.widened());
      y = blocks.activated(name + part++, y, depthwise, function);
      if (block.excites()) {
        int inner = ConvolutionBlocks.multipleOfEight(block.widened() / 4.0);
        y =
            blocks.excited(
                name + part++, y, inner, Nonlinearity.relu(), Nonlinearity.hardSigmoid());
      }
      y = blocks.normalized(name + part, y, Shape.pointwise(block.channels()));
      boolean adds = block.stride() == 1 && x.map().channels() == block.channels();
      x = adds ? b.add(y, x) : y;
    }
    Shape last = Shape.pointwise(6 * x.map().channels());
    x = b.globalAveragePool(blocks.activated("features." + number, x, last, swish));
    x = b.dropout(b.activation(b.dense("classifier.0", x, wide), swish), 0.2f);
    return b.build(b.dense("classifier.3", x, classes));
  }
}
