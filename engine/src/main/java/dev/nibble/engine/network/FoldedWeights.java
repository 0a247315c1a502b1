package dev.nibble.engine.network;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import java.util.function.Function;

/**
 * The values of a {@link FoldedNetwork}: with {@code s = gamma / sqrt(var + eps)}, weights {@code w
 * * s} and bias {@code (bias - mean) * s + beta}, in double and rounded once.
 */
public final class FoldedWeights {
  private final Network trained;
  private final FoldedNetwork folded;
  private final Function<Parameter, MemorySegment> source;

  /**
   * Reads a trained network.
   *
   * @param source a parameter's values in memory order, running statistics included
   */
  public FoldedWeights(
      Network trained, FoldedNetwork folded, Function<Parameter, MemorySegment> source) {
    this.trained = trained;
    this.folded = folded;
    this.source = source;
  }

  /** Writes every parameter of the folded network to where {@code target} says. */
  public void write(Function<Parameter, MemorySegment> target) {
    for (Parameter parameter : folded.network().parameters()) {
      MemorySegment values = target.apply(parameter);
      int dot = parameter.name().lastIndexOf('.');
      String layer = parameter.name().substring(0, dot);
      String norm = folded.norms().get(layer);
      if (norm == null) {
        MemorySegment.copy(values(parameter.name()), 0, values, 0, 4L * parameter.size());
      } else if (parameter.kind() == Parameter.Kind.BIAS) {
        writeBias(layer, norm, values, parameter.size());
      } else {
        writeWeights(values(parameter.name()), norm, values, parameter);
      }
    }
  }

  private void writeWeights(
      MemorySegment weights, String norm, MemorySegment target, Parameter parameter) {
    int channels = parameter.shape()[0];
    MemorySegment gamma = values(norm + ".weight");
    MemorySegment variance = values(norm + ".running_var");
    for (int c = 0; c < channels; c++) {
      double scale = scale(gamma, variance, c);
      for (int i = c; i < parameter.size(); i += channels) {
        float weight = weights.get(JAVA_FLOAT, 4L * i);
        target.set(JAVA_FLOAT, 4L * i, (float) (weight * scale));
      }
    }
  }

  private void writeBias(String layer, String norm, MemorySegment target, int channels) {
    MemorySegment gamma = values(norm + ".weight");
    MemorySegment beta = values(norm + ".bias");
    MemorySegment mean = values(norm + ".running_mean");
    MemorySegment variance = values(norm + ".running_var");
    String own = layer + ".bias";
    boolean hasBias = trained.hasParameter(own);
    for (int c = 0; c < channels; c++) {
      double bias = hasBias ? values(own).get(JAVA_FLOAT, 4L * c) : 0;
      double centred = bias - mean.get(JAVA_FLOAT, 4L * c);
      double value = centred * scale(gamma, variance, c) + beta.get(JAVA_FLOAT, 4L * c);
      target.set(JAVA_FLOAT, 4L * c, (float) value);
    }
  }

  private double scale(MemorySegment gamma, MemorySegment variance, int c) {
    double sd = Math.sqrt((double) variance.get(JAVA_FLOAT, 4L * c) + trained.epsilon());
    return gamma.get(JAVA_FLOAT, 4L * c) / sd;
  }

  private MemorySegment values(String name) {
    return source.apply(trained.parameter(name));
  }
}
