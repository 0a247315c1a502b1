package dev.nibble.kernels;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The complete table of what a provider computes, at the grain of stages, so that a device can
 * implement it whole. Implementations are stateless and thread-safe; different shards of one stage
 * run at the same time on different threads.
 *
 * <p>Whoever computes opens the table first, for the session that it computes in, and closes it
 * when the session ends: {@code try (KernelSession session = kernels.select(workload).open(...))}.
 * {@link #select} and {@link #open} cost a table that holds nothing nothing.
 *
 * <p>A stage's pass is three calls: {@code pack...} once (weights into the provider's own order),
 * {@code forward} or {@code backward} for every shard of pictures, and {@code finish...} once,
 * which merges the shards' partial sums in shard order. Results depend on how pictures are cut into
 * shards, not on the threads that run them.
 */
public interface Kernels {
  /** The provider's name as in {@code -Dnibble.kernels}: {@code scalar}, {@code vector}, ... */
  String name();

  /** A short description for people: name and vector width. */
  String description();

  /**
   * The table to plan and open for a workload: this one, unless it stands for a choice that depends
   * on the workload. May measure, once for a largest stage.
   *
   * @throws DeviceException if a device fails that was there before
   */
  default Kernels select(Workload workload) {
    return this;
  }

  /**
   * As {@link #select(Workload)}, for a caller whose memory is limited.
   *
   * @param most bytes that a measurement may take while it lasts, on the heap and off it; one that
   *     cannot do with them is not made, and the table is then the CPU's
   * @throws DeviceException if a device fails that was there before
   */
  default Kernels select(Workload workload, long most) {
    return select(workload);
  }

  /** Bytes of staging that {@link #open} needs off the heap; 0 for tables that hold nothing. */
  default long stagingBytes(Workload workload) {
    return 0;
  }

  /**
   * Makes the table ready for a session.
   *
   * <p>The weights that {@link #packForward} packed stay as they are until the session's next step:
   * a table may keep them for {@link #packBackward}, which is then given the same segment.
   *
   * @param workload what will be run: stages, or their inference variants, of these operators
   * @param workspace the region in which every buffer of the session's arguments lies. A table that
   *     keeps buffers on a device takes a buffer's offset in it for its name; others ignore it
   * @param staging at least {@link #stagingBytes} of zeros, aligned to 64 bytes; freed by the
   *     caller after the session is closed
   * @throws DeviceException if the device refuses something; nothing is left behind
   */
  default KernelSession open(Workload workload, MemorySegment workspace, MemorySegment staging) {
    return KernelSession.of(this);
  }

  /** Floats that the packed weights of a stage take, the larger of both directions. */
  int packedFloats(Stage stage);

  /** Floats of scratch that a thread needs to run a stage, the larger of both directions. */
  int scratchFloats(Stage stage);

  /**
   * Packs a stage's weights for {@link #forward}; called for stages of whose weights no float is
   * asked for, too, since kernels may keep them elsewhere, by where they lie.
   *
   * @param packed at least {@link #packedFloats} long; read by all shards
   */
  void packForward(ForwardArgs args, float[] packed);

  /**
   * Runs pictures {@code from} (inclusive) to {@code to} (exclusive) of a stage.
   *
   * @param shard index of the region of partial sums that this call writes (it need not be zeroed)
   * @param packed what {@link #packForward} wrote
   * @param scratch at least {@link #scratchFloats} long, owned by this call; content undefined
   */
  void forward(ForwardArgs args, int shard, int from, int to, float[] packed, float[] scratch);

  /** Packs a stage's weights for {@link #backward}. */
  void packBackward(BackwardArgs args, float[] packed);

  /** Runs a shard of a stage's backward pass; the parameters are those of {@link #forward}. */
  void backward(BackwardArgs args, int shard, int from, int to, float[] packed, float[] scratch);

  /**
   * Merges the shards' statistics of a tensor into mean and variance.
   *
   * @param partials what the shards wrote: {@code shards} regions of {@link
   *     Partials#statisticsBytes}
   * @param shards how many; shard i ran pictures {@code [bounds[i], bounds[i+1])}
   * @param bounds shards + 1 picture indices
   * @param map shape of the tensor
   * @param moments C floats of mean, then C floats of biased variance, written
   */
  default void finishStatistics(
      MemorySegment partials, int shards, int[] bounds, FeatureMap map, MemorySegment moments) {
    ChannelMath.mergeStatistics(partials, shards, bounds, map, moments);
  }

  /**
   * Fills the forward rows of a channel table.
   *
   * @param activation which coefficients are needed
   * @param moments mean and biased variance of the tensor, C floats each
   * @param gamma batch norm's scale, or null without batch norm
   * @param beta batch norm's shift, or null without batch norm
   * @param epsilon added to the variance
   */
  default void fillTable(
      Activation activation,
      int channels,
      MemorySegment moments,
      @Nullable MemorySegment gamma,
      @Nullable MemorySegment beta,
      float epsilon,
      MemorySegment table) {
    ChannelMath.fillTable(activation, channels, moments, gamma, beta, epsilon, table);
  }

  /**
   * Merges the shards' gradients of a stage: weights and bias (ranges may run on different
   * threads).
   *
   * @param from first weight of the range
   * @param to end of the range, at most {@code weights + bias}
   * @param target C_out-fastest gradient of weights, then of the bias, of which [from, to) is
   *     written
   */
  default void finishWeights(
      BackwardArgs args, int shards, int from, int to, MemorySegment target) {
    ChannelMath.mergeWeights(args, shards, from, to, target);
  }

  /**
   * Merges the shards' channel sums of a stage with batch norm and fills its table's DX rows.
   *
   * @param pictures pictures that took part
   * @param gammaGradient C floats, written
   * @param betaGradient C floats, written
   */
  default void finishChannels(
      BackwardArgs args,
      int shards,
      int pictures,
      MemorySegment gammaGradient,
      MemorySegment betaGradient) {
    ChannelMath.mergeChannels(args, shards, pictures, gammaGradient, betaGradient);
  }

  /** Normalises, crops and mirrors pictures {@code [from, to)} into the first stage's input. */
  void input(InputArgs args, int from, int to);

  /** Softmax cross-entropy of the first {@code count} pictures. */
  void loss(LossArgs args, int count);

  /**
   * One step of SGD on values {@code [from, to)}. This and what follows computes value by value,
   * each product and sum rounded to fp32, so that ranges and providers give the same bits.
   */
  void sgd(SgdArgs args, int from, int to, float rate, float momentum, float weightDecay);

  /**
   * One step of SGD with Nesterov's momentum on values {@code [from, to)}: with {@code d = gradient
   * + weightDecay * w} and {@code v = momentum * v + d}, {@code w -= rate * (d + momentum * v)}.
   */
  void nesterov(SgdArgs args, int from, int to, float rate, float momentum, float weightDecay);

  /**
   * One step of AdamW on values {@code [from, to)}.
   *
   * @param correction1 1 - beta1^t in step t, counted from 1
   * @param correction2 1 - beta2^t
   */
  void adamW(
      AdamWArgs args,
      int from,
      int to,
      float rate,
      float weightDecay,
      double correction1,
      double correction2);

  /**
   * A weighted sum in place of values {@code [from, to)}: {@code target = keep * target + add *
   * source}. What is multiplied by 0 is not read, as in BLAS.
   */
  void blend(BlendArgs args, int from, int to, float keep, float add);

  /**
   * The sum of the squares of fp32 values {@code [from, to)}, in double precision: the sum of every
   * fourth value from each of the first four on, what is left over added to the first of these
   * sums, and (first + second) + (third + fourth).
   */
  double sumOfSquares(MemorySegment values, int from, int to);
}
