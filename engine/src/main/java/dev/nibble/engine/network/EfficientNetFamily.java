package dev.nibble.engine.network;

import dev.nibble.engine.network.ConvolutionBlocks.Shape;
import dev.nibble.engine.network.NetworkBuilder.Node;
import dev.nibble.kernels.Nonlinearity;
import java.util.List;
import java.util.Map;

/** Tan and Le 2019, "EfficientNet: Rethinking Model Scaling". */
final class EfficientNetFamily {
  private EfficientNetFamily() {}

  /** A stage: kernel, widening, channels, blocks, stride of the first. */
  private record Row(int kernel, int widening, int channels, int blocks, int stride) {}

  private static final List<Row> ROWS =
      List.of(
          new Row(3, 1, 16, 1, 1),
          new Row(3, 6, 24, 2, 2),
          new Row(5, 6, 40, 2, 2),
          new Row(3, 6, 80, 3, 2),
          new Row(5, 6, 112, 3, 1),
          new Row(5, 6, 192, 4, 2),
          new Row(3, 6, 320, 1, 1));

  /** The last block's chance of being dropped; the first's is 0. */
  private static final float DROPPED = 0.2f;

  static NetworkFamily family() {
    return new TorchvisionFamily(
        List.of("efficientnet_b0"), Map.of("efficientnet_b0", EfficientNetFamily::build));
  }

  private static Network build(NetworkBuilder b, int classes) {
    ConvolutionBlocks blocks = new ConvolutionBlocks(b);
    Nonlinearity silu = Nonlinearity.silu();
    Node x = blocks.activated("features.0", b.input(), new Shape(32, 3, 2, 1), silu);
    int count = ROWS.stream().mapToInt(Row::blocks).sum();
    int done = 0;
    for (int stage = 1; stage <= ROWS.size(); stage++) {
      Row row = ROWS.get(stage - 1);
      for (int i = 0; i < row.blocks(); i++) {
        String name = "features." + stage + "." + i + ".block.";
        int stride = i == 0 ? row.stride() : 1;
        int inner = x.map().channels() * row.widening();
        int squeezed = Math.max(1, x.map().channels() / 4);
        int part = 0;
        Node y = x;
        if (row.widening() > 1) {
          y = blocks.activated(name + part++, y, Shape.pointwise(inner), silu);
        }
        Shape depthwise = new Shape(inner, row.kernel(), stride, inner);
        y = blocks.activated(name + part++, y, depthwise, silu);
        y = blocks.excited(name + part++, y, squeezed, silu, new Nonlinearity.Sigmoid());
        y = blocks.normalized(name + part, y, Shape.pointwise(row.channels()));
        float dropped = DROPPED * done++ / count;
        boolean adds = stride == 1 && x.map().channels() == row.channels();
        x = adds ? b.add(b.stochasticDepth(y, dropped), x) : y;
      }
    }
    x = blocks.activated("features.8", x, Shape.pointwise(1280), silu);
    x = b.dropout(b.globalAveragePool(x), 0.2f);
    return b.build(b.dense("classifier.1", x, classes));
  }
}
