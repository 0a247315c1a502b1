package dev.nibble.memory;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SlabTest {
  private static final long HUGE = 2L << 20;

  @ParameterizedTest
  @ValueSource(
      longs = {0, 1, 63, 64, 65, 4096, HUGE - 64, HUGE - 1, HUGE, HUGE + 1, 3 * HUGE + 12345})
  void isAlignedZeroedWritableAndPaidForToTheByte(long bytes) {
    long size = (bytes + 63) / 64 * 64;
    try (MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED)) {
      try (Slab slab = Slab.allocate(account, bytes, "slab")) {
        MemorySegment segment = slab.segment();
        assertThat(segment.byteSize()).isEqualTo(size);
        assertThat(slab.bytes()).isEqualTo(size);
        assertThat(account.used()).isEqualTo(size);
        assertThat(segment.address() % 64).isZero();
        for (long i = 0; i < size; i += 8) {
          assertThat(segment.get(JAVA_LONG, i)).as("byte %d", i).isZero();
        }
        segment.fill((byte) 7);
        if (size > 0) {
          assertThat(segment.get(JAVA_BYTE, size - 1)).isEqualTo((byte) 7);
        }
        assertThatExceptionOfType(IndexOutOfBoundsException.class)
            .isThrownBy(() -> segment.get(JAVA_BYTE, size));
      }
      assertThat(account.used()).isZero();
      assertThat(account.peak()).isEqualTo(size);
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {64, 2 * HUGE})
  void refusesAccessOnceClosed(long bytes) {
    try (MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED)) {
      Slab slab = Slab.allocate(account, bytes, "slab");
      MemorySegment segment = slab.segment();
      slab.close();
      slab.close();
      assertThat(account.used()).isZero();
      assertThatIllegalStateException().isThrownBy(() -> segment.get(JAVA_BYTE, 0));
      assertThatIllegalStateException().isThrownBy(() -> segment.asSlice(0, 8).fill((byte) 1));
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {64, 2 * HUGE})
  @SuppressWarnings("try") // closing early is what is tested
  void isSharedByThreadsAndClosesUnderAReader(long bytes) throws Exception {
    CountDownLatch reading = new CountDownLatch(1);
    try (MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
        ExecutorService reader = Executors.newSingleThreadExecutor();
        Slab slab = Slab.allocate(account, bytes, "slab")) {
      MemorySegment segment = slab.segment();
      Future<String> end =
          reader.submit(
              () -> {
                try {
                  while (!Thread.currentThread().isInterrupted()) {
                    for (long i = 0; i < bytes; i += 8) {
                      segment.set(JAVA_LONG, i, segment.get(JAVA_LONG, i) + 1);
                    }
                    reading.countDown();
                  }
                  return "interrupted";
                } catch (IllegalStateException e) {
                  return "refused";
                }
              });
      try {
        assertThat(reading.await(30, TimeUnit.SECONDS)).isTrue();
        slab.close();
        assertThat(end.get(30, TimeUnit.SECONDS)).isEqualTo("refused");
      } finally {
        reader.shutdownNow();
      }
    }
  }

  @Test
  void limitIsEnforcedBeforeAllocating() {
    try (MemoryAccount account = MemoryAccount.root("test", 1L << 20)) {
      // Were it allocated first, the system would be what refuses, in other words.
      assertThatExceptionOfType(MemoryLimitException.class)
          .isThrownBy(() -> Slab.allocate(account, 1L << 60, "workspace"))
          .withMessageContaining("workspace needs 1 EiB")
          .withMessageContaining("account 'test' are free");
      assertThat(account.peak()).isZero();
    }
  }

  @Test
  void refusalOfTheSystemIsASentenceAndLeavesNothingBehind() {
    try (MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED)) {
      assertThatExceptionOfType(MemoryLimitException.class)
          .isThrownBy(() -> Slab.allocate(account, 1L << 60, "workspace"))
          .withMessageContaining("workspace needs 1 EiB")
          .withMessageContaining("the system refuses")
          .satisfies(e -> assertThat(e.requested()).isEqualTo(1L << 60))
          .satisfies(e -> assertThat(e.available()).isEqualTo(MemoryAccount.UNLIMITED));
      assertThat(account.used()).isZero();
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {-1, Long.MIN_VALUE, Long.MAX_VALUE, Long.MAX_VALUE - 63})
  void refusesImpossibleSizes(long bytes) {
    try (MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED)) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> Slab.allocate(account, bytes, "workspace"));
      assertThat(account.peak()).isZero();
    }
  }

  @Test
  void openSlabIsFoundWhenTheAccountCloses() {
    MemoryAccount account = MemoryAccount.root("session", MemoryAccount.UNLIMITED);
    Slab slab = Slab.allocate(account, 100, "workspace");
    assertThatExceptionOfType(MemoryLeakException.class)
        .isThrownBy(account::close)
        .withMessageContaining("'session'")
        .withMessageContaining("workspace 128 bytes");
    slab.close();
    account.close();
  }
}
