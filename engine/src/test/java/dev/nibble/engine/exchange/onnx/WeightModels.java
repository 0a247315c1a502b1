package dev.nibble.engine.exchange.onnx;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Named;

/** Models whose weights are computed of others, or convolve channels, as exporters write them. */
final class WeightModels {
  private static final int CHANNELS = 6;

  /** Channels of a layer whose weights are too many to be folded one by one. */
  private static final int MANY = 80;

  private final List<Named<TestModel>> all = new ArrayList<>();

  private WeightModels() {}

  private static TestModel model(int opset) {
    return OnnxOperatorsTest.model(opset);
  }

  private void add(String name, TestModel test) {
    all.add(Named.of(name, OnnxOperatorsTest.pooled(test, "d")));
  }

  /** All of them: the result is d, N,C,H,W. */
  static List<Named<TestModel>> all() {
    WeightModels models = new WeightModels();
    for (int channels : new int[] {CHANNELS, MANY}) {
      models.standardised(channels);
      models.weightNorm(channels);
    }
    models.channelAttention();
    models.strided();
    return models.all;
  }

  /** A 3x3 convolution u to channels by the computed weights sw, and one back to d. */
  private static TestModel between(TestModel test, int channels) {
    return test.weight("large", CHANNELS, channels, 1, 1)
        .number("small", 0.01f)
        .node("Mul", "large,small", "back")
        .node("Conv", "c,sw", "u", "pads", new long[] {1, 1, 1, 1})
        .node("Sigmoid", "u", "sg")
        .node("Conv", "sg,back", "d");
  }

  /** Weights of 3x3 convolutions, a row for each of its outputs. */
  private static TestModel flattened(int opset, int channels) {
    return model(opset)
        .weight("raw", channels, CHANNELS, 3, 3)
        .weight("gain", channels)
        .weight("zero", channels)
        .shape("flat", 1, channels, -1)
        .shape("back4", channels, CHANNELS, 3, 3)
        .node("Reshape", "raw,flat", "f");
  }

  private void standardised(int channels) {
    add(
        "standardised weights, by a batch norm of " + channels,
        between(
            flattened(13, channels)
                .node("ReduceMean", "f", "m", "axes", new long[] {0, 2}, "keepdims", 0L)
                .node("ReduceMean", "f", "mk", "axes", new long[] {0, 2})
                .node("Sub", "f,mk", "z")
                .node("Mul", "z,z", "q")
                .node("ReduceMean", "q", "vv", "axes", new long[] {0, 2}, "keepdims", 0L)
                .node("BatchNormalization", "f,gain,zero,m,vv", "n")
                .node("Reshape", "n,back4", "sw"),
            channels));
    add(
        "standardised weights, by an instance norm of " + channels,
        between(
            flattened(17, channels)
                .node("InstanceNormalization", "f,gain,zero", "n")
                .node("Reshape", "n,back4", "sw"),
            channels));
  }

  private void weightNorm(int channels) {
    add(
        "weight norm of " + channels,
        between(
            model(13)
                .weight("raw", channels, CHANNELS, 3, 3)
                .weight("gain", channels, 1, 1, 1)
                .node("ReduceL2", "raw", "l", "axes", new long[] {1, 2, 3})
                .node("Div", "gain,l", "g")
                .node("Mul", "raw,g", "sw"),
            channels));
  }

  private void channelAttention() {
    add(
        "efficient channel attention",
        model(13)
            .weight("k", 1, 1, 3)
            .shape("row", -1, 1, CHANNELS)
            .shape("map", 0, CHANNELS, 1, 1)
            .node("ReduceMean", "c", "mean", "axes", new long[] {2, 3}, "keepdims", 0L)
            .node("Reshape", "mean,row", "r")
            .node("Conv", "r,k", "a", "pads", new long[] {1, 1}, "kernel_shape", new long[] {3})
            .node("Sigmoid", "a", "s")
            .node("Reshape", "s,map", "f")
            .node("Shape", "c", "whole")
            .node("Expand", "f,whole", "e")
            .node("Mul", "c,e", "d"));
  }

  /** As PyTorch's new exporter writes as_strided. */
  private void strided() {
    add(
        "a mean that is picked by places",
        model(18)
            .tensor(TestModel.scalar("zero", 0))
            .tensor(TestModel.scalar("one", 1))
            .shape("long", CHANNELS)
            .shape("behind", 1, 2, 3)
            .shape("row", -1)
            .shape("axes", 2, 3)
            .shape("square", 1, CHANNELS, 1, 1)
            .shape("steps", 0, 1, 2, 3, 4, 5)
            .node("Shape", "x", "n1", "start", 0L, "end", 1L)
            .node("Squeeze", "n1", "n")
            .node("ReduceMean", "c,axes", "mean")
            .node("Reshape", "mean,row", "all")
            .node("Range", "zero,n,one", "r0")
            .node("Mul", "r0,long", "r1")
            .node("Unsqueeze", "r1,behind", "r2")
            .node("Reshape", "steps,square", "s4")
            .node("Add", "r2,s4", "r3")
            .node("Gather", "all,r3", "g", "axis", 0L)
            .node("Mul", "c,g", "d"));
  }
}
