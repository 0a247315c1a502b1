package dev.nibble.kernels.cublas;

import dev.nibble.kernels.Activation;
import dev.nibble.kernels.AdamWArgs;
import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.BlendArgs;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.HostKernels;
import dev.nibble.kernels.InputArgs;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.LossArgs;
import dev.nibble.kernels.SgdArgs;
import dev.nibble.kernels.Stage;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** A table that leaves all to the CPU's; what a device computes is overridden. */
abstract class HostDelegate implements Kernels {
  private final HostKernels host;

  HostDelegate(HostKernels host) {
    this.host = host;
  }

  /** The CPU's table. */
  final HostKernels host() {
    return host;
  }

  @Override
  public int packedFloats(Stage stage) {
    return host.packedFloats(stage);
  }

  @Override
  public int scratchFloats(Stage stage) {
    return host.scratchFloats(stage);
  }

  @Override
  public void packForward(ForwardArgs args, float[] packed) {
    host.packForward(args, packed);
  }

  @Override
  public void forward(
      ForwardArgs args, int shard, int from, int to, float[] packed, float[] scratch) {
    host.forward(args, shard, from, to, packed, scratch);
  }

  @Override
  public void packBackward(BackwardArgs args, float[] packed) {
    host.packBackward(args, packed);
  }

  @Override
  public void backward(
      BackwardArgs args, int shard, int from, int to, float[] packed, float[] scratch) {
    host.backward(args, shard, from, to, packed, scratch);
  }

  @Override
  public void finishStatistics(
      MemorySegment partials, int shards, int[] bounds, FeatureMap map, MemorySegment moments) {
    host.finishStatistics(partials, shards, bounds, map, moments);
  }

  @Override
  public void fillTable(
      Activation activation,
      int channels,
      MemorySegment moments,
      @Nullable MemorySegment gamma,
      @Nullable MemorySegment beta,
      float epsilon,
      MemorySegment table) {
    host.fillTable(activation, channels, moments, gamma, beta, epsilon, table);
  }

  @Override
  public void finishWeights(BackwardArgs args, int shards, int from, int to, MemorySegment target) {
    host.finishWeights(args, shards, from, to, target);
  }

  @Override
  public void finishChannels(
      BackwardArgs args,
      int shards,
      int pictures,
      MemorySegment gammaGradient,
      MemorySegment betaGradient) {
    host.finishChannels(args, shards, pictures, gammaGradient, betaGradient);
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
