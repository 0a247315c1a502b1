package dev.nibble.engine.exchange.onnx;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Named;

/** Models that resize, reflect and cut maps of 5x7 pixels. */
final class SamplingModels {
  private final List<Named<TestModel>> all = new ArrayList<>();

  private SamplingModels() {}

  /** A convolution of what is made of the map, so that each pixel matters by itself. */
  private void add(String name, TestModel test) {
    TestModel whole =
        test.weight("after", 6, 6, 3, 3)
            .number("tenth", 0.02f)
            .node("Mul", "after,tenth", "few")
            .node("Conv", "d,few", "v3")
            .node("Sigmoid", "v3", "e");
    all.add(Named.of(name, OnnxOperatorsTest.pooled(whole, "e")));
  }

  private static TestModel model(int opset) {
    return OnnxOperatorsTest.model(opset);
  }

  /** All of them. */
  static List<Named<TestModel>> all() {
    SamplingModels models = new SamplingModels();
    for (String coordinates :
        List.of("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")) {
      models.resize("linear", coordinates, "round_prefer_floor", 1.6f, 2);
      models.resize("nearest", coordinates, "floor", 2, 1.5f);
    }
    models.resize("nearest", "half_pixel", "round_prefer_floor", 3, 0.8f);
    models.resize("nearest", "half_pixel", "round_prefer_ceil", 1.5f, 2);
    models.resize("nearest", "asymmetric", "ceil", 1.7f, 0.75f);
    models.sizes();
    models.upsample();
    models.pads();
    models.cuts();
    return models.all;
  }

  private void resize(String mode, String coordinates, String rounding, float height, float width) {
    add(
        "resize, %s, %s, %s, by %s and %s".formatted(mode, coordinates, rounding, height, width),
        model(13)
            .tensor(TestModel.floats("scales", 1, 1, height, width))
            .node(
                "Resize",
                "c,,scales",
                "d",
                "mode",
                mode,
                "coordinate_transformation_mode",
                coordinates,
                "nearest_mode",
                rounding));
  }

  private void sizes() {
    add(
        "resize to another map's size",
        model(13)
            .shape("zero", 0)
            .shape("two", 2)
            .shape("large", 11, 14)
            .node("Shape", "c", "s")
            .node("Slice", "s,zero,two", "front")
            .node("Concat", "front,large", "sizes", "axis", 0L)
            .node("Resize", "c,,,sizes", "d", "mode", "linear"));
    add(
        "resize of two axes",
        model(18)
            .tensor(TestModel.floats("scales", 2, 3))
            .node("Resize", "c,,scales", "d", "axes", new long[] {2, 3}, "mode", "nearest"));
  }

  private void upsample() {
    add(
        "upsample",
        model(9)
            .tensor(TestModel.floats("scales", 1, 1, 2, 2))
            .node("Upsample", "c,scales", "d", "mode", "nearest"));
    add(
        "resize of opset 10",
        model(10)
            .tensor(TestModel.floats("scales", 1, 1, 2, 3))
            .node("Resize", "c,scales", "d", "mode", "linear"));
  }

  private void pads() {
    for (String mode : List.of("reflect", "edge")) {
      add(
          "pad by mode " + mode,
          model(13).shape("pads", 0, 0, 2, 1, 0, 0, 1, 3).node("Pad", "c,pads", "d", "mode", mode));
    }
  }

  private void cuts() {
    add(
        "every other row, backwards, and columns from the second on",
        model(13)
            .shape("starts", -1, 1)
            .shape("ends", -100, 100)
            .shape("axes", 2, 3)
            .shape("steps", -2, 1)
            .node("Slice", "c,starts,ends,axes,steps", "d"));
    add(
        "columns picked",
        model(13).shape("places", 0, 3, -1, 3).node("Gather", "c,places", "d", "axis", 3L));
  }
}
