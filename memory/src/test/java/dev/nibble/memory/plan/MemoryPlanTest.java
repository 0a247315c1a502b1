package dev.nibble.memory.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.List;
import org.junit.jupiter.api.Test;

class MemoryPlanTest {
  @Test
  void nothingNeedsNothing() {
    MemoryPlan plan = MemoryPlan.of(List.of());
    assertThat(plan.placements()).isEmpty();
    assertThat(plan.totalBytes()).isZero();
    assertThat(plan.lowerBoundBytes()).isZero();
    assertThat(plan.liveBytesAt(3)).isZero();
  }

  @Test
  void oneBufferStartsTheSlabAndIsRoundedUp() {
    MemoryPlan plan = MemoryPlan.of(List.of(new BufferRequest("a", 65, 4, 4)));
    assertThat(offsets(plan)).containsExactly(0L);
    assertThat(plan.totalBytes()).isEqualTo(128);
    assertThat(plan.liveBytesAt(3)).isZero();
    assertThat(plan.liveBytesAt(4)).isEqualTo(128);
    assertThat(plan.liveBytesAt(5)).isZero();
  }

  @Test
  void buffersOfDifferentTimesShareTheirBytes() {
    MemoryPlan plan =
        MemoryPlan.of(
            List.of(
                new BufferRequest("a", 100, 0, 1),
                new BufferRequest("b", 64, 1, 2),
                new BufferRequest("c", 128, 2, 3)));
    assertThat(offsets(plan)).containsExactly(0L, 128L, 0L);
    assertThat(plan.totalBytes()).isEqualTo(192);
    assertThat(plan.lowerBoundBytes()).isEqualTo(192);
  }

  @Test
  void useInTheSameStepIsAnOverlap() {
    MemoryPlan plan =
        MemoryPlan.of(
            List.of(new BufferRequest("in", 64, 0, 1), new BufferRequest("out", 64, 1, 2)));
    assertThat(offsets(plan)).containsExactly(0L, 64L);
  }

  @Test
  void nestedLivesLieAsAStack() {
    MemoryPlan plan =
        MemoryPlan.of(
            List.of(
                new BufferRequest("top", 64, 2, 3),
                new BufferRequest("bottom", 64, 0, 5),
                new BufferRequest("middle", 128, 1, 4)));
    assertThat(offsets(plan)).containsExactly(192L, 0L, 64L);
    assertThat(plan.totalBytes()).isEqualTo(256);
  }

  @Test
  void aHoleIsFilledWhereItFits() {
    MemoryPlan plan =
        MemoryPlan.of(
            List.of(
                new BufferRequest("always", 64, 0, 9),
                new BufferRequest("early", 256, 0, 4),
                new BufferRequest("late", 192, 5, 9),
                new BufferRequest("late too", 64, 6, 7)));
    assertThat(offsets(plan)).containsExactly(0L, 64L, 64L, 256L);
    assertThat(plan.totalBytes()).isEqualTo(320);
  }

  @Test
  void anotherOrderIsTakenWhereTheFirstWastes() {
    // Longest life first would put c on the bottom, b above it and a, which meets b only, on top.
    List<BufferRequest> requests =
        List.of(
            new BufferRequest("a", 192, 0, 1),
            new BufferRequest("b", 64, 1, 4),
            new BufferRequest("c", 128, 4, 9));
    MemoryPlan plan = MemoryPlan.of(requests);
    assertThat(plan.totalBytes()).isEqualTo(256);
    assertThat(plan.lowerBoundBytes()).isEqualTo(256);
    assertThat(offsets(plan)).containsExactly(0L, 192L, 0L);
  }

  @Test
  void emptyBuffersAndEqualNamesAreAllowed() {
    MemoryPlan plan =
        MemoryPlan.of(List.of(new BufferRequest("a", 0, 0, 9), new BufferRequest("a", 64, 0, 9)));
    assertThat(plan.totalBytes()).isEqualTo(64);
    assertThat(plan.placements()).hasSize(2);
  }

  @Test
  void liveBytesAreCountedToTheLastStepThatThereIs() {
    MemoryPlan plan =
        MemoryPlan.of(
            List.of(
                new BufferRequest("a", 64, 0, Integer.MAX_VALUE),
                new BufferRequest("b", 64, Integer.MAX_VALUE, Integer.MAX_VALUE)));
    assertThat(plan.liveBytesAt(Integer.MAX_VALUE - 1)).isEqualTo(64);
    assertThat(plan.liveBytesAt(Integer.MAX_VALUE)).isEqualTo(128);
  }

  @Test
  void refusesImpossibleRequests() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new BufferRequest("codes", -1, 0, 0))
        .withMessageContaining("'codes'");
    assertThatIllegalArgumentException().isThrownBy(() -> new BufferRequest("x", 1, -1, 0));
    assertThatIllegalArgumentException().isThrownBy(() -> new BufferRequest("x", 1, 3, 2));
  }

  @Test
  void refusesSumsThatOverflow() {
    long third = Long.MAX_VALUE / 3 + 100;
    BufferRequest large = new BufferRequest("codes", third, 0, 0);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> MemoryPlan.of(List.of(large, large, large)))
        .withMessageContaining("'codes'")
        .withMessageContaining("8 EiB");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> MemoryPlan.of(List.of(new BufferRequest("codes", Long.MAX_VALUE, 0, 0))));
  }

  private static List<Long> offsets(MemoryPlan plan) {
    return plan.placements().stream().map(Placement::offset).toList();
  }
}
