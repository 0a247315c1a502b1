package dev.nibble.engine.exec;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.engine.network.Parameter;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;

/**
 * Initial parameters: convolution weights normal with variance 2 / fan-in, dense weights 1 /
 * fan-in, gamma and running variance 1, PReLU's slopes 1/4, everything else 0 (He et al. 2015). The
 * same on every machine.
 */
public final class Initializer {
  private Initializer() {}

  /** Sets every parameter and running statistic, and forgets the optimiser's steps. */
  public static void initialize(Session session, long seed) {
    SplittableRandom seeds = new SplittableRandom(seed);
    for (Parameter parameter : session.network().parameters()) {
      SplittableRandom random = seeds.split();
      MemorySegment values = session.values(parameter);
      switch (parameter.kind()) {
        case CONVOLUTION, DEPTHWISE -> normal(values, parameter, 2.0 / parameter.fanIn(), random);
        case DENSE -> normal(values, parameter, 1.0 / parameter.fanIn(), random);
        case SCALE, RUNNING_VARIANCE -> fill(values, parameter, 1);
        case SLOPE -> fill(values, parameter, 0.25f); // as PyTorch's PReLU
        case BIAS, SHIFT, RUNNING_MEAN -> values.fill((byte) 0);
      }
    }
    if (session.plan().options().isTraining()) {
      session.update().reset();
    }
  }

  private static void fill(MemorySegment values, Parameter parameter, float value) {
    for (int i = 0; i < parameter.size(); i++) {
      values.set(JAVA_FLOAT, 4L * i, value);
    }
  }

  /** Box-Muller with StrictMath, in the file's order of axes. */
  private static void normal(
      MemorySegment values, Parameter parameter, double variance, SplittableRandom random) {
    double sd = Math.sqrt(variance);
    for (int i = 0; i < parameter.size(); i += 2) {
      double radius = sd * Math.sqrt(-2 * StrictMath.log(1 - unit(random)));
      double angle = 2 * Math.PI * unit(random);
      set(values, parameter, i, radius * StrictMath.cos(angle));
      if (i + 1 < parameter.size()) {
        set(values, parameter, i + 1, radius * StrictMath.sin(angle));
      }
    }
  }

  private static double unit(SplittableRandom random) {
    return (random.nextLong() >>> 11) * 0x1p-53;
  }

  private static void set(MemorySegment values, Parameter parameter, int i, double value) {
    values.set(JAVA_FLOAT, 4L * parameter.memoryIndex(i), (float) value);
  }
}
