package dev.nibble.engine.infer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.exec.TestKernels;
import dev.nibble.engine.exec.TestSession;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.ResNet;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.KernelSession;
import dev.nibble.kernels.Kernels;
import dev.nibble.memory.MemoryAccount;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Many threads on one predictor. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class PredictorThreadsTest {
  private static final int PICTURES = 40;

  private static Network network() {
    return ResNet.of("resnet8", new FeatureMap(8, 8, 3), 5);
  }

  @ParameterizedTest
  @CsvSource({"1, 1, 6", "2, 1, 3", "2, 3, 8", "3, 2, 12", "5, 0, 2"})
  void callsOfAnySizeNeverMixTheirResults(int threads, int atOnce, int callers) throws Exception {
    try (PredictorFixture test =
            new PredictorFixture(network(), PredictorFixture.options(threads, atOnce));
        ExecutorService pool = Executors.newFixedThreadPool(callers)) {
      float[] pictures = test.pictures(PICTURES, 1);
      float[] expected = test.oneByOne(pictures, PICTURES);
      List<Future<?>> calls = new ArrayList<>();
      for (int caller = 0; caller < callers; caller++) {
        int first = caller;
        calls.add(
            pool.submit(
                () -> {
                  for (int round = 0; round < 60; round++) {
                    predictSome(test, pictures, expected, (first * 7 + round * 11) % PICTURES);
                  }
                }));
      }
      for (Future<?> call : calls) {
        call.get();
      }
    }
  }

  /** A part of the pictures, of a size that differs from call to call. */
  private static void predictSome(
      PredictorFixture test, float[] pictures, float[] expected, int from) {
    int values = test.predictor().input().values();
    int count = 1 + (from * 13) % (PICTURES - from);
    float[] logits =
        test.predict(Arrays.copyOfRange(pictures, from * values, (from + count) * values), count);
    assertThat(logits).isEqualTo(Arrays.copyOfRange(expected, from * 5, (from + count) * 5));
  }

  /** A picture that is worth it is taken through by all threads, to the same bytes. */
  @Test
  void idleThreadsTakePartInASinglePicture() {
    Network network = ResNet.of("resnet20", new FeatureMap(32, 32, 3), 5);
    Set<String> seen = ConcurrentHashMap.newKeySet();
    try (PredictorFixture alone = new PredictorFixture(network, PredictorFixture.options(1, 1));
        TestSession session = new TestSession(network, PlanOptions.inference(1), 1, 7);
        MemoryAccount account = MemoryAccount.root("together", MemoryAccount.UNLIMITED);
        Predictor together =
            Predictor.of(
                network,
                session.session()::values,
                PredictorFixture.options(3, 1),
                watched(TestKernels.chosen(), seen),
                account)) {
      float[] picture = alone.pictures(1, 3);
      float[] expected = alone.predict(picture, 1);
      float[] actual = new float[5];
      while (seen.size() < 2) { // the class has a timeout
        together.predict(picture, 1, actual);
        assertThat(actual).isEqualTo(expected);
      }
    }
  }

  /** Kernels that note which threads run the parts of a stage. */
  private static Kernels watched(Kernels kernels, Set<String> seen) {
    return (Kernels)
        Proxy.newProxyInstance(
            Kernels.class.getClassLoader(),
            new Class<?>[] {Kernels.class},
            (proxy, method, arguments) -> {
              if (method.getName().equals("forward") && (int) arguments[5] > 1) {
                seen.add(Thread.currentThread().getName());
              }
              return switch (method.getName()) {
                case "select" -> proxy;
                case "open" -> KernelSession.of((Kernels) proxy);
                default -> method.invoke(kernels, arguments);
              };
            });
  }

  @Test
  void virtualThreadsMayCall() throws Exception {
    try (PredictorFixture test = new PredictorFixture(network(), PredictorFixture.options(2, 2));
        ExecutorService pool = Executors.newVirtualThreadPerTaskExecutor()) {
      float[] pictures = test.pictures(PICTURES, 1);
      float[] expected = test.oneByOne(pictures, PICTURES);
      List<Future<?>> calls = new ArrayList<>();
      for (int i = 0; i < 200; i++) {
        int from = i % PICTURES;
        calls.add(pool.submit(() -> predictSome(test, pictures, expected, from)));
      }
      for (Future<?> call : calls) {
        call.get();
      }
    }
  }

  @Test
  void aSmallCallDoesNotWaitForALargeOnesEnd() throws Exception {
    try (PredictorFixture test = new PredictorFixture(network(), PredictorFixture.options(1, 1));
        ExecutorService pool = Executors.newFixedThreadPool(1)) {
      float[] many = test.pictures(1024, 1);
      float[] one = test.pictures(1, 2);
      AtomicBoolean stop = new AtomicBoolean();
      AtomicInteger finished = new AtomicInteger();
      CountDownLatch started = new CountDownLatch(1);
      Future<?> large =
          pool.submit(
              () -> {
                while (!stop.get()) {
                  started.countDown();
                  test.predict(many, 1024);
                  finished.incrementAndGet();
                }
              });
      started.await();
      // There is one context, which the large calls hold nearly all the time, a chunk at a time.
      int before = finished.get();
      for (int i = 0; i < 200; i++) {
        test.predict(one, 1);
      }
      int between = finished.get() - before;
      stop.set(true);
      large.get();
      assertThat(between).as("large calls that ended during 200 small ones").isLessThan(100);
    }
  }

  @Test
  void closingWaitsForTheCallsUnderWay() throws Exception {
    for (int round = 0; round < 10; round++) {
      PredictorFixture test = new PredictorFixture(network(), PredictorFixture.options(2, 1));
      float[] pictures = test.pictures(PICTURES, 1);
      float[] expected = test.predict(pictures, PICTURES);
      CountDownLatch running = new CountDownLatch(4);
      AtomicInteger ended = new AtomicInteger();
      try (ExecutorService pool = Executors.newFixedThreadPool(4)) {
        List<Future<?>> calls = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
          calls.add(
              pool.submit(
                  () -> {
                    running.countDown();
                    assertThatThrownBy(
                            () -> {
                              while (true) {
                                assertThat(test.predict(pictures, PICTURES)).isEqualTo(expected);
                                ended.incrementAndGet();
                              }
                            })
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("closed");
                  }));
        }
        running.await();
        while (ended.get() < 4) {
          Thread.onSpinWait();
        }
        test.close(); // its account would throw if anything were still held
        for (Future<?> call : calls) {
          call.get(30, TimeUnit.SECONDS);
        }
      }
    }
  }

  @Test
  void anInterruptedCallerGetsItsResultAndKeepsItsInterrupt() {
    try (PredictorFixture test = new PredictorFixture(network(), PredictorFixture.options(2, 1))) {
      float[] pictures = test.pictures(PICTURES, 1);
      float[] expected = test.predict(pictures, PICTURES);
      Thread.currentThread().interrupt();
      float[] logits = test.predict(pictures, PICTURES);
      assertThat(Thread.interrupted()).isTrue();
      assertThat(logits).isEqualTo(expected);
    }
  }

  @Test
  void aListenerMayCloseThePredictor() {
    try (PredictorFixture test = new PredictorFixture(network(), PredictorFixture.options(2, 2))) {
      AtomicInteger heard = new AtomicInteger();
      test.predictor()
          .addListener(
              (pictures, nanoseconds) -> {
                heard.addAndGet(pictures);
                assertThat(nanoseconds).isPositive();
                test.predictor().close();
              });
      float[] logits = test.predict(test.pictures(3, 1), 3);
      assertThat(logits).doesNotContain(Float.NaN);
      assertThat(heard).hasValue(3);
      assertThatThrownBy(() -> test.predict(test.pictures(1, 1), 1))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("closed");
    }
  }

  @Test
  void helpersThatCouldNotAllBeStartedAreEnded() throws Exception {
    int threads = 5;
    InferencePlan plan = InferencePlan.of(network(), 1, threads, TestKernels.chosen());
    List<Thread> started = new ArrayList<>();
    OutOfMemoryError refused = new OutOfMemoryError("unable to create native thread");
    try (MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
        PredictorMemory memory = new PredictorMemory(plan, account)) {
      InferenceContext[] all = new InferenceContext[threads];
      for (int i = 0; i < threads; i++) {
        all[i] =
            new InferenceContext(
                plan, memory, i, TestKernels.chosen(), PredictorFixture.options(threads, 1));
      }
      assertThatThrownBy(
              () ->
                  new ContextPool(
                          all,
                          1,
                          plan,
                          thread -> {
                            if (started.size() == 2) {
                              throw refused;
                            }
                            started.add(thread);
                            thread.start();
                          })
                      .close())
          .isSameAs(refused);
    }
    assertThat(started).hasSize(2);
    for (Thread thread : started) {
      thread.join(10_000);
      assertThat(thread.isAlive()).isFalse();
    }
  }
}
