package dev.nibble.kernels.cublas;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.kernels.Activation;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Operator.Resample;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.Workload;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What a session asks of the device and of staging, in exact numbers. */
class DevicePlanTest {
  /** 17 x 9 pixels of 4 channels in, 6 out, on a grid of 19 x 11 with a margin of 2 x 11 + 2. */
  private static final Convolution SMALL = new Convolution(new FeatureMap(17, 9, 4), 6, 3, 1, true);

  /** 256 x 256 x (4 + 12) floats a picture are 4 MiB. */
  private static final Convolution LARGE =
      new Convolution(new FeatureMap(256, 256, 4), 12, 1, 1, false);

  private static DevicePlan plan(int batch, int shards, int threads, Operator... operators) {
    List<Stage> stages =
        List.of(operators).stream()
            .map(operator -> new Stage(operator, Activation.IDENTITY, null, false))
            .toList();
    return DevicePlan.of(new Workload(stages, batch, shards, threads));
  }

  private static int group(DevicePlan plan, Convolution op) {
    return requireNonNull(plan.find(op)).pictures();
  }

  @Test
  void aShardIsTwoGroupsAtLeastAndAGroupNoLargerThanFourMebibytes() {
    assertThat(group(plan(128, 16, 1, SMALL), SMALL)).isEqualTo(4);
    assertThat(group(plan(112, 16, 1, SMALL), SMALL)).isEqualTo(4);
    assertThat(group(plan(5, 5, 1, SMALL), SMALL)).isEqualTo(1);
    assertThat(group(plan(128, 16, 1, LARGE), LARGE)).isEqualTo(1);
    Convolution half = new Convolution(new FeatureMap(256, 256, 2), 6, 1, 1, false);
    assertThat(group(plan(128, 16, 1, half), half)).isEqualTo(2);
    Convolution huge = new Convolution(new FeatureMap(512, 512, 4), 12, 1, 1, false);
    assertThat(group(plan(128, 16, 1, huge), huge)).isEqualTo(1);
  }

  @Test
  void sizesAreThoseOfTheLargestStage() {
    DevicePlan plan = plan(24, 3, 2, SMALL, Resample.identity(SMALL.input()));
    int pixels = 19 * 11;
    long in = 4L * (4 * pixels * 4 + (24 + 4 * pixels) * 6);
    assertThat(plan.inBytes()).isEqualTo((in + 255) / 256 * 256);
    assertThat(plan.outBytes()).isEqualTo((4L * 4 * pixels * 6 + 255) / 256 * 256);
    assertThat(plan.gradientBytes()).isEqualTo(1024); // 9 x 4 x 6 floats are 864 bytes
    assertThat(plan.weightBytes()).isEqualTo(1024);
    assertThat(plan.weightCount()).isEqualTo(1);
    long set = 2 * (plan.inBytes() + plan.outBytes()) + 1024;
    assertThat(plan.setBytes()).isEqualTo(set);
    assertThat(plan.stagingBytes()).isEqualTo(2 * set);
  }

  @Test
  void equalConvolutionsShareAPlaceButNotTheirWeights() {
    DevicePlan plan = plan(8, 2, 1, SMALL, SMALL, LARGE);
    assertThat(plan.placements()).hasSize(2);
    assertThat(plan.weightCount()).isEqualTo(3);
    assertThat(plan.weightBytes()).isEqualTo(2 * 1024 + 256);
    DevicePlan less = plan.withoutLargest();
    assertThat(less.isOnHost(LARGE)).isTrue();
    assertThat(less.find(LARGE)).isNull();
    assertThat(less.weightCount()).isEqualTo(2);
    assertThat(less.stagingBytes()).isLessThan(plan.stagingBytes());
    assertThat(less.withoutLargest().placements()).isEmpty();
  }
}
