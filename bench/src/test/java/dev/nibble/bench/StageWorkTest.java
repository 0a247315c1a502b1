package dev.nibble.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.kernels.Operator;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.kernels.provider.KernelProvider;
import org.junit.jupiter.api.Test;

class StageWorkTest {
  @Test
  void countsA3x3Stage() {
    Operator op = StageShape.parse("32x32x16-3x3-s1-16").operator();
    // 1,024 pixels x 9 taps x 16 x 16, two operations each; 64 KiB in, 8 KiB of codes, 64 KiB out.
    assertThat(StageWork.forward(op, StoreFormat.INT4, 2))
        .isEqualTo(new StageWork(2 * 4_718_592.0, 2 * (65_536 + 8_192 + 65_536.0)));
    // Two products of that size; the gradient in and out and the codes.
    assertThat(StageWork.backward(op, StoreFormat.INT4, 2))
        .isEqualTo(new StageWork(4 * 4_718_592.0, 2 * (65_536 + 8_192 + 65_536.0)));
  }

  @Test
  void countsAStrideAndAnotherStore() {
    Operator op = StageShape.parse("32x32x16-3x3-s2-32").operator();
    // 256 pixels x 9 x 16 x 32; 32 KiB out; fp32 copies are as large as the input.
    assertThat(StageWork.forward(op, StoreFormat.FP32, 1))
        .isEqualTo(new StageWork(2 * 1_179_648.0, 65_536 + 65_536 + 32_768.0));
  }

  @Test
  void countsFirstAndLastLayers() {
    Operator stem = StageShape.parse("32x32x3-3x3-s1-16").operator();
    // 1,024 x 27 x 16 products; 12 KiB in, nothing stored; backward for the weights only.
    assertThat(StageWork.forward(stem, StoreFormat.KEPT, 1))
        .isEqualTo(new StageWork(2 * 442_368.0, 12_288 + 65_536.0));
    assertThat(StageWork.backward(stem, StoreFormat.KEPT, 1))
        .isEqualTo(new StageWork(2 * 442_368.0, 65_536 + 12_288.0));
    Operator dense = StageShape.parse("1x1x64-1x1-s1-10").operator();
    assertThat(StageWork.backward(dense, StoreFormat.KEPT, 1))
        .isEqualTo(new StageWork(4 * 640.0, 40 + 256 + 256.0));
  }

  @Test
  void countsADepthwiseStage() {
    Operator op = StageShape.parse("32x32x64-3x3-s1-dw").operator();
    assertThat(StageWork.forward(op, StoreFormat.INT8, 1))
        .isEqualTo(new StageWork(2 * 589_824.0, 262_144 + 65_536 + 262_144.0));
  }

  @Test
  void countsAWholeStep() {
    // Stem 442,368; six of 2,359,296; twice one of 1,179,648 and five of 2,359,296; dense 640.
    long forward = 442_368 + 6 * 2_359_296 + 2 * (1_179_648 + 5 * 2_359_296) + 640;
    assertThat(forward).isEqualTo(40_551_040);
    assertThat(NetworkWork.inference("resnet20", 128).flops()).isEqualTo(2.0 * 128 * forward);
    assertThat(NetworkWork.step("resnet20", 128).flops())
        .isEqualTo(2.0 * 128 * (3 * forward - 442_368));
  }

  /** MobileNetV2's 300 million multiply-adds, ResNet-50's 4.1 thousand million. */
  @Test
  void countsNetworksForLargePictures() {
    assertThat(NetworkWork.inference("resnet50", 1).flops()).isEqualTo(2.0 * 4_089_184_256L);
    assertThat(NetworkWork.inference(MobileNet.NAME, 1).flops()).isEqualTo(2.0 * 300_774_272L);
    assertThat(BenchNetworks.of(MobileNet.NAME).parameterCount()).isEqualTo(3_504_872);
  }

  @Test
  void aStepMovesAtLeastWhatItsPlanAsksFor() {
    StepMemory memory =
        NetworkWork.memory("resnet8", 4, StoreFormat.INT4, 2, KernelProvider.choose("scalar"));
    // Stem and six stages of at least the smallest picture, forward and backward.
    assertThat(memory.minimumBytes()).isGreaterThan(2 * 7 * 4 * 16_384L);
    assertThat(memory.movedBytes()).isBetween(memory.minimumBytes(), 2 * memory.minimumBytes());
  }

  @Test
  void aPlansBytesAreWhatASessionTakes() {
    var kernels = KernelProvider.choose("scalar");
    try (StepSession session = new StepSession("resnet8", 4, StoreFormat.INT4, 2, kernels)) {
      assertThat(NetworkWork.memory("resnet8", 4, StoreFormat.INT4, 2, kernels).planBytes())
          .isEqualTo(session.session().usedBytes());
    }
  }
}
