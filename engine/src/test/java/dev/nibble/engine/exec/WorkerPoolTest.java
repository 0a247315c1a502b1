package dev.nibble.engine.exec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A pool that is closed, or used, while it runs something. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class WorkerPoolTest {
  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(30, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 4})
  void closingWaitsForTheRunAtHand(int threads) throws Exception {
    AtomicInteger done = new AtomicInteger();
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch closing = new CountDownLatch(1);
    WorkerPool pool = new WorkerPool(threads, "test");
    try (ExecutorService others = Executors.newCachedThreadPool()) {
      Future<?> run =
          others.submit(
              () ->
                  pool.run(
                      20,
                      (index, worker) -> {
                        begun.countDown();
                        await(closing);
                        done.incrementAndGet();
                      }));
      await(begun);
      Future<Integer> close =
          others.submit(
              () -> {
                pool.close();
                return done.get();
              });
      assertThatThrownBy(() -> pool.run(1, (index, worker) -> {}))
          .isInstanceOf(IllegalStateException.class);
      assertThat(close.isDone()).isFalse();
      closing.countDown();
      run.get();
      assertThat(close.get()).isEqualTo(20);
    }
    pool.close(); // a second time does nothing
    assertThatThrownBy(() -> pool.run(1, (index, worker) -> {}))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("The session is closed");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void aTaskCannotCloseItsOwnPool(int threads) {
    WorkerPool pool = new WorkerPool(threads, "test");
    try {
      assertThatThrownBy(() -> pool.run(8, (index, worker) -> pool.close()))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("can't close");
      AtomicInteger done = new AtomicInteger();
      pool.run(8, (index, worker) -> done.incrementAndGet());
      assertThat(done).hasValue(8);
    } finally {
      pool.close();
    }
  }
}
