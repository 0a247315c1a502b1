package dev.nibble.samples;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** How long a step takes, from the second one on. */
class RecentStepsTest {
  @Test
  void theFirstStepInWhichEverythingIsCompiledDoesNotCount() {
    RecentSteps steps = new RecentSteps();
    assertThat(steps.typical()).isNaN();
    steps.add(3.5);
    assertThat(steps.typical()).isNaN();
    steps.add(0.1);
    assertThat(steps.typical()).isEqualTo(0.1);
    for (int i = 0; i < 10; i++) {
      steps.add(0.11);
    }
    assertThat(steps.typical()).isEqualTo(0.11);
    for (int i = 0; i < 15; i++) {
      steps.add(0.2); // another load on the machine
    }
    assertThat(steps.typical()).isEqualTo(0.2);
  }
}
