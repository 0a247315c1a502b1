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

  /** Over arrays: a program's first prediction waits for this, before anything is compiled. */
  private void writeWeights(
      MemorySegment weights, String norm, MemorySegment target, Parameter parameter) {
    int channels = parameter.shape()[0];
    float[] folded = weights.asSlice(0, 4L * parameter.size()).toArray(JAVA_FLOAT);
    double[] scales = scales(norm, channels);
    for (int at = 0; at < folded.length; at += channels) {
      for (int c = 0; c < channels; c++) {
        folded[at + c] = (float) (folded[at + c] * scales[c]);
      }
    }
    MemorySegment.copy(folded, 0, target, JAVA_FLOAT, 0, folded.length);
  }

  private void writeBias(String layer, String norm, MemorySegment target, int channels) {
    double[] scales = scales(norm, channels);
    float[] beta = floats(norm + ".bias");
    float[] mean = floats(norm + ".running_mean");
    String own = layer + ".bias";
    float[] bias = trained.hasParameter(own) ? floats(own) : new float[channels];
    for (int c = 0; c < channels; c++) {
      double centred = (double) bias[c] - mean[c];
      float value = (float) (centred * scales[c] + beta[c]);
      target.set(JAVA_FLOAT, 4L * c, value);
    }
  }

  private double[] scales(String norm, int channels) {
    float[] gamma = floats(norm + ".weight");
    float[] variance = floats(norm + ".running_var");
    double epsilon = epsilon(norm);
    double[] scales = new double[channels];
    for (int c = 0; c < channels; c++) {
      scales[c] = gamma[c] / Math.sqrt(variance[c] + epsilon);
    }
    return scales;
  }

  private double epsilon(String norm) {
    for (Layer layer : trained.layers()) {
      if (layer instanceof Layer.BatchNorm b && b.name().equals(norm)) {
        return b.epsilon();
      }
    }
    throw new IllegalStateException("No batch norm " + norm);
  }

  private float[] floats(String name) {
    long bytes = 4L * trained.parameter(name).size();
    return values(name).asSlice(0, bytes).toArray(JAVA_FLOAT);
  }

  private MemorySegment values(String name) {
    return source.apply(trained.parameter(name));
  }
}
