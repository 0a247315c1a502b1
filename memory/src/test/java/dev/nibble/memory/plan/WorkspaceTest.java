package dev.nibble.memory.plan;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.nibble.memory.MemoryAccount;
import dev.nibble.memory.MemoryLimitException;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.api.Test;

class WorkspaceTest {
  private static final MemoryPlan PLAN =
      MemoryPlan.of(
          List.of(
              new BufferRequest("codes", 100, 0, 3),
              new BufferRequest("output", 1000, 1, 1),
              new BufferRequest("gradient", 1000, 2, 2),
              new BufferRequest("twin", 4, 0, 3),
              new BufferRequest("twin", 4, 0, 3)));

  @Test
  void viewsAreThePlannedBytesExactly() {
    try (MemoryAccount account = MemoryAccount.root("test", PLAN.totalBytes());
        Workspace workspace = Workspace.open(account, PLAN, "workspace")) {
      assertThat(workspace.bytes()).isEqualTo(PLAN.totalBytes());
      assertThat(account.used()).isEqualTo(PLAN.totalBytes());
      assertThat(workspace.plan()).isSameAs(PLAN);
      long base = workspace.view(0).address() - PLAN.placements().getFirst().offset();
      assertThat(base % 64).isZero();
      for (int i = 0; i < PLAN.placements().size(); i++) {
        Placement placement = PLAN.placements().get(i);
        MemorySegment view = workspace.view(i);
        assertThat(view.byteSize()).isEqualTo(placement.request().bytes());
        assertThat(view.address()).isEqualTo(base + placement.offset());
        assertThat(workspace.view(i)).as("made once").isSameAs(view);
      }
      assertThat(workspace.view("gradient")).isSameAs(workspace.view(2));
      workspace.view("output").fill((byte) 5);
      assertThat(workspace.view("gradient").get(JAVA_BYTE, 999)).as("shared").isEqualTo((byte) 5);
      assertThat(workspace.view("codes").get(JAVA_BYTE, 99)).as("not shared").isZero();
    }
  }

  @Test
  void refusesUnknownAndAmbiguousBuffers() {
    try (MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
        Workspace workspace = Workspace.open(account, PLAN, "workspace")) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> workspace.view("weights"))
          .withMessageStartingWith("No buffer is named 'weights'");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> workspace.view("twin"))
          .withMessageStartingWith("Several buffers are named 'twin'");
      assertThatExceptionOfType(IndexOutOfBoundsException.class)
          .isThrownBy(() -> workspace.view(5));
    }
  }

  @Test
  void limitIsEnforcedWithTheNeedNamed() {
    try (MemoryAccount account = MemoryAccount.root("test", PLAN.totalBytes() - 1)) {
      assertThatExceptionOfType(MemoryLimitException.class)
          .isThrownBy(() -> Workspace.open(account, PLAN, "training"))
          .satisfies(e -> assertThat(e.requested()).isEqualTo(PLAN.totalBytes()))
          .satisfies(e -> assertThat(e.available()).isEqualTo(PLAN.totalBytes() - 1))
          .withMessageContaining("training needs");
      assertThat(account.peak()).isZero();
    }
  }

  @Test
  void closingGivesBackAndEndsTheViews() {
    try (MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED)) {
      Workspace workspace = Workspace.open(account, PLAN, "workspace");
      MemorySegment view = workspace.view("codes");
      workspace.close();
      workspace.close();
      assertThat(account.used()).isZero();
      assertThatIllegalStateException().isThrownBy(() -> view.get(JAVA_BYTE, 0));
    }
  }

  @Test
  void anEmptyPlanOpens() {
    try (MemoryAccount account = MemoryAccount.root("test", 0);
        Workspace workspace = Workspace.open(account, MemoryPlan.of(List.of()), "nothing")) {
      assertThat(workspace.bytes()).isZero();
    }
  }
}
