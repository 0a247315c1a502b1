package dev.nibble.engine.exchange.onnx;

import dev.nibble.engine.network.Layer;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.protobuf.MessageWriter;
import dev.nibble.kernels.GroupNorm;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Group, layer and global response norm as nodes that the opset has: groups as instances, as
 * PyTorch writes them, and a layer norm over channels as the means that it is made of.
 */
final class OnnxGroupNorm {
  private final Network network;
  private final Function<Parameter, MemorySegment> values;
  private final Consumer<OnnxNode> nodes;
  private final Consumer<MessageWriter> constants;

  OnnxGroupNorm(
      Network network,
      Function<Parameter, MemorySegment> values,
      Consumer<OnnxNode> nodes,
      Consumer<MessageWriter> constants) {
    this.network = network;
    this.values = values;
    this.nodes = nodes;
    this.constants = constants;
  }

  /**
   * Writes a layer.
   *
   * @param x name of what it reads, N,C,H,W
   * @param y name of what it gives; what lies between begins with it
   */
  void write(Layer.GroupNorm layer, String x, String y) {
    GroupNorm operator = layer.operator();
    String normalized = operator.affine() ? y + ".normalized" : y;
    if (operator.byResponse()) {
      byResponse(operator, x, normalized);
    } else if (operator.byPixel()) {
      byPixel(operator, x, normalized);
    } else {
      byGroup(operator, x, normalized);
    }
    if (operator.affine()) {
      String scale = perChannel(layer.name() + ".weight");
      String shift = perChannel(layer.name() + ".bias");
      nodes.accept(new OnnxNode("Mul", y + ".scaled", normalized, scale));
      nodes.accept(new OnnxNode("Add", y, y + ".scaled", shift));
    }
  }

  private String perChannel(String name) {
    Parameter parameter = network.parameter(name);
    constants.accept(
        OnnxTensor.of(name, parameter, values.apply(parameter), parameter.size(), 1, 1));
    return name;
  }

  private void byResponse(GroupNorm operator, String x, String y) {
    constants.accept(OnnxTensor.number(y + ".epsilon", operator.epsilon()));
    nodes.accept(
        new OnnxNode("ReduceL2", y + ".response", x)
            .with("axes", new long[] {2, 3})
            .with("keepdims", 1L));
    nodes.accept(mean(y + ".mean", y + ".response"));
    nodes.accept(new OnnxNode("Add", y + ".divisor", y + ".mean", y + ".epsilon"));
    nodes.accept(new OnnxNode("Div", y + ".factor", y + ".response", y + ".divisor"));
    nodes.accept(new OnnxNode("Mul", y, x, y + ".factor"));
  }

  private void byPixel(GroupNorm operator, String x, String y) {
    constants.accept(OnnxTensor.number(y + ".epsilon", operator.epsilon()));
    nodes.accept(mean(y + ".mean", x));
    nodes.accept(new OnnxNode("Sub", y + ".centred", x, y + ".mean"));
    nodes.accept(new OnnxNode("Mul", y + ".squares", y + ".centred", y + ".centred"));
    nodes.accept(mean(y + ".variance", y + ".squares"));
    nodes.accept(new OnnxNode("Add", y + ".sum", y + ".variance", y + ".epsilon"));
    nodes.accept(new OnnxNode("Sqrt", y + ".deviation", y + ".sum"));
    nodes.accept(new OnnxNode("Div", y, y + ".centred", y + ".deviation"));
  }

  private static OnnxNode mean(String y, String x) {
    return new OnnxNode("ReduceMean", y, x).with("axes", new long[] {1}).with("keepdims", 1L);
  }

  private void byGroup(GroupNorm operator, String x, String y) {
    int groups = operator.groups();
    float[] ones = new float[groups];
    Arrays.fill(ones, 1);
    constants.accept(OnnxTensor.of(y + ".ones", ones));
    constants.accept(OnnxTensor.of(y + ".zeros", new float[groups]));
    constants.accept(OnnxTensor.of(y + ".parts", 0, groups, -1));
    constants.accept(
        OnnxTensor.of(
            y + ".joined",
            0,
            operator.outputChannels(),
            operator.outputHeight(),
            operator.outputWidth()));
    nodes.accept(new OnnxNode("Reshape", y + ".split", x, y + ".parts"));
    nodes.accept(
        new OnnxNode("InstanceNormalization", y + ".own", y + ".split", y + ".ones", y + ".zeros")
            .with("epsilon", operator.epsilon()));
    nodes.accept(new OnnxNode("Reshape", y, y + ".own", y + ".joined"));
  }
}
