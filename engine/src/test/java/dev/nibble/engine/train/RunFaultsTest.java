package dev.nibble.engine.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.checkpoint.CheckpointStore;
import dev.nibble.engine.checkpoint.LoadedCheckpoint;
import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** Runs that fail or are interrupted: no step is lost. */
class RunFaultsTest extends ShortRun {
  /** The test pictures, of which one cannot be read. */
  private static Dataset broken(Dataset source) {
    return (Dataset)
        Proxy.newProxyInstance(
            Dataset.class.getClassLoader(),
            new Class<?>[] {Dataset.class},
            (proxy, method, arguments) -> {
              if (method.getName().equals("read") && arguments[0].equals(7)) {
                throw new DataException("Picture 7 is broken.");
              }
              if (method.getName().equals("identity")) {
                return "picture " + arguments[0];
              }
              try {
                return method.invoke(source, arguments);
              } catch (InvocationTargetException e) {
                throw Objects.requireNonNull(e.getCause());
              }
            });
  }

  @Test
  void anEvaluationThatFailsCostsNoStepAndIsMadeUpForByTheResumedRun() {
    byte[][] expected = uninterrupted();
    for (long every : new long[] {0, 3}) {
      CheckpointStore store = new CheckpointStore(folder.resolve("every-" + every));
      List<String> heard = new ArrayList<>();
      TrainingListener listener =
          new TrainingListener() {
            @Override
            public void onEpoch(Epoch epoch) {
              heard.add(epoch.epoch() + " at " + epoch.step());
              assertThat(epoch.trainLoss()).isPositive().isFinite();
            }
          };
      DataSplits failing = new DataSplits(train, broken(test), "broken");
      try (Trainer trainer = open(failing, options().checkpointEvery(every))) {
        trainer.checkpointTo(store);
        assertThatThrownBy(() -> trainer.run(listener)).isInstanceOf(DataException.class);
      }
      assertThat(store.list().getFirst().getFileName()).hasToString("step-000000003.nibble");
      DataSplits mended = new DataSplits(train, named(test), "mended");
      try (Trainer trainer = open(mended, options().checkpointEvery(every))) {
        trainer.checkpointTo(store);
        resume(trainer, store);
        assertThat(trainer.done()).isEqualTo(3);
        TrainingResult result = trainer.run(listener);
        assertThat(result.steps()).isEqualTo(6);
        assertThat(bytes(trainer)).isDeepEqualTo(expected);
      }
      assertThat(heard).containsExactly("1 at 3", "2 at 6");
    }
  }

  @Test
  void anEvaluationCutByACancelIsMadeUpForToo() {
    CheckpointStore store = new CheckpointStore(folder);
    try (Trainer trainer = open(data, options().steps(3))) {
      trainer.checkpointTo(store);
      // 20 test pictures are two batches, and between them the cancel is seen.
      TrainingResult result = trainer.run(onStep(step -> cancelAt(trainer, step)));
      assertThat(result.cancelled()).isTrue();
      assertThat(result.testAccuracy()).isNaN();
    }
    try (Trainer trainer = open(data, options().steps(3))) {
      trainer.checkpointTo(store);
      resume(trainer, store);
      TrainingResult result = trainer.run(SILENT);
      assertThat(result.cancelled()).isFalse();
      assertThat(result.testAccuracy()).isBetween(0.0, 1.0);
      assertThat(result.loss()).isNaN(); // no step was left to make
    }
  }

  private static void cancelAt(Trainer trainer, long step) {
    if (step == 3) {
      trainer.cancel();
    }
  }

  @Test
  void aListenerThatFailsCostsNoStep() {
    CheckpointStore store = new CheckpointStore(folder);
    try (Trainer trainer = open(data, options())) {
      trainer.checkpointTo(store);
      TrainingListener failing =
          onStep(
              step -> {
                if (step == 2) {
                  throw new IllegalStateException("full");
                }
              });
      assertThatThrownBy(() -> trainer.run(failing)).hasMessage("full");
    }
    assertThat(store.list()).containsExactly(folder.resolve("step-000000002.nibble"));
  }

  @Test
  void anInterruptIsACancelThatTheThreadStillHasAfterwards() {
    byte[][] expected = uninterrupted();
    CheckpointStore store = new CheckpointStore(folder.resolve("checkpoints"));
    Path file = folder.resolve("model.safetensors");
    try (Trainer trainer = open(data, options())) {
      trainer.checkpointTo(store);
      TrainingListener interrupting =
          onStep(
              step -> {
                if (step == 2) {
                  Thread.currentThread().interrupt();
                }
              });
      TrainingResult result = trainer.run(interrupting);
      assertThat(Thread.currentThread().isInterrupted()).isTrue();
      assertThat(result.cancelled()).isTrue();
      assertThat(result.steps()).isEqualTo(2);
      trainer.saveModel(file); // files are written by an interrupted thread as by any other
      trainer.checkpoint();
      assertThat(Thread.interrupted()).isTrue();
    }
    assertThat(file).exists();
    try (Trainer trainer = open(data, options())) {
      trainer.checkpointTo(store);
      resume(trainer, store);
      assertThat(trainer.done()).isEqualTo(2);
      trainer.run(SILENT);
      assertThat(bytes(trainer)).isDeepEqualTo(expected);
    }
  }

  @Test
  void anInterruptThatComesAtAnyTimeLosesNoStep() throws Exception {
    byte[][] expected = uninterrupted();
    for (int delay = 0; delay < 12; delay++) {
      CheckpointStore store = new CheckpointStore(folder.resolve("delay-" + delay));
      long pause = delay * 700_000L;
      try (Trainer trainer = open(data, options().checkpointEvery(1))) {
        trainer.checkpointTo(store);
        Thread training = Thread.currentThread();
        Thread other =
            Thread.ofPlatform()
                .start(
                    () -> {
                      long end = System.nanoTime() + pause;
                      while (System.nanoTime() < end) {
                        Thread.onSpinWait();
                      }
                      training.interrupt();
                    });
        long steps = trainer.run(SILENT).steps();
        boolean still = Thread.interrupted();
        other.join();
        still |= Thread.interrupted();
        assertThat(still).isTrue();
        try (LoadedCheckpoint checkpoint = store.loadLatest(w -> {}).orElseThrow()) {
          assertThat(checkpoint.meta().step()).isEqualTo(steps);
        }
      }
      try (Trainer trainer = open(data, options().checkpointEvery(1))) {
        trainer.checkpointTo(store);
        resume(trainer, store);
        trainer.run(SILENT);
        assertThat(bytes(trainer)).isDeepEqualTo(expected);
      }
    }
  }
}
