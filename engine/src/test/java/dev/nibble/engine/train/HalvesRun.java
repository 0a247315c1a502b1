package dev.nibble.engine.train;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Task;
import dev.nibble.engine.data.loading.Augmentation;
import dev.nibble.engine.exec.TestKernels;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.NetworkBuilder;
import dev.nibble.engine.train.TrainingOptions.Schedule;
import dev.nibble.memory.MemoryAccount;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Runs of a small network on {@link Halves}, and what is heard of them. */
final class HalvesRun {
  private HalvesRun() {}

  static Network network(int outputs) {
    NetworkBuilder b = Network.builder("halves", Halves.MAP);
    NetworkBuilder.Node x = b.convolution("one", b.input(), 16, 3, 2);
    x = b.relu(b.batchNorm("one.bn", x));
    return b.build(b.dense("fc", b.flatten(x), outputs));
  }

  static DataSplits data(Task task) {
    return new DataSplits(new Halves(96, 1, task), new Halves(64, 2, task), "halves");
  }

  static TrainingOptionsBuilder options() {
    return TrainingOptions.builder()
        .batch(16)
        .epochs(10)
        .augmentation(Augmentation.NONE)
        .schedule(Schedule.COSINE, 0.1f)
        .seed(2)
        .threads(2);
  }

  @SuppressWarnings("ArrayRecordComponent") // compared by their elements
  record Outcome(
      TrainingResult result,
      List<TrainingListener.Step> steps,
      List<TrainingListener.Epoch> epochs,
      byte[] weights) {}

  interface Work {
    void before(Trainer trainer);
  }

  static Outcome run(Task task, TrainingOptions options, @Nullable Work work) {
    return run(network(task == Task.REGRESSION ? 1 : 2), task, options, work);
  }

  static Outcome run(Network network, Task task, TrainingOptions options, @Nullable Work work) {
    List<TrainingListener.Step> steps = new ArrayList<>();
    List<TrainingListener.Epoch> epochs = new ArrayList<>();
    try (DataSplits data = data(task);
        MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
        Trainer trainer = Trainer.open(network, data, options, TestKernels.chosen(), account)) {
      if (work != null) {
        work.before(trainer);
      }
      TrainingResult result =
          trainer.run(
              new TrainingListener() {
                @Override
                public void onStep(Step step) {
                  steps.add(step);
                }

                @Override
                public void onEpoch(Epoch epoch) {
                  epochs.add(epoch);
                }
              });
      return new Outcome(result, steps, epochs, trainer.session().weights().toArray(JAVA_BYTE));
    }
  }
}
