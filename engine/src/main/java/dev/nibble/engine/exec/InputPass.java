package dev.nibble.engine.exec;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.engine.data.random.EpochOrder;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.PersistentBuffers;
import dev.nibble.kernels.Cut;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.InputArgs;
import dev.nibble.kernels.Kernels;
import java.lang.foreign.MemorySegment;

/** From a loader's bytes to the network's input. */
final class InputPass {
  private final FeatureMap map;
  private final Kernels kernels;
  private final WorkerPool pool;
  private final MemorySegment mean;
  private final MemorySegment std;
  private final InputArgs[] exact;
  private final InputArgs[] centred;
  private final Cut cut;
  private final WorkerPool.Task task = this::runGroup;
  private int count;
  private boolean pictureMean;
  private InputArgs current;

  InputPass(ExecutionPlan plan, Binder binder, Kernels kernels, WorkerPool pool) {
    this.map = plan.graph().network().input();
    this.kernels = kernels;
    this.pool = pool;
    this.cut = new Cut(plan.groups(), 1);
    PersistentBuffers persistent = plan.buffers().persistent();
    MemorySegment scalars = binder.view(persistent.scalars());
    long bytes = 4L * map.channels();
    this.mean = scalars.asSlice(64, bytes);
    this.std = scalars.asSlice(64 + bytes, bytes);
    int slots = persistent.slots().size();
    this.exact = new InputArgs[slots];
    this.centred = new InputArgs[slots];
    MemorySegment x = binder.view(plan.buffers().tensor(plan.graph().tensors().getFirst()));
    for (int i = 0; i < slots; i++) {
      MemorySegment pictures = binder.view(persistent.slots().get(i).pictures());
      MemorySegment crops = binder.view(persistent.slots().get(i).crops());
      int batch = plan.localBatch();
      exact[i] =
          new InputArgs(map, batch, pictures, crops, EpochOrder.PADDING, mean, std, false, x);
      centred[i] =
          new InputArgs(map, batch, pictures, crops, EpochOrder.PADDING, mean, std, true, x);
    }
    this.current = exact[0];
    for (int c = 0; c < map.channels(); c++) {
      std.set(JAVA_FLOAT, 4L * c, 1);
    }
  }

  void configure(float[] means, float[] stds, boolean ofPicture) {
    if (means.length != map.channels() || stds.length != map.channels()) {
      throw new IllegalArgumentException(
          "Mean and std need a value for each of the " + map.channels() + " channels");
    }
    for (int c = 0; c < means.length; c++) {
      if (!Float.isFinite(means[c]) || !(stds[c] > 0) || Float.isInfinite(stds[c])) {
        throw new IllegalArgumentException("Mean must be finite and std positive and finite");
      }
      mean.set(JAVA_FLOAT, 4L * c, means[c]);
      std.set(JAVA_FLOAT, 4L * c, stds[c]);
    }
    pictureMean = ofPicture;
  }

  void run(int slot, int pictures) {
    current = pictureMean ? centred[slot] : exact[slot];
    count = pictures;
    pool.run(cut.leaves(), task);
  }

  private void runGroup(int group, int worker) {
    kernels.input(current, cut.from(group, count), cut.to(group, count));
  }
}
