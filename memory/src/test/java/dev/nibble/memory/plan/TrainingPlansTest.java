package dev.nibble.memory.plan;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Lifetimes as training makes them: what one stage stores is released in the reverse order. */
class TrainingPlansTest {
  private static final long PICTURE_BYTES = 4L * 128 * 32 * 32; // a channel of a batch of 128

  @ParameterizedTest
  @CsvSource({"20, 3", "56, 3", "164, 2", "1001, 2"})
  void meetTheLowerBoundWithTwoRollingBuffers(int stages, int blockStages) {
    MemoryPlan plan = MemoryPlan.of(requests(stages, blockStages));
    assertThat(plan.totalBytes()).isEqualTo(plan.lowerBoundBytes());
  }

  @ParameterizedTest
  @CsvSource({"110, 3", "164, 3", "1001, 3"})
  void comeCloseWhereTheResolutionFallsWithinABlock(int stages, int blockStages) {
    MemoryPlan plan = MemoryPlan.of(requests(stages, blockStages));
    assertThat((double) plan.totalBytes()).isLessThan(1.005 * plan.lowerBoundBytes());
  }

  @ParameterizedTest
  @ValueSource(ints = {20, 164, 1001})
  void meetTheLowerBoundWithStoresAndAFewLargeBuffers(int stages) {
    int end = 2 * stages + 2;
    List<BufferRequest> requests = new ArrayList<>();
    requests.add(new BufferRequest("common", 64 * PICTURE_BYTES, 0, end));
    for (int stage = 1; stage <= stages; stage++) {
      long store = ((stage % 3 == 0 ? 64 : 16) * PICTURE_BYTES / 8) >> ((stage - 1) * 3 / stages);
      requests.add(new BufferRequest("store " + stage, store + 100, stage, end - stage));
    }
    for (int time : new int[] {1, stages / 2, stages, stages + 1, stages + 2, end - 1}) {
      requests.add(new BufferRequest("large at " + time, 100 * PICTURE_BYTES, time, time));
    }
    MemoryPlan plan = MemoryPlan.of(requests);
    assertThat(plan.totalBytes()).isEqualTo(plan.lowerBoundBytes());
  }

  @ParameterizedTest
  @ValueSource(ints = {164, 1001})
  void takeAFractionOfAllBuffersTogether(int stages) {
    List<BufferRequest> requests = requests(stages, 3);
    long sum = requests.stream().mapToLong(BufferRequest::bytes).sum();
    assertThat(MemoryPlan.of(requests).totalBytes()).isLessThan(sum / 5);
  }

  /**
   * Stages 1..L forward, L+1 the loss, L+2..2L+1 backward: weights that live throughout, two common
   * buffers, codes (an eighth of an activation) and a table of channels for each stage, a large
   * short-lived output or gradient each way, three resolutions.
   */
  private static List<BufferRequest> requests(int stages, int blockStages) {
    int end = 2 * stages + 2;
    List<BufferRequest> requests = new ArrayList<>();
    requests.add(new BufferRequest("weights", 4L * 1_700_123, 0, end));
    requests.add(new BufferRequest("residual", 64 * PICTURE_BYTES, 0, end));
    requests.add(new BufferRequest("input", 3 * PICTURE_BYTES, 0, end));
    for (int stage = 1; stage <= stages; stage++) {
      int resolution = (stage - 1) * 3 / stages;
      boolean wide = stage % blockStages == 0;
      long activation = ((wide ? 64 : 16) * PICTURE_BYTES) >> resolution;
      int backward = end - stage;
      requests.add(new BufferRequest("codes " + stage, activation / 8, stage, backward));
      requests.add(new BufferRequest("table " + stage, 516L << resolution, stage, backward));
      requests.add(new BufferRequest("output " + stage, activation, stage, stage + 1));
      requests.add(new BufferRequest("gradient " + stage, activation, backward - 1, backward));
    }
    return requests;
  }
}
