package dev.nibble.bench;

import static org.assertj.core.api.Assertions.assertThat;

import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Test;

class FmaLoopTest {
  @Test
  void everyProductIsAddedUp() {
    // Small whole numbers: every partial sum is exact.
    assertThat(new FmaLoop(1f, 1f).run()).isEqualTo(FmaLoop.products());
    assertThat(new FmaLoop(2f, 3f).run()).isEqualTo(6f * FmaLoop.products());
  }

  @Test
  void operationsAreTwoALaneAndProduct() {
    long lanes = FloatVector.SPECIES_PREFERRED.length();
    assertThat(FmaLoop.products()).isEqualTo(49_152);
    assertThat(FmaLoop.flops()).isEqualTo(98_304 * lanes);
  }
}
