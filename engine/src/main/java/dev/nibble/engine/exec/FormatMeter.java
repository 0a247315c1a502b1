package dev.nibble.engine.exec;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.engine.data.loading.BatchSlot;
import dev.nibble.engine.data.loading.DataLoader;
import dev.nibble.engine.network.Layer;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.plan.Buffer;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.FormatBudget;
import dev.nibble.engine.plan.FormatErrors;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.engine.plan.StageGraph;
import dev.nibble.engine.plan.StageGraph.View;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.memory.MemoryAccount;
import dev.nibble.memory.Slab;
import java.lang.foreign.MemorySegment;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Measures what each format costs a network's gradient: a few pictures go through it once exactly
 * and once with every format everywhere, one session after the other.
 */
public final class FormatMeter {
  /**
   * So many pictures tell: in fp32 they take the memory of eight times as many in int4. On
   * ResNet-20 four choose as well to within a hundredth of the error.
   */
  public static final int PICTURES = 16;

  private final StageGraph graph;
  private final PlanOptions options;
  private final SessionOptions sessionOptions;
  private final Kernels kernels;
  private final MemoryAccount account;
  private final Map<String, Map<StoreFormat, Double>> squares = new LinkedHashMap<>();

  private FormatMeter(
      StageGraph graph,
      PlanOptions options,
      SessionOptions sessionOptions,
      Kernels kernels,
      MemoryAccount account) {
    this.graph = graph;
    this.options = options;
    this.sessionOptions = sessionOptions;
    this.kernels = kernels;
    this.account = account;
  }

  /**
   * Bytes that a measurement takes while it lasts.
   *
   * @param options as for {@link #measure}
   */
  public static long bytes(
      StageGraph graph, PlanOptions options, SessionOptions sessionOptions, Kernels kernels) {
    ExecutionPlan plan = ExecutionPlan.of(graph, options.withStore(StoreFormat.FP32, false));
    Buffer gradients = plan.buffers().persistent().gradients();
    long copy = gradients == null ? 0 : Slab.sizeFor(gradients.bytes());
    return Session.bytes(plan, sessionOptions, kernels) + copy;
  }

  /**
   * Measures.
   *
   * @param average bits a value of the mixture that is asked for, or 0 for none
   * @param options for a batch of so many pictures as are measured; its store format, codes, says
   *     of what kind the formats are
   * @param prepare puts weights and normalisation into a session
   * @param pictures where the pictures come from
   * @return null if there is no picture, or its loss is not finite
   * @throws dev.nibble.memory.MemoryLimitException if the account has less free than is needed
   */
  public static @Nullable FormatErrors measure(
      StageGraph graph,
      PlanOptions options,
      SessionOptions sessionOptions,
      Kernels kernels,
      MemoryAccount account,
      Consumer<Session> prepare,
      DataLoader.Factory pictures,
      double average) {
    return new FormatMeter(graph, options, sessionOptions, kernels, account)
        .measure(prepare, pictures, average);
  }

  private @Nullable FormatErrors measure(
      Consumer<Session> prepare, DataLoader.Factory pictures, double average) {
    Map<StoreFormat, Double> alone = new EnumMap<>(StoreFormat.class);
    try (Slab exact = exact(prepare, pictures)) {
      if (exact == null) {
        return null;
      }
      for (StoreFormat format : FormatBudget.formats(options.store())) {
        try (Session session = open(format, Map.of())) {
          prepare.accept(session);
          if (!gradient(session, pictures)) {
            return null;
          }
          add(session, format, exact.segment());
          alone.put(format, square(session, exact.segment()));
        }
      }
      FormatErrors errors = new FormatErrors(squares, Map.of());
      if (average == 0) {
        return errors;
      }
      // Layers' errors add up only nearly, for one's reaches those before it: so the sum is tried.
      FormatBudget budget = FormatBudget.of(graph, options, errors);
      Map<String, StoreFormat> mixture = budget.after(budget.within(average));
      Map<String, StoreFormat> single = budget.single(average);
      if (!single.isEmpty() && !single.equals(mixture)) {
        try (Session session = open(options.store(), mixture)) {
          prepare.accept(session);
          StoreFormat format = single.values().iterator().next();
          double most = alone.getOrDefault(format, 0.0);
          if (!gradient(session, pictures) || square(session, exact.segment()) >= most) {
            mixture = single;
          }
        }
      }
      return new FormatErrors(squares, mixture);
    }
  }

  /** The error of all weights' gradients. */
  private double square(Session session, MemorySegment exact) {
    double sum = 0;
    for (StageGraph.Node node : graph.stages()) {
      Parameter weight = node.weight();
      if (weight != null && session.plan().isTrained(weight)) {
        sum += square(session, weight, exact);
      }
    }
    return sum;
  }

  private @Nullable Slab exact(Consumer<Session> prepare, DataLoader.Factory pictures) {
    try (Session session = open(StoreFormat.FP32, Map.of())) {
      prepare.accept(session);
      if (!gradient(session, pictures)) {
        return null;
      }
      MemorySegment gradients = session.gradients();
      Slab copy = Slab.allocate(account, Slab.sizeFor(gradients.byteSize()), "exact gradients");
      copy.segment().copyFrom(gradients);
      return copy;
    }
  }

  /** Whether there was a batch, and its loss is finite. */
  private static boolean gradient(Session session, DataLoader.Factory pictures) {
    try (DataLoader loader = pictures.open(session.slots(), 0, 1)) {
      BatchSlot slot = loader.take();
      if (slot == null) {
        return false;
      }
      session.load(slot);
      session.gradient(slot.wanted(), slot.total());
      loader.release(slot);
      return Double.isFinite(session.lossSum());
    }
  }

  private Session open(StoreFormat format, Map<String, StoreFormat> mixture) {
    PlanOptions own = options.withStore(format, false).withFormats(mixture);
    ExecutionPlan plan = ExecutionPlan.of(graph, own);
    return Session.open(plan, sessionOptions, kernels, account);
  }

  private void add(Session session, StoreFormat format, MemorySegment exact) {
    ExecutionPlan plan = session.plan();
    for (View view : plan.coded()) {
      double square = 0;
      boolean multiplied = false;
      for (int reader : view.readers()) {
        Parameter weight = graph.stages().get(reader).weight();
        if (weight != null && plan.isTrained(weight)) {
          multiplied = true;
          square += square(session, weight, exact);
        }
      }
      square += ofNorm(session, view, exact);
      if (!multiplied) {
        square += FormatBudget.upstream(format) * ofProducer(session, view, exact);
      }
      squares
          .computeIfAbsent(plan.keeper(view), k -> new EnumMap<>(StoreFormat.class))
          .put(format, square);
    }
  }

  /** The error of the scales of the view's batch norm. */
  private double ofNorm(Session session, View view, MemorySegment exact) {
    Layer.BatchNorm norm = view.norm();
    if (norm == null) {
      return 0;
    }
    Parameter gamma = graph.network().parameter(norm.name() + ".weight");
    return session.plan().isTrained(gamma) ? square(session, gamma, exact) : 0;
  }

  /** The square of the exact gradient's length of the weights that the view's values come from. */
  private double ofProducer(Session session, View view, MemorySegment exact) {
    int producer = view.tensor().producer();
    Parameter weight = producer < 0 ? null : graph.stages().get(producer).weight();
    if (weight == null || !session.plan().isTrained(weight)) {
      return 0;
    }
    double sum = 0;
    long from = from(session, weight);
    for (long i = 0; i < weight.size(); i++) {
      double value = exact.getAtIndex(JAVA_FLOAT, from + i);
      sum += value * value;
    }
    return sum;
  }

  /** Where a parameter begins among the gradients, in values. */
  private static long from(Session session, Parameter parameter) {
    return (session.gradient(parameter).address() - session.gradients().address()) / Float.BYTES;
  }

  private static double square(Session session, Parameter parameter, MemorySegment exact) {
    MemorySegment own = session.gradient(parameter);
    long from = from(session, parameter);
    double sum = 0;
    for (long i = 0; i < parameter.size(); i++) {
      double difference =
          own.getAtIndex(JAVA_FLOAT, i) - (double) exact.getAtIndex(JAVA_FLOAT, from + i);
      sum += difference * difference;
    }
    return sum;
  }
}
