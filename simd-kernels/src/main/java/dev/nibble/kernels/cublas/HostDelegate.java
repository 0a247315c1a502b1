package dev.nibble.kernels.cublas;

import dev.nibble.kernels.Activation;
import dev.nibble.kernels.AdamWArgs;
import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.BlendArgs;
import dev.nibble.kernels.Cut;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.HostKernels;
import dev.nibble.kernels.InputArgs;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.LossArgs;
import dev.nibble.kernels.SgdArgs;
import dev.nibble.kernels.Stage;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Kernels that leave all to the CPU's; what a device computes is overridden. */
abstract class HostDelegate implements Kernels {
  private final HostKernels host;

  HostDelegate(HostKernels host) {
    this.host = host;
  }

  /** The CPU's kernels. */
  final HostKernels host() {
    return host;
  }

  @Override
  public boolean supports(Activation activation) {
    return host.supports(activation);
  }

  @Override
  public int packedFloats(Stage stage) {
    return host.packedFloats(stage);
  }

  /** A convolution on a device travels through scratch in whole pictures. */
  @Override
  public int scratchFloats(Stage stage) {
    int floats = host.scratchFloats(stage);
    return ConvolutionGrid.covers(stage.operator())
        ? Math.max(floats, host.offload().scratchFloats(stage))
        : floats;
  }

  @Override
  public int portions(Stage stage) {
    return host.portions(stage);
  }

  @Override
  public int packUnits(Stage stage) {
    return host.packUnits(stage);
  }

  @Override
  public void packForward(ForwardArgs args, int unit, float[] packed) {
    host.packForward(args, unit, packed);
  }

  @Override
  public void forward(
      ForwardArgs args,
      int region,
      int from,
      int to,
      int part,
      int parts,
      float[] packed,
      float[] scratch) {
    host.forward(args, region, from, to, part, parts, packed, scratch);
  }

  @Override
  public void packBackward(BackwardArgs args, int unit, float[] packed) {
    host.packBackward(args, unit, packed);
  }

  @Override
  public void backward(
      BackwardArgs args,
      int region,
      int from,
      int to,
      int part,
      int parts,
      float[] packed,
      float[] scratch) {
    host.backward(args, region, from, to, part, parts, packed, scratch);
  }

  @Override
  public void sumGradient(
      BackwardArgs args, int from, int to, int part, int parts, float[] scratch) {
    host.sumGradient(args, from, to, part, parts, scratch);
  }

  @Override
  public void backwardData(
      BackwardArgs args,
      int region,
      int from,
      int to,
      int part,
      int parts,
      float[] packed,
      float[] scratch) {
    host.backwardData(args, region, from, to, part, parts, packed, scratch);
  }

  @Override
  public void backwardWeights(
      BackwardArgs args, int region, int from, int to, int part, int parts, float[] scratch) {
    host.backwardWeights(args, region, from, to, part, parts, scratch);
  }

  @Override
  public void finishStatistics(
      MemorySegment partials, Cut cut, int channels, int from, int to, MemorySegment moments) {
    host.finishStatistics(partials, cut, channels, from, to, moments);
  }

  @Override
  public void fillTable(
      Activation activation,
      int channels,
      int from,
      int to,
      MemorySegment moments,
      @Nullable MemorySegment gamma,
      @Nullable MemorySegment beta,
      float epsilon,
      MemorySegment table) {
    host.fillTable(activation, channels, from, to, moments, gamma, beta, epsilon, table);
  }

  @Override
  public void fillSlopes(
      int channels, int from, int to, MemorySegment slopes, MemorySegment table) {
    host.fillSlopes(channels, from, to, slopes, table);
  }

  @Override
  public void finishSlopes(
      BackwardArgs args, Cut cut, int from, int to, MemorySegment slopeGradient) {
    host.finishSlopes(args, cut, from, to, slopeGradient);
  }

  @Override
  public void finishWeights(BackwardArgs args, Cut cut, int from, int to, MemorySegment target) {
    host.finishWeights(args, cut, from, to, target);
  }

  @Override
  public void finishChannels(
      BackwardArgs args,
      Cut cut,
      int pictures,
      int from,
      int to,
      MemorySegment gammaGradient,
      MemorySegment betaGradient) {
    host.finishChannels(args, cut, pictures, from, to, gammaGradient, betaGradient);
  }

  @Override
  public void input(InputArgs args, int from, int to) {
    host.input(args, from, to);
  }

  @Override
  public void loss(LossArgs args, int count) {
    host.loss(args, count);
  }

  @Override
  public void sgd(SgdArgs args, int from, int to, float rate, float momentum, float weightDecay) {
    host.sgd(args, from, to, rate, momentum, weightDecay);
  }

  @Override
  public void nesterov(
      SgdArgs args, int from, int to, float rate, float momentum, float weightDecay) {
    host.nesterov(args, from, to, rate, momentum, weightDecay);
  }

  @Override
  public void adamW(
      AdamWArgs args,
      int from,
      int to,
      float rate,
      float weightDecay,
      double correction1,
      double correction2) {
    host.adamW(args, from, to, rate, weightDecay, correction1, correction2);
  }

  @Override
  public void blend(BlendArgs args, int from, int to, float keep, float add) {
    host.blend(args, from, to, keep, add);
  }

  @Override
  public double sumOfSquares(MemorySegment values, int from, int to) {
    return host.sumOfSquares(values, from, to);
  }
}
