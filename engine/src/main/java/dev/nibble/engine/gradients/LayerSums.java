package dev.nibble.engine.gradients;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.engine.network.Layer;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.StageGraph.Node;
import dev.nibble.engine.plan.StageGraph.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Collects what the layers' errors are made of, for each way that is compared. */
final class LayerSums {
  /** A layer's parameters by what they are, and the tensor it reads; null for the pictures. */
  private record Subject(
      String name, Map<GradientKind, Parameter> parameters, @Nullable Tensor input) {}

  private final List<Subject> subjects = new ArrayList<>();

  /** By way, then by layer. */
  private final List<List<Map<GradientKind, GradientError.Sum>>> sums = new ArrayList<>();

  private final double[] noise;
  private final double[] noiseBase;

  /** Each layer's last exact gradient of its weights. */
  private final Map<Integer, float[]> before = new HashMap<>();

  private int batches;

  LayerSums(ExecutionPlan plan, int ways) {
    for (Node node : plan.graph().stages()) {
      Subject subject = subject(plan, node);
      if (!subject.parameters().isEmpty()) {
        subjects.add(subject);
      }
    }
    for (int way = 0; way < ways; way++) {
      List<Map<GradientKind, GradientError.Sum>> layers = new ArrayList<>();
      subjects.forEach(subject -> layers.add(new EnumMap<>(GradientKind.class)));
      sums.add(layers);
    }
    noise = new double[subjects.size()];
    noiseBase = new double[subjects.size()];
  }

  private static Subject subject(ExecutionPlan plan, Node node) {
    Map<GradientKind, Parameter> parameters = new EnumMap<>(GradientKind.class);
    if (node.weight() != null) {
      parameters.put(GradientKind.WEIGHT, node.weight());
    }
    if (node.bias() != null) {
      parameters.put(GradientKind.BIAS, node.bias());
    }
    Layer.BatchNorm norm = node.input().norm();
    if (norm != null && node.input().owner() == node.index()) {
      parameters.put(GradientKind.GAMMA, plan.graph().network().parameter(norm.name() + ".weight"));
      parameters.put(GradientKind.BETA, plan.graph().network().parameter(norm.name() + ".bias"));
    }
    Tensor input = node.input().tensor();
    return new Subject(node.name(), parameters, input.producer() < 0 ? null : input);
  }

  /** Adds the gradient of a tensor to the layers that read it. */
  void addTensor(int way, Tensor tensor, MemorySegment exact, MemorySegment other, long values) {
    double[] squares = null;
    for (int i = 0; i < subjects.size(); i++) {
      if (subjects.get(i).input() == tensor) {
        squares = squares == null ? compare(exact, other, values) : squares;
        add(way, i, GradientKind.INPUT, squares);
      }
    }
  }

  /** Adds the gradients of all parameters. */
  void addParameters(
      int way, Function<Parameter, MemorySegment> exact, Function<Parameter, MemorySegment> other) {
    for (int i = 0; i < subjects.size(); i++) {
      for (Map.Entry<GradientKind, Parameter> entry : subjects.get(i).parameters().entrySet()) {
        Parameter parameter = entry.getValue();
        double[] squares =
            compare(exact.apply(parameter), other.apply(parameter), parameter.size());
        add(way, i, entry.getKey(), squares);
      }
    }
  }

  private void add(int way, int layer, GradientKind kind, double[] squares) {
    sums.get(way)
        .get(layer)
        .computeIfAbsent(kind, k -> new GradientError.Sum())
        .add(squares[0], squares[1], squares[2], squares[3]);
  }

  /** Squares of difference, product, exact and other. */
  private static double[] compare(MemorySegment exact, MemorySegment other, long values) {
    double difference = 0;
    double product = 0;
    double exactSquare = 0;
    double otherSquare = 0;
    for (long i = 0; i < values; i++) {
      double a = exact.getAtIndex(JAVA_FLOAT, i);
      double b = other.getAtIndex(JAVA_FLOAT, i);
      difference += (a - b) * (a - b);
      product += a * b;
      exactSquare += a * a;
      otherSquare += b * b;
    }
    return new double[] {difference, product, exactSquare, otherSquare};
  }

  /** Compares the exact gradients of the weights with those of the batch before. */
  void addNoise(Function<Parameter, MemorySegment> exact) {
    for (int i = 0; i < subjects.size(); i++) {
      Parameter weight = subjects.get(i).parameters().get(GradientKind.WEIGHT);
      if (weight == null) {
        continue;
      }
      float[] now = exact.apply(weight).toArray(JAVA_FLOAT);
      float[] old = before.put(i, now);
      if (old != null) {
        double[] squares =
            compare(MemorySegment.ofArray(now), MemorySegment.ofArray(old), now.length);
        noise[i] += squares[0];
        noiseBase[i] += (squares[2] + squares[3]) / 2;
      }
    }
    batches++;
  }

  private static Map<GradientKind, GradientError> errors(Map<GradientKind, GradientError.Sum> sum) {
    Map<GradientKind, GradientError> errors = new EnumMap<>(GradientKind.class);
    sum.forEach((kind, value) -> errors.put(kind, value.error()));
    return errors;
  }

  private double noise(int layer) {
    boolean known = batches > 1 && before.containsKey(layer);
    return known ? GradientError.relative(noise[layer], noiseBase[layer]) : Double.NaN;
  }

  /** Every layer's figures. */
  List<LayerGradients> layers() {
    List<LayerGradients> layers = new ArrayList<>();
    for (int i = 0; i < subjects.size(); i++) {
      layers.add(
          new LayerGradients(
              subjects.get(i).name(),
              i,
              errors(sums.getFirst().get(i)),
              sums.size() > 1 ? errors(sums.get(1).get(i)) : Map.of(),
              noise(i)));
    }
    return layers;
  }

  /** All layers as one. */
  LayerGradients total() {
    double difference = 0;
    double base = 0;
    for (int i = 0; i < subjects.size(); i++) {
      if (counts(i, GradientKind.WEIGHT)) {
        difference += noise[i];
        base += noiseBase[i];
      }
    }
    return new LayerGradients(
        "all",
        subjects.size(),
        total(0),
        sums.size() > 1 ? total(1) : Map.of(),
        batches > 1 && base > 0 ? GradientError.relative(difference, base) : Double.NaN);
  }

  private Map<GradientKind, GradientError> total(int way) {
    Map<GradientKind, GradientError.Sum> all = new EnumMap<>(GradientKind.class);
    for (int i = 0; i < subjects.size(); i++) {
      int layer = i;
      sums.get(way)
          .get(i)
          .forEach(
              (kind, sum) -> {
                if (counts(layer, kind)) {
                  all.computeIfAbsent(kind, k -> new GradientError.Sum()).addLayer(sum);
                }
              });
    }
    return errors(all);
  }

  /** The last layer's input is kept exactly: among all weights it would hide the others' errors. */
  private boolean counts(int layer, GradientKind kind) {
    return kind != GradientKind.WEIGHT || !hasConvolutions() || !isDense(subjects.get(layer));
  }

  private boolean hasConvolutions() {
    return subjects.stream()
        .anyMatch(s -> s.parameters().containsKey(GradientKind.WEIGHT) && !isDense(s));
  }

  private static boolean isDense(Subject subject) {
    Parameter weight = subject.parameters().get(GradientKind.WEIGHT);
    return weight != null && weight.kind() == Parameter.Kind.DENSE;
  }
}
