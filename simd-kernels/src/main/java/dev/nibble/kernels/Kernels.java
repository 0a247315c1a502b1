package dev.nibble.kernels;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * All that a provider computes, at the grain of stages, so that a device can implement it whole.
 * Implementations are stateless and thread-safe; different leaves of one stage run at the same time
 * on different threads.
 *
 * <p>Whoever computes opens the kernels first, for the session that it computes in, and closes them
 * when the session ends: {@code try (KernelSession session = kernels.select(workload).open(...))}.
 * {@link #select} and {@link #open} cost kernels that hold nothing nothing.
 *
 * <p>A stage's pass is cut into leaves ({@link Cut}): pictures {@code [from, to)}, and a part of
 * the work on them. What a part is (rows, pixels, channels, weights) is the provider's own affair;
 * it may do all of a group's work in its part 0 and none in the others. The forward pass is: {@link
 * #packForward} for every unit, {@link #forward} for every leaf, {@link #finishStatistics}. The
 * backward pass is either fused, {@link #packBackward} and {@link #backward} for every leaf, or,
 * where {@link Cut#isFused} says no, {@link #sumGradient} where the arguments ask for the gradient,
 * {@link #packBackward} and {@link #backwardData}, and {@link #backwardWeights}; then {@link
 * #finishWeights} and {@link #finishChannels}. Leaves of a call may run at the same time; results
 * depend on the cut, not on the threads.
 */
public interface Kernels {
  /** The provider's name as in {@code -Dnibble.kernels}: {@code scalar}, {@code vector}, ... */
  String name();

  /** A short description for people: name and vector width. */
  String description();

  /**
   * The kernels to plan and open for a workload: these, unless they stand for a choice that depends
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
   *     cannot do with them is not made, and the kernels are then the CPU's
   * @throws DeviceException if a device fails that was there before
   */
  default Kernels select(Workload workload, long most) {
    return select(workload);
  }

  /** Bytes of staging that {@link #open} needs off the heap; 0 for kernels that hold nothing. */
  default long stagingBytes(Workload workload) {
    return 0;
  }

  /**
   * Makes the kernels ready for a session.
   *
   * <p>The weights that {@link #packForward} packed stay as they are until the session's next step:
   * a provider may keep them for {@link #packBackward}, which is then given the same segment.
   *
   * @param workload what will be run: stages, or their inference variants, of these operators
   * @param workspace the region in which every buffer of the session's arguments lies. A provider
   *     that keeps buffers on a device takes a buffer's offset in it for its name; others ignore it
   * @param staging at least {@link #stagingBytes} of zeros, aligned to 64 bytes; freed by the
   *     caller after the session is closed
   * @throws DeviceException if the device refuses something; nothing is left behind
   */
  default KernelSession open(Workload workload, MemorySegment workspace, MemorySegment staging) {
    return KernelSession.of(this);
  }

  /** Whether stages of these kernels may read their input, or a shortcut, through an activation. */
  default boolean supports(Activation activation) {
    return true;
  }

  /** Floats that a portion of a stage's packed weights takes, the larger of both directions. */
  int packedFloats(Stage stage);

  /** Floats of scratch that a thread needs to run a stage, the larger of both directions. */
  int scratchFloats(Stage stage);

  /**
   * Portions in which a stage's weights are packed and multiplied one after the other, for all of
   * them would take too much memory: portion k's units and parts are the k-th part of {@link
   * #packUnits} and of the cut's parts ({@link Cut#isGathered}), and its parts run before the next
   * portion is packed. 1 where all are packed at once.
   */
  default int portions(Stage stage) {
    return 1;
  }

  /**
   * Units in which a stage's weights are packed, a multiple of {@link #portions}; units of a
   * portion may be packed at once.
   */
  default int packUnits(Stage stage) {
    return 1;
  }

  /**
   * Packs a unit of a stage's weights for {@link #forward}; called for stages of whose weights no
   * float is asked for, too, since kernels may keep them elsewhere, by where they lie.
   *
   * @param unit 0 to {@link #packUnits} - 1
   * @param packed at least {@link #packedFloats} long; read by all leaves
   */
  void packForward(ForwardArgs args, int unit, float[] packed);

  /**
   * Runs a part of pictures {@code from} (inclusive) to {@code to} (exclusive) of a stage.
   *
   * @param region index of the region of partial sums that this call writes (it need not be zeroed)
   * @param part which of the parts, from 0
   * @param parts how many there are, a multiple of {@link #portions}
   * @param packed what {@link #packForward} wrote for the portion
   * @param scratch at least {@link #scratchFloats} long, owned by this call; content undefined
   */
  void forward(
      ForwardArgs args,
      int region,
      int from,
      int to,
      int part,
      int parts,
      float[] packed,
      float[] scratch);

  /** Packs a unit of a stage's weights for the backward pass, as {@link #packForward} does. */
  void packBackward(BackwardArgs args, int unit, float[] packed);

  /**
   * Runs a part of a stage's fused backward pass on pictures {@code [from, to)}: the gradients of
   * its input and of its weights.
   *
   * @param region index of the regions of partial gradients and sums that this call writes, each
   *     part its own
   */
  void backward(
      BackwardArgs args,
      int region,
      int from,
      int to,
      int part,
      int parts,
      float[] packed,
      float[] scratch);

  /**
   * Leaves the sum of the output's terms in {@link BackwardArgs#gradientOut}, which must be there
   * and is what {@link #backwardData} and {@link #backwardWeights} read instead of the terms then.
   */
  void sumGradient(BackwardArgs args, int from, int to, int part, int parts, float[] scratch);

  /** Runs a part of the input's gradient; writes a region of {@link BackwardArgs#sums}. */
  void backwardData(
      BackwardArgs args,
      int region,
      int from,
      int to,
      int part,
      int parts,
      float[] packed,
      float[] scratch);

  /**
   * Runs a part of the weights' gradient, summed over pictures {@code [from, to)}.
   *
   * @param region index of the region of {@link BackwardArgs#gradients}; the parts of a group write
   *     one region together
   */
  void backwardWeights(
      BackwardArgs args, int region, int from, int to, int part, int parts, float[] scratch);

  /**
   * Merges the leaves' statistics of a tensor into mean and variance, for channels {@code [from,
   * to)}.
   *
   * @param partials what the leaves wrote: regions of {@link Partials#statisticsBytes}, of which
   *     this may change the same channels
   * @param cut which leaves there are
   * @param channels of the tensor
   * @param moments C floats of mean, then C floats of biased variance, written
   */
  default void finishStatistics(
      MemorySegment partials, Cut cut, int channels, int from, int to, MemorySegment moments) {
    ChannelMath.mergeStatistics(partials, cut, channels, from, to, moments);
  }

  /**
   * Fills the forward rows of a channel table, for channels {@code [from, to)}.
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
      int from,
      int to,
      MemorySegment moments,
      @Nullable MemorySegment gamma,
      @Nullable MemorySegment beta,
      float epsilon,
      MemorySegment table) {
    TableMath.fill(activation, channels, from, to, moments, gamma, beta, epsilon, table);
  }

  /**
   * Writes the slopes of a function that has them into a channel table, for channels {@code [from,
   * to)}.
   *
   * @param slopes C floats
   */
  default void fillSlopes(
      int channels, int from, int to, MemorySegment slopes, MemorySegment table) {
    TableMath.fillSlopes(channels, from, to, slopes, table);
  }

  /**
   * Merges the groups' gradients of a stage's weights and bias; ranges may run at the same time.
   *
   * @param cut how the weights' pass was cut; in a fused pass every leaf is a group
   * @param from first weight of the range
   * @param to end of the range, at most {@code weights + bias}
   * @param target C_out-fastest gradient of weights, then of the bias, of which [from, to) is
   *     written
   */
  default void finishWeights(BackwardArgs args, Cut cut, int from, int to, MemorySegment target) {
    ChannelMath.mergeWeights(args, cut, from, to, target);
  }

  /**
   * Merges the leaves' channel sums of a stage with batch norm and fills its table's DX rows, for
   * channels {@code [from, to)}.
   *
   * @param cut how the data's pass was cut
   * @param pictures pictures that took part
   * @param gammaGradient C floats, written
   * @param betaGradient C floats, written
   */
  default void finishChannels(
      BackwardArgs args,
      Cut cut,
      int pictures,
      int from,
      int to,
      MemorySegment gammaGradient,
      MemorySegment betaGradient) {
    ChannelMath.mergeChannels(args, cut, pictures, from, to, gammaGradient, betaGradient);
  }

  /**
   * Merges the leaves' sums for the slopes of a stage whose function has them, for channels {@code
   * [from, to)}.
   *
   * @param cut how the data's pass was cut
   * @param slopeGradient C floats, written
   */
  default void finishSlopes(
      BackwardArgs args, Cut cut, int from, int to, MemorySegment slopeGradient) {
    ChannelMath.mergeSlopes(args, cut, from, to, slopeGradient);
  }

  /**
   * Merges some of the leaves' statistics of a tensor, for channels {@code [from, to)}: where
   * several workers share a batch, each merges its own before they are exchanged, then what is
   * left. Ranges may run at the same time. What {@link #finishStatistics} makes of {@link
   * Cut#whole} is then what it makes of all leaves.
   */
  default void mergeStatistics(
      MemorySegment partials, Merges merges, int channels, int from, int to) {
    ChannelMath.mergeStatistics(partials, merges, channels, from, to);
  }

  /** Merges some of the groups' gradients of values {@code [from, to)}, likewise. */
  default void mergeWeights(BackwardArgs args, Merges merges, int from, int to) {
    ChannelMath.mergeWeights(args, merges, from, to);
  }

  /** Merges some of the leaves' channel sums of channels {@code [from, to)}, likewise. */
  default void mergeSums(BackwardArgs args, Merges merges, int from, int to) {
    ChannelMath.mergeSums(args, merges, from, to);
  }

  /** Normalises, crops and mirrors pictures {@code [from, to)} into the first stage's input. */
  void input(InputArgs args, int from, int to);

  /** The loss of the first {@code count} pictures. */
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
