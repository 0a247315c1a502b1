package dev.nibble.engine.exec;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.memory.MemoryAccount;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * A session with one random batch, and random scales (some negative), shifts and biases, so that
 * nothing is hidden behind their initial ones and zeros.
 */
public final class TestSession implements AutoCloseable {
  private final MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
  private final Arena arena = Arena.ofConfined();
  private final Session session;
  private final MemorySegment labels;
  private final float[] pictures;
  private final int count;

  /** Opens a session for a full batch. */
  public TestSession(Network network, PlanOptions options, int threads, long seed) {
    this(network, options, SessionOptions.of(threads), seed);
  }

  /** Opens a session for a full batch. */
  public TestSession(Network network, PlanOptions options, SessionOptions run, long seed) {
    count = options.batch();
    session = Session.open(ExecutionPlan.of(network, options), run, TestKernels.chosen(), account);
    Initializer.initialize(session, seed);
    SplittableRandom random = new SplittableRandom(seed);
    for (Parameter parameter : network.parameters()) {
      vary(parameter, random);
    }
    pictures = new float[count * network.input().values()];
    for (int i = 0; i < pictures.length; i++) {
      pictures[i] = (float) random.nextGaussian();
    }
    labels = arena.allocate(4L * count, 64);
    for (int i = 0; i < count; i++) {
      labels.set(JAVA_INT, 4L * i, random.nextInt(network.classes()));
    }
    load();
  }

  /** Opens one for training on one thread. */
  public static TestSession training(
      Network network, StoreFormat store, boolean naive, int batch, long seed) {
    return new TestSession(network, PlanOptions.training(batch, store, naive), 1, seed);
  }

  private void vary(Parameter parameter, SplittableRandom random) {
    MemorySegment values = session.values(parameter);
    for (int i = 0; i < parameter.size(); i++) {
      double noise = 0.3 * random.nextGaussian();
      switch (parameter.kind()) {
        case SCALE -> set(values, i, (i % 4 == 1 ? -1 : 1) * (1 + noise));
        case SHIFT, BIAS, RUNNING_MEAN, SLOPE -> set(values, i, noise);
        case RUNNING_VARIANCE -> set(values, i, 1 + Math.abs(noise));
        case CONVOLUTION, DEPTHWISE, DENSE -> {
          // as initialised
        }
      }
    }
  }

  private static void set(MemorySegment values, int i, double value) {
    values.set(JAVA_FLOAT, 4L * i, (float) value);
  }

  /** Puts the batch into the session's input, which a step may overwrite. */
  public void load() {
    MemorySegment.copy(pictures, 0, session.input(), JAVA_FLOAT, 0, pictures.length);
  }

  /** One step on the batch. */
  public boolean step(float rate) {
    load();
    return session.train(labels, count, rate);
  }

  /** Mean loss of the last step. */
  public double loss() {
    return session.lossSum() / count;
  }

  /** The session. */
  public Session session() {
    return session;
  }

  /** Labels of the batch. */
  public MemorySegment labels() {
    return labels;
  }

  /** Pictures in the batch. */
  public int count() {
    return count;
  }

  /** The batch, N,H,W,C. */
  public float[] pictures() {
    return pictures;
  }

  /** Every parameter's values in the file's order of axes, by name. */
  public Map<String, double[]> parameters() {
    Map<String, double[]> all = new LinkedHashMap<>();
    for (Parameter parameter : session.network().parameters()) {
      all.put(parameter.name(), inFileOrder(parameter, session.values(parameter)));
    }
    return all;
  }

  /** A trainable parameter's gradient in the file's order of axes. */
  public double[] gradient(Parameter parameter) {
    return inFileOrder(parameter, session.gradient(parameter));
  }

  /** What the optimiser keeps, one part behind the other. */
  public static byte[] optimizerState(Session session) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    session.update().state().values().forEach(part -> all.writeBytes(part.toArray(JAVA_BYTE)));
    return all.toByteArray();
  }

  private static double[] inFileOrder(Parameter parameter, MemorySegment memory) {
    double[] values = new double[parameter.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = memory.get(JAVA_FLOAT, 4L * parameter.memoryIndex(i));
    }
    return values;
  }

  @Override
  public void close() {
    session.close();
    account.close();
    arena.close();
  }
}
