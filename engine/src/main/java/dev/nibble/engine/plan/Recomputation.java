package dev.nibble.engine.plan;

import dev.nibble.engine.network.LayerRange;
import dev.nibble.engine.plan.StageGraph.Node;
import dev.nibble.engine.plan.StageGraph.Tensor;
import dev.nibble.engine.plan.StageGraph.View;
import dev.nibble.kernels.Operator;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which runs of stages store nothing on the way there, and are computed once more just before their
 * backward pass.
 *
 * <p>What such a run reads from before it is kept exactly, in fp32, until then, and batch norm's
 * tables stay as they are. So the second pass computes the same bits and leaves the same codes as
 * if they had been stored at once: no error is added, and gradients are the same to the last bit.
 */
public final class Recomputation {
  /** Runs that a network is cut into, at most. */
  private static final int MOST_RUNS = 12;

  /** Multiply-adds in whose time a value is read or written. */
  private static final int VALUE_COST = 8;

  /**
   * A run of stages.
   *
   * @param first the first stage
   * @param end the one behind the last
   */
  record Run(int first, int end) {}

  private final StageGraph graph;
  private final int[] runOf;
  private final List<Run> runs = new ArrayList<>();

  private Recomputation(StageGraph graph, List<LayerRange> ranges, boolean possible) {
    this.graph = graph;
    this.runOf = new int[graph.stages().size()];
    Arrays.fill(runOf, -1);
    if (ranges.isEmpty()) {
      return;
    }
    if (!possible) {
      throw new IllegalArgumentException(
          "Only a training that computes on exact activations can compute them twice");
    }
    boolean[] cuts = cuts(graph);
    Map<String, Integer> byName = new HashMap<>();
    graph.stages().forEach(node -> byName.put(node.name(), node.index()));
    for (LayerRange range : ranges) {
      Integer first = byName.get(range.first());
      Integer last = byName.get(range.last());
      int before = runs.isEmpty() ? 0 : runs.getLast().end();
      if (first == null || last == null || first < before || last < first) {
        throw new IllegalArgumentException(
            "%s has no run of layers from '%s' to '%s' behind the one before"
                .formatted(graph.network().name(), range.first(), range.last()));
      }
      if (!cuts[first] || !cuts[last + 1]) {
        throw new IllegalArgumentException(
            "What is computed twice must hold whole concatenations, not '%s' to '%s'"
                .formatted(range.first(), range.last()));
      }
      for (int i = first; i <= last; i++) {
        runOf[i] = runs.size();
      }
      runs.add(new Run(first, last + 1));
    }
  }

  static Recomputation of(StageGraph graph, PlanOptions options) {
    return new Recomputation(graph, options.recomputed(), options.isTraining() && !options.naive());
  }

  /** By stage, and for the end, whether no concatenation is half written before it. */
  private static boolean[] cuts(StageGraph graph) {
    boolean[] cuts = new boolean[graph.stages().size() + 1];
    Arrays.fill(cuts, true);
    for (Tensor slice : graph.tensors()) {
      Tensor whole = slice.whole();
      if (whole != null) {
        for (int i = slice.producer() + 1; i <= whole.producer(); i++) {
          cuts[i] = false;
        }
      }
    }
    return cuts;
  }

  /** The runs, in forward order. */
  List<Run> runs() {
    return runs;
  }

  /** Whether the stage is computed twice. */
  boolean has(int stage) {
    return runOf[stage] >= 0;
  }

  /** Whether the stage reads, the second time, what the second time wrote. */
  boolean isInner(Tensor tensor, int stage) {
    int producer = tensor.producer();
    return producer >= 0 && has(stage) && runOf[producer] == runOf[stage];
  }

  /**
   * Whether the view's codes are those of the second time: where all who need them are in a run.
   */
  boolean has(View view, FrozenLayers frozen) {
    int owner = frozen.owner(view);
    return owner >= 0
        && has(owner)
        && view.readers().stream()
            .filter(reader -> !frozen.node(graph.stages().get(reader)))
            .allMatch(reader -> runOf[reader] == runOf[owner]);
  }

  /** The run whose backward pass begins with the stage, or null. */
  @Nullable Run endingWith(int stage) {
    boolean isLast = has(stage) && (stage + 1 == runOf.length || runOf[stage + 1] != runOf[stage]);
    return isLast ? runs.get(runOf[stage]) : null;
  }

  /**
   * Ways to compute some of the plan's stages twice, those first that take the least time.
   *
   * <p>The network is cut where the least lies between, so that each part stores about as much; the
   * last part's backward pass comes at once, so it is never computed twice. Of the others the first
   * so many are: there activations are large.
   */
  public static List<List<LayerRange>> ways(ExecutionPlan plan) {
    if (plan.options().naive() || !plan.options().isTraining()) {
      return List.of();
    }
    StageGraph graph = plan.graph();
    long[] stored = stored(plan);
    boolean[] good = goodCuts(graph);
    Set<List<Run>> ways = new LinkedHashSet<>();
    for (int parts = 2; parts <= MOST_RUNS; parts++) {
      List<Run> all = parts(stored, good, parts);
      for (int count = 1; count < all.size(); count++) {
        ways.add(List.copyOf(all.subList(0, count)));
      }
    }
    List<List<Run>> sorted = new ArrayList<>(ways);
    sorted.sort(Comparator.comparingDouble(runs -> time(graph, runs)));
    return sorted.stream().map(runs -> named(graph, runs)).toList();
  }

  private static List<LayerRange> named(StageGraph graph, List<Run> runs) {
    return runs.stream()
        .map(
            run ->
                new LayerRange(
                    graph.stages().get(run.first()).name(),
                    graph.stages().get(run.end() - 1).name()))
        .toList();
  }

  /** Bytes that each stage stores. */
  private static long[] stored(ExecutionPlan plan) {
    long[] stored = new long[plan.graph().stages().size()];
    for (View view : plan.graph().views()) {
      Buffer store = plan.buffers().store(view);
      if (store != null) {
        stored[plan.frozen().owner(view)] += store.bytes();
      }
    }
    return stored;
  }

  /** Stages before which no more has to be kept than before their neighbours. */
  private static boolean[] goodCuts(StageGraph graph) {
    boolean[] legal = cuts(graph);
    int stages = graph.stages().size();
    long[] crossing = new long[stages + 1];
    for (Tensor tensor : graph.tensors()) {
      int last = -1;
      for (Node node : graph.stages()) {
        last = node.reads().contains(tensor) ? node.index() : last;
      }
      for (int i = tensor.producer() + 1; i <= last; i++) {
        crossing[i] += tensor.map().bytes();
      }
    }
    boolean[] good = new boolean[stages + 1];
    for (int i = 1; i < stages; i++) {
      good[i] =
          legal[i]
              && (crossing[i] <= crossing[i - 1] || !legal[i - 1])
              && (crossing[i] <= crossing[i + 1] || !legal[i + 1]);
    }
    return good;
  }

  private static List<Run> parts(long[] stored, boolean[] good, int count) {
    long total = 0;
    for (long bytes : stored) {
      total += bytes;
    }
    List<Run> parts = new ArrayList<>();
    int first = 0;
    long sum = 0;
    for (int i = 1; i < stored.length; i++) {
      sum += stored[i - 1];
      if (good[i] && sum * count >= total) {
        parts.add(new Run(first, i));
        first = i;
        sum = 0;
      }
    }
    parts.add(new Run(first, stored.length));
    return parts;
  }

  /** Multiply-adds that are made once more, values read and written among them. */
  private static double time(StageGraph graph, List<Run> runs) {
    double time = 0;
    for (Run run : runs) {
      for (Node node : graph.stages().subList(run.first(), run.end())) {
        Operator operator = node.operator();
        double products = (double) operator.weights() * operator.output().pixels();
        double values = (double) operator.input().values() + operator.output().values();
        time += products + VALUE_COST * values;
      }
    }
    return time;
  }
}
