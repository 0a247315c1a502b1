package dev.nibble.engine.exec;

import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.optim.Optimizer;
import dev.nibble.engine.optim.UpdateRule;
import dev.nibble.engine.plan.Buffer;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.PersistentBuffers;
import dev.nibble.kernels.AdamWArgs;
import dev.nibble.kernels.BlendArgs;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.SgdArgs;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Makes steps of gradients: averages them over batches, clips them, runs the optimiser, and moves
 * the average of the weights.
 *
 * <p>The weights are cut into the same chunks for any number of threads, and the chunks' sums are
 * added in their order.
 */
public final class ParameterUpdate {
  private static final int CHUNK = 16384;

  /** What PyTorch adds to the norm before it divides by it. */
  private static final double NORM_EPSILON = 1e-6;

  private final Kernels kernels;
  private final WorkerPool pool;
  private final UpdateRule rule;
  private final Chunks chunks;
  private final MemorySegment allWeights;
  private final MemorySegment weights;
  private final MemorySegment gradients;
  private final Map<String, MemorySegment> state = new LinkedHashMap<>();
  private final @Nullable SgdArgs sgd;
  private final @Nullable AdamWArgs adamW;
  private final BlendArgs scaling;
  private final @Nullable BlendArgs toGroup;
  private final @Nullable BlendArgs fromGroup;
  private final @Nullable MemorySegment average;
  private final @Nullable BlendArgs averaging;
  private final double[] squares;

  private final WorkerPool.Task blendTask = this::blendChunk;
  private final WorkerPool.Task squareTask = this::squareChunk;
  private final WorkerPool.Task stepTask = this::stepChunk;

  private long steps;
  private int grouped;
  private double norm = Double.NaN;
  private @Nullable BlendArgs blended;
  private float keep;
  private float add;
  private float rate;
  private float clip;
  private double correction1;
  private double correction2;

  /**
   * Binds the buffers of a plan for training.
   *
   * @param trainable what a step changes
   */
  ParameterUpdate(
      ExecutionPlan plan,
      Binder binder,
      Kernels kernels,
      WorkerPool pool,
      List<Parameter> trainable) {
    PersistentBuffers buffers = plan.buffers().persistent();
    int first = plan.firstTrained();
    int size = plan.graph().network().weightValues() - first;
    this.kernels = kernels;
    this.pool = pool;
    this.rule = plan.options().update();
    this.chunks = new Chunks(trainable, first, rule);
    this.allWeights = binder.view(buffers.weights());
    this.weights = allWeights.asSlice(4L * first);
    this.gradients = binder.view(Objects.requireNonNull(buffers.gradients()));
    for (Buffer buffer : buffers.optimizerState()) {
      state.put(buffer.name(), binder.view(buffer));
    }
    List<MemorySegment> kept = List.copyOf(state.values());
    this.sgd =
        rule.optimizer() instanceof Optimizer.Sgd
            ? new SgdArgs(size, weights, gradients, kept.get(0))
            : null;
    this.adamW =
        rule.optimizer() instanceof Optimizer.AdamW a
            ? new AdamWArgs(
                size,
                weights,
                gradients,
                kept.get(0),
                kept.get(1),
                a.beta1(),
                a.beta2(),
                a.epsilon())
            : null;
    this.scaling = new BlendArgs(size, gradients, gradients);
    MemorySegment group = binder.viewOrNull(buffers.accumulated());
    this.toGroup = group == null ? null : new BlendArgs(size, group, gradients);
    this.fromGroup = group == null ? null : new BlendArgs(size, gradients, group);
    this.average = binder.viewOrNull(buffers.average());
    this.averaging =
        average == null ? null : new BlendArgs(size, average.asSlice(4L * first), weights);
    this.squares = new double[chunks.count()];
  }

  /**
   * What the optimiser keeps from step to step, by name; each laid out as the weights are, from the
   * first trained one on.
   */
  public Map<String, MemorySegment> state() {
    return new LinkedHashMap<>(state);
  }

  /** Steps made, on which AdamW's bias correction and the average's share depend. */
  public long steps() {
    return steps;
  }

  /** The L2 norm of the last step's gradients before they were clipped; NaN without clipping. */
  public double gradientNorm() {
    return norm;
  }

  /** Pictures whose gradients wait for the step. */
  int grouped() {
    return grouped;
  }

  /** Forgets all steps. */
  public void reset() {
    state.values().forEach(segment -> segment.fill((byte) 0));
    resume(0);
  }

  /** Goes on after that many steps, whose {@link #state} was restored. */
  public void resume(long madeSteps) {
    steps = madeSteps;
    norm = Double.NaN;
    dropGroup();
  }

  /** Forgets the batches since the last step. */
  public void dropGroup() {
    grouped = 0;
  }

  /** Adds a batch's gradients to the group's. */
  void accumulate(int pictures) {
    if (toGroup == null) {
      throw new IllegalStateException("This session was planned for one batch a step");
    }
    blend(toGroup, grouped == 0 ? 0 : 1, pictures);
    grouped = Math.addExact(grouped, pictures);
  }

  /**
   * Makes a step of the gradients of the last batch and those of its group.
   *
   * @return whether the gradients were finite, where the rule clips; if not, nothing was changed
   */
  boolean step(float learningRate, int pictures) {
    if (grouped > 0 && fromGroup != null) {
      double all = (double) grouped + pictures;
      blend(fromGroup, (float) (pictures / all), (float) (1 / all));
      dropGroup();
    }
    rate = learningRate;
    clip = 1;
    if (rule.clips()) {
      norm = norm();
      if (!Double.isFinite(norm)) {
        return false;
      }
      clip = (float) Math.min(1, rule.clipNorm() / (norm + NORM_EPSILON));
    }
    if (rule.optimizer() instanceof Optimizer.AdamW a) {
      // StrictMath: the same bits on every machine.
      correction1 = 1 - StrictMath.pow(a.beta1(), steps + 1.0);
      correction2 = 1 - StrictMath.pow(a.beta2(), steps + 1.0);
    }
    if (averaging != null) {
      if (steps == 0) {
        // What no step changes has its place in the average, too.
        Objects.requireNonNull(average).copyFrom(allWeights);
      }
      double keeps = rule.averageKeeps(steps);
      keep = (float) keeps;
      add = (float) (1 - keeps);
    }
    pool.run(chunks.count(), stepTask);
    steps++;
    return true;
  }

  private double norm() {
    pool.run(chunks.count(), squareTask);
    double sum = 0;
    for (double square : squares) {
      sum += square;
    }
    return Math.sqrt(sum);
  }

  private void squareChunk(int chunk, int worker) {
    squares[chunk] = kernels.sumOfSquares(gradients, chunks.from(chunk), chunks.to(chunk));
  }

  private void blend(BlendArgs args, float keeps, float adds) {
    blended = args;
    keep = keeps;
    add = adds;
    pool.run(chunks.count(), blendTask);
  }

  private void blendChunk(int chunk, int worker) {
    BlendArgs args = blended;
    if (args != null) {
      kernels.blend(args, chunks.from(chunk), chunks.to(chunk), keep, add);
    }
  }

  private void stepChunk(int chunk, int worker) {
    int from = chunks.from(chunk);
    int to = chunks.to(chunk);
    float decay = chunks.decayed(chunk) ? (float) rule.optimizer().weightDecay() : 0;
    float scaled = rate * chunks.rateScale(chunk);
    if (clip < 1) {
      kernels.blend(scaling, from, to, clip, 0);
    }
    if (sgd != null && rule.optimizer() instanceof Optimizer.Sgd o) {
      if (o.nesterov()) {
        kernels.nesterov(sgd, from, to, scaled, (float) o.momentum(), decay);
      } else {
        kernels.sgd(sgd, from, to, scaled, (float) o.momentum(), decay);
      }
    } else if (adamW != null) {
      kernels.adamW(adamW, from, to, scaled, decay, correction1, correction2);
    }
    if (averaging != null) {
      kernels.blend(averaging, from, to, keep, add);
    }
  }

  /** Runs of weights of one parameter, each small enough to be shared out. */
  private static final class Chunks {
    private final int[] from;
    private final int[] to;
    private final boolean[] decayed;
    private final float[] rateScales;

    /** Cuts parameters, of which {@code first} is where the buffers begin. */
    Chunks(List<Parameter> parameters, int first, UpdateRule rule) {
      int count = parameters.stream().mapToInt(p -> Math.ceilDiv(p.size(), CHUNK)).sum();
      from = new int[count];
      to = new int[count];
      decayed = new boolean[count];
      rateScales = new float[count];
      int chunk = 0;
      for (Parameter parameter : parameters) {
        String name = parameter.name();
        float scale = (float) rule.rateScale(name.substring(0, name.lastIndexOf('.')));
        for (int start = 0; start < parameter.size(); start += CHUNK) {
          from[chunk] = parameter.offset() - first + start;
          to[chunk] = parameter.offset() - first + Math.min(start + CHUNK, parameter.size());
          decayed[chunk] = parameter.kind().decayed();
          rateScales[chunk] = scale;
          chunk++;
        }
      }
    }

    int count() {
      return from.length;
    }

    int from(int chunk) {
      return from[chunk];
    }

    int to(int chunk) {
      return to[chunk];
    }

    boolean decayed(int chunk) {
      return decayed[chunk];
    }

    float rateScale(int chunk) {
      return rateScales[chunk];
    }
  }
}
