package dev.nibble.engine.exec;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.engine.network.Parameter;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;

/**
 * Compares a session's gradients with central differences of its loss, along random directions of
 * each parameter. Meant for exact mode: the codes' gradients are approximate by design.
 */
public final class GradientCheck {
  /**
   * One parameter's figures.
   *
   * @param parameter what was moved
   * @param analytic gradient's component along the direction
   * @param numeric the same by central differences
   */
  public record Difference(Parameter parameter, double analytic, double numeric) {
    /** |analytic - numeric| by the larger of both, or by {@code floor}. */
    public double relative(double floor) {
      double scale = Math.max(Math.max(Math.abs(analytic), Math.abs(numeric)), floor);
      return Math.abs(analytic - numeric) / scale;
    }
  }

  private GradientCheck() {}

  /**
   * Checks one parameter on the session's current input. Weights and input are as before
   * afterwards; running statistics are not.
   *
   * @param labels labels of the input
   * @param count pictures of the input
   * @param step length of the move along a direction of length 1
   */
  public static Difference check(
      Session session,
      Parameter parameter,
      MemorySegment labels,
      int count,
      double step,
      long seed) {
    // A plan may reuse the input's memory once the first stage has read it.
    float[] input = session.input().toArray(JAVA_FLOAT);
    MemorySegment values = session.values(parameter);
    float[] before = values.toArray(JAVA_FLOAT);
    double[] direction = direction(before.length, seed);
    session.gradient(labels, count);
    MemorySegment gradient = session.gradient(parameter);
    double analytic = 0;
    for (int i = 0; i < before.length; i++) {
      analytic += direction[i] * gradient.get(JAVA_FLOAT, 4L * i);
    }
    double above = loss(session, input, values, before, direction, step, labels, count);
    double below = loss(session, input, values, before, direction, -step, labels, count);
    MemorySegment.copy(before, 0, values, JAVA_FLOAT, 0, before.length);
    MemorySegment.copy(input, 0, session.input(), JAVA_FLOAT, 0, input.length);
    return new Difference(parameter, analytic, (above - below) / (2 * step));
  }

  private static double[] direction(int size, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    double[] direction = new double[size];
    double square = 0;
    for (int i = 0; i < size; i++) {
      direction[i] = random.nextDouble() * 2 - 1;
      square += direction[i] * direction[i];
    }
    double length = Math.sqrt(square);
    for (int i = 0; i < size; i++) {
      direction[i] /= length;
    }
    return direction;
  }

  private static double loss(
      Session session,
      float[] input,
      MemorySegment values,
      float[] before,
      double[] direction,
      double step,
      MemorySegment labels,
      int count) {
    for (int i = 0; i < before.length; i++) {
      values.set(JAVA_FLOAT, 4L * i, (float) (before[i] + step * direction[i]));
    }
    MemorySegment.copy(input, 0, session.input(), JAVA_FLOAT, 0, input.length);
    session.gradient(labels, count);
    return session.lossSum() / count;
  }
}
