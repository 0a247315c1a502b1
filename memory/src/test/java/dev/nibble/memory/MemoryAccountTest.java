package dev.nibble.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class MemoryAccountTest {
  @Test
  void countsUsedAndPeakAtEveryLevel() {
    try (MemoryAccount root = MemoryAccount.root("root", 1000);
        MemoryAccount first = root.child("first", 600);
        MemoryAccount second = root.child("second", MemoryAccount.UNLIMITED)) {
      first.reserve(400, "codes");
      second.reserve(300, "weights");
      first.release(400, "codes");
      first.reserve(100, "codes");

      assertThat(root.used()).isEqualTo(400);
      assertThat(root.peak()).isEqualTo(700);
      assertThat(root.available()).isEqualTo(600);
      assertThat(first.used()).isEqualTo(100);
      assertThat(first.peak()).isEqualTo(400);
      assertThat(first.available()).isEqualTo(500);
      assertThat(second.used()).isEqualTo(300);
      assertThat(second.available()).as("bounded by the root").isEqualTo(600);
      assertThat(second.limit()).isEqualTo(MemoryAccount.UNLIMITED);
      assertThat(second.name()).isEqualTo("second");

      first.release(100, "codes");
      second.release(300, "weights");
    }
  }

  @Test
  void grantsTheLastByteAndNoMore() {
    try (MemoryAccount root = MemoryAccount.root("root", 1000)) {
      root.reserve(1000, "all");
      assertThat(root.available()).isZero();
      assertThatExceptionOfType(MemoryLimitException.class)
          .isThrownBy(() -> root.reserve(1, "one more"));
      root.release(1000, "all");
    }
  }

  @Test
  void refusalSaysHowMuchForWhatAndWhatIsFree() {
    try (MemoryAccount root = MemoryAccount.root("nibble", 512L << 20);
        MemoryAccount session = root.child("session", MemoryAccount.UNLIMITED)) {
      root.reserve(412L << 20, "data");

      MemoryLimitException refusal =
          catchThrowableOfType(
              MemoryLimitException.class, () -> session.reserve(320L << 20, "workspace"));

      assertThat(refusal)
          .hasMessage(
              "workspace needs 320 MiB (335544320 bytes), but only 100 MiB (104857600 bytes) of the"
                  + " 512 MiB (536870912 bytes) of account 'nibble' are free; raise the limit by"
                  + " 220 MiB (230686720 bytes) or ask for less.");
      assertThat(refusal.requested()).isEqualTo(320L << 20);
      assertThat(refusal.available()).isEqualTo(100L << 20);
      assertThat(refusal.limit()).isEqualTo(512L << 20);
      assertThat(refusal.account()).isEqualTo("nibble");
      assertThat(refusal.purpose()).isEqualTo("workspace");
      root.release(412L << 20, "data");
    }
  }

  @Test
  void refusalLeavesNoTraceAtAnyLevel() {
    try (MemoryAccount root = MemoryAccount.root("root", 100);
        MemoryAccount child = root.child("child", 1000)) {
      assertThatExceptionOfType(MemoryLimitException.class)
          .isThrownBy(() -> child.reserve(101, "too much"));
      assertThatExceptionOfType(MemoryLimitException.class)
          .isThrownBy(() -> child.reserve(Long.MAX_VALUE, "far too much"));
      assertThat(List.of(root.used(), root.peak(), child.used(), child.peak())).containsOnly(0L);
    }
  }

  @Test
  void namesTheTightestAccount() {
    try (MemoryAccount root = MemoryAccount.root("root", 1000);
        MemoryAccount middle = root.child("middle", 50);
        MemoryAccount leaf = middle.child("leaf", 500)) {
      assertThatExceptionOfType(MemoryLimitException.class)
          .isThrownBy(() -> leaf.reserve(2000, "too much"))
          .satisfies(e -> assertThat(e.account()).isEqualTo("root/middle"))
          .satisfies(e -> assertThat(e.available()).isEqualTo(50));
    }
  }

  @Test
  void releasesNoMoreThanWasReservedForThePurpose() {
    try (MemoryAccount root = MemoryAccount.root("root", 1000)) {
      root.reserve(100, "a");
      root.reserve(100, "b");
      assertThatIllegalStateException()
          .isThrownBy(() -> root.release(101, "a"))
          .withMessage(
              "Account 'root' can't release 101 bytes for a, because it holds 100 bytes for it.");
      assertThatIllegalStateException().isThrownBy(() -> root.release(1, "c"));
      assertThat(root.used()).isEqualTo(200);
      root.release(60, "a");
      root.release(40, "a");
      root.release(100, "b");
    }
  }

  @Test
  void refusesNegativeSizes() {
    assertThatIllegalArgumentException().isThrownBy(() -> MemoryAccount.root("root", -1));
    try (MemoryAccount root = MemoryAccount.root("root", 10)) {
      assertThatIllegalArgumentException().isThrownBy(() -> root.reserve(-1, "x"));
      assertThatIllegalArgumentException().isThrownBy(() -> root.release(-1, "x"));
    }
  }

  @Test
  void closeNamesTheOwnerAndEveryPurpose() {
    MemoryAccount root = MemoryAccount.root("root", MemoryAccount.UNLIMITED);
    MemoryAccount child = root.child("session", MemoryAccount.UNLIMITED);
    child.reserve(64, "codes");
    child.reserve(2048, "weights");

    assertThatExceptionOfType(MemoryLeakException.class)
        .isThrownBy(child::close)
        .withMessage(
            "Account 'root/session' can't be closed with 2.06 KiB outstanding: codes 64 bytes,"
                + " weights 2 KiB (2048 bytes); close what holds them first.")
        .satisfies(e -> assertThat(e.account()).isEqualTo("root/session"))
        .satisfies(e -> assertThat(e.outstanding()).isEqualTo(2112));
    assertThatExceptionOfType(MemoryLeakException.class)
        .isThrownBy(root::close)
        .withMessageContaining("codes 64 bytes in open account 'root/session'");

    child.release(64, "codes");
    child.release(2048, "weights");
    assertThatExceptionOfType(MemoryLeakException.class)
        .isThrownBy(root::close)
        .withMessageContaining("open account 'root/session'");
    child.close();
    child.close();
    root.close();
    root.close();
  }

  @Test
  void closedAccountRefusesAndIsForgottenByItsParent() {
    try (MemoryAccount root = MemoryAccount.root("root", MemoryAccount.UNLIMITED)) {
      MemoryAccount child = root.child("child", MemoryAccount.UNLIMITED);
      child.close();
      assertThatIllegalStateException()
          .isThrownBy(() -> child.reserve(1, "x"))
          .withMessage("Account 'root/child' is closed: open another one.");
      assertThatIllegalStateException().isThrownBy(() -> child.child("grandchild", 1));
      assertThat(root.describe()).doesNotContain("child");
    }
  }

  @Test
  void describesTheTreeALineAnAccount() {
    try (MemoryAccount root = MemoryAccount.root("nibble", 1L << 20);
        MemoryAccount session = root.child("session", MemoryAccount.UNLIMITED);
        MemoryAccount data = root.child("data", 2048)) {
      session.reserve(1024, "codes");
      session.reserve(512, "weights");
      data.reserve(1, "x");
      data.release(1, "x");

      assertThat(root.describe())
          .isEqualTo(
              """
              nibble: used 1.5 KiB, peak 1.5 KiB, limit 1 MiB
                session: used 1.5 KiB, peak 1.5 KiB, no limit (codes 1 KiB, weights 512 bytes)
                data: used 0 bytes, peak 1 byte, limit 2 KiB""");
      session.release(1024, "codes");
      session.release(512, "weights");
    }
  }

  @Test
  void limitHoldsForManyThreads() throws Exception {
    long limit = 1000;
    int threads = 8;
    AtomicLong held = new AtomicLong();
    AtomicLong mostHeld = new AtomicLong();
    AtomicLong granted = new AtomicLong();
    try (MemoryAccount root = MemoryAccount.root("root", limit);
        ExecutorService pool = Executors.newFixedThreadPool(threads)) {
      List<Future<?>> runs = new ArrayList<>();
      for (int t = 0; t < threads; t++) {
        long seed = 17L + t;
        runs.add(
            pool.submit(
                () -> {
                  SplittableRandom random = new SplittableRandom(seed);
                  try (MemoryAccount own = root.child("thread", 700)) {
                    for (int i = 0; i < 2000; i++) {
                      long bytes = random.nextLong(1, 500);
                      try {
                        own.reserve(bytes, "x");
                      } catch (MemoryLimitException e) {
                        continue;
                      }
                      granted.incrementAndGet();
                      long now = held.addAndGet(bytes);
                      mostHeld.accumulateAndGet(now, Math::max);
                      held.addAndGet(-bytes);
                      own.release(bytes, "x");
                    }
                  }
                }));
      }
      for (Future<?> run : runs) {
        run.get();
      }
      assertThat(mostHeld).hasValueLessThanOrEqualTo(limit);
      assertThat(granted).hasPositiveValue();
      assertThat(root.used()).isZero();
      assertThat(root.peak()).isBetween(mostHeld.get(), limit);
    }
  }
}
