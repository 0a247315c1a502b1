package dev.nibble.engine.network;

import dev.nibble.engine.network.ConvolutionBlocks.Shape;
import dev.nibble.engine.network.NetworkBuilder.Node;
import dev.nibble.kernels.Nonlinearity;
import java.util.List;
import java.util.Map;

/** Radosavovic et al. 2020, "Designing Network Design Spaces". */
final class RegNetFamily {
  private static final List<Integer> WIDTHS = List.of(48, 104, 208, 440);
  private static final List<Integer> BLOCKS = List.of(1, 3, 6, 6);
  private static final int GROUP_WIDTH = 8;

  private RegNetFamily() {}

  static NetworkFamily family() {
    return new TorchvisionFamily(
        List.of("regnet_y_400mf"), Map.of("regnet_y_400mf", RegNetFamily::build));
  }

  private static Network build(NetworkBuilder b, int classes) {
    ConvolutionBlocks blocks = new ConvolutionBlocks(b);
    Nonlinearity relu = Nonlinearity.relu();
    Node x = blocks.activated("stem", b.input(), new Shape(32, 3, 2, 1), relu);
    for (int stage = 0; stage < WIDTHS.size(); stage++) {
      int width = WIDTHS.get(stage);
      for (int block = 0; block < BLOCKS.get(stage); block++) {
        String name = "trunk_output.block%d.block%d-%d.".formatted(stage + 1, stage + 1, block);
        int stride = block == 0 ? 2 : 1;
        Node y = blocks.activated(name + "f.a", x, Shape.pointwise(width), relu);
        Shape grouped = new Shape(width, 3, stride, width / GROUP_WIDTH);
        y = blocks.activated(name + "f.b", y, grouped, relu);
        int squeezed = (int) Math.rint(0.25 * x.map().channels());
        y = blocks.excited(name + "f.se", y, squeezed, relu, new Nonlinearity.Sigmoid());
        y = blocks.normalized(name + "f.c", y, Shape.pointwise(width));
        Node side =
            block == 0 ? blocks.normalized(name + "proj", x, new Shape(width, 1, stride, 1)) : x;
        x = b.relu(b.add(side, y));
      }
    }
    return b.build(b.dense("fc", b.globalAveragePool(x), classes));
  }
}
