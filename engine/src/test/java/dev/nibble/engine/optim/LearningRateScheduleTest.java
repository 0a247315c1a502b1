package dev.nibble.engine.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LearningRateScheduleTest {
  @Test
  void constantStays() {
    LearningRateSchedule schedule = LearningRateSchedule.constant(0.05f);
    assertThat(schedule.rate(0)).isEqualTo(0.05f);
    assertThat(schedule.rate(Long.MAX_VALUE)).isEqualTo(0.05f);
  }

  @Test
  void stepFallsAtOneHalfAndThreeQuarters() {
    LearningRateSchedule schedule = LearningRateSchedule.step(0.1f, 1000);
    assertThat(schedule.rate(0)).isEqualTo(0.1f);
    assertThat(schedule.rate(499)).isEqualTo(0.1f);
    assertThat(schedule.rate(500)).isEqualTo(0.01f);
    assertThat(schedule.rate(749)).isEqualTo(0.01f);
    assertThat(schedule.rate(750)).isEqualTo(0.001f);
    assertThat(schedule.rate(5000)).isEqualTo(0.001f);
  }

  @Test
  void stepTakesItsOwnBoundaries() {
    long[] boundaries = {2, 2, 5};
    LearningRateSchedule schedule = LearningRateSchedule.step(8f, 0.5f, boundaries);
    boundaries[0] = 0;
    assertThat(schedule.rate(1)).isEqualTo(8f);
    assertThat(schedule.rate(2)).isEqualTo(2f);
    assertThat(schedule.rate(4)).isEqualTo(2f);
    assertThat(schedule.rate(5)).isEqualTo(1f);
    assertThat(LearningRateSchedule.step(8f, 0.5f, new long[0]).rate(9)).isEqualTo(8f);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> LearningRateSchedule.step(1f, 0.1f, 5, 4))
        .withMessageContaining("the boundary 4 is below 5");
    assertThatIllegalArgumentException().isThrownBy(() -> LearningRateSchedule.step(1f, 0.1f, -1));
  }

  @Test
  void cosineFallsFromBaseToZero() {
    LearningRateSchedule schedule = LearningRateSchedule.cosine(0.2f, 110, 10);
    assertThat(schedule.rate(0)).isEqualTo(0.02f);
    assertThat(schedule.rate(4)).isEqualTo(0.1f);
    assertThat(schedule.rate(9)).isEqualTo(0.2f);
    assertThat(schedule.rate(10)).isEqualTo(0.2f);
    assertThat(schedule.rate(60)).isEqualTo(0.1f);
    assertThat(schedule.rate(109)).isPositive().isLessThan(1e-4f);
    assertThat(schedule.rate(110)).isZero();
    assertThat(schedule.rate(1000)).isZero();
    for (int step = 10; step < 110; step++) {
      assertThat(schedule.rate(step + 1)).as("step %d", step + 1).isLessThan(schedule.rate(step));
    }
    assertThat(LearningRateSchedule.cosine(0.2f, 1, 0).rate(0)).isEqualTo(0.2f);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> LearningRateSchedule.cosine(0.2f, 10, 10))
        .withMessage("10 warm-up steps do not fit a run of 10, give 0 to 9");
  }

  @ParameterizedTest
  @CsvSource({
    "64000, 0, 0.01",
    "64000, 399, 0.01",
    "64000, 400, 0.1",
    "64000, 31999, 0.1",
    "64000, 32000, 0.01",
    "64000, 47999, 0.01",
    "64000, 48000, 0.001",
    "64000, 63999, 0.001",
    "320, 1, 0.01",
    "320, 2, 0.1",
    "320, 159, 0.1",
    "320, 160, 0.01",
    "320, 240, 0.001",
    "100, 0, 0.1",
    "9223372036854775807, 6917529027641081854, 0.01",
    "9223372036854775807, 6917529027641081855, 0.001",
  })
  void paperScalesWithTheRun(long total, long step, float rate) {
    assertThat(LearningRateSchedule.paper(total).rate(step)).isEqualTo(rate);
  }

  @Test
  void paperTakesAnotherHighestRate() {
    LearningRateSchedule schedule = LearningRateSchedule.paper(0.4f, 64_000);
    assertThat(schedule.rate(0)).isEqualTo(0.04f);
    assertThat(schedule.rate(400)).isEqualTo(0.4f);
    assertThat(schedule.rate(48_000)).isEqualTo(0.004f);
  }

  @Test
  void warmupRisesToTheRateOfTheSchedule() {
    LearningRateSchedule schedule = LearningRateSchedule.constant(1f).withWarmup(4);
    assertThat(schedule.rate(0)).isEqualTo(0.25f);
    assertThat(schedule.rate(2)).isEqualTo(0.75f);
    assertThat(schedule.rate(3)).isEqualTo(1f);
    assertThat(schedule.rate(4)).isEqualTo(1f);
    LearningRateSchedule across = LearningRateSchedule.step(1f, 0.5f, 2).withWarmup(4);
    assertThat(across.rate(1)).isEqualTo(0.5f);
    assertThat(across.rate(2)).isEqualTo(0.375f);
    LearningRateSchedule none = LearningRateSchedule.constant(1f);
    assertThat(none.withWarmup(0)).isSameAs(none);
    assertThatIllegalArgumentException().isThrownBy(() -> none.withWarmup(-1));
  }

  @ParameterizedTest
  @ValueSource(floats = {-1e-9f, Float.NaN, Float.POSITIVE_INFINITY})
  void refusesWhatIsNoRate(float rate) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> LearningRateSchedule.constant(rate))
        .withMessageContaining("give a number not below 0");
    assertThatIllegalArgumentException().isThrownBy(() -> LearningRateSchedule.step(rate, 10));
    assertThatIllegalArgumentException().isThrownBy(() -> LearningRateSchedule.step(1f, rate, 10));
    assertThatIllegalArgumentException().isThrownBy(() -> LearningRateSchedule.cosine(rate, 10, 0));
    assertThatIllegalArgumentException().isThrownBy(() -> LearningRateSchedule.paper(rate, 10));
  }

  @Test
  void refusesWhatIsNoStep() {
    assertThatIllegalArgumentException().isThrownBy(() -> LearningRateSchedule.step(1f, 0));
    assertThatIllegalArgumentException().isThrownBy(() -> LearningRateSchedule.cosine(1f, 0, 0));
    assertThatIllegalArgumentException().isThrownBy(() -> LearningRateSchedule.paper(0));
    for (LearningRateSchedule schedule :
        new LearningRateSchedule[] {
          LearningRateSchedule.constant(1),
          LearningRateSchedule.step(1, 10),
          LearningRateSchedule.cosine(1, 10, 0),
          LearningRateSchedule.constant(1).withWarmup(3)
        }) {
      assertThatIllegalArgumentException().isThrownBy(() -> schedule.rate(-1));
    }
  }
}
