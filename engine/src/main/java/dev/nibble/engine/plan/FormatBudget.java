package dev.nibble.engine.plan;

import dev.nibble.engine.plan.StageGraph.Node;
import dev.nibble.engine.plan.StageGraph.View;
import dev.nibble.kernels.StoreFormat;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Spends bytes on a format for each activation where they lower the gradient's error most.
 *
 * <p>The error is not measured but read from a table, so that a plan needs no data and the choice
 * is the same on every machine, for every number of threads and workers. Two things make the table
 * short: relative to its own length, a layer's gradient errs by much the same in every layer (on a
 * ResNet-20 with int4 by 0.036 to 0.076), and the gradients of a network's layers are of much the
 * same length. So what a format costs depends on the format ({@link #error}) and on what the
 * activation is read for ({@link #weight}), not on the layer; what it saves depends on the layer's
 * size. Few bits belong where activations are large.
 *
 * <p>The second does not hold everywhere: in a shallow network before its first step, the first
 * layers' gradients are two to three times as long as the last ones', and a mixture errs as much as
 * one format or up to a fifth more.
 *
 * <p>All start with the fewest bits. Then, again and again, the step to more bits that lowers the
 * sum of the squared errors most for a byte is taken. The choice for more bytes is that for fewer
 * and some steps more.
 */
public final class FormatBudget {
  private static final List<StoreFormat> FITTED =
      List.of(
          StoreFormat.INT1,
          StoreFormat.TERNARY,
          StoreFormat.INT2,
          StoreFormat.INT3,
          StoreFormat.INT4,
          StoreFormat.INT8);
  private static final List<StoreFormat> UNIFORM =
      List.of(StoreFormat.UNIFORM2, StoreFormat.UNIFORM4, StoreFormat.UNIFORM8);

  /**
   * What an activation that no weights are multiplied with counts: its codes serve the gradient of
   * its batch norm and the small term of the variance.
   */
  private static final double NORM_ONLY = 0.1;

  private record Step(int tensor, StoreFormat format) {}

  private final List<String> names = new ArrayList<>();
  private final List<View> views;
  private final List<StoreFormat> formats;
  private final double[] weights;
  private final List<Step> steps = new ArrayList<>();

  private FormatBudget(ExecutionPlan plan) {
    this.views = plan.coded();
    this.formats = plan.options().store().isUniform() ? UNIFORM : FITTED;
    this.weights = new double[views.size()];
    for (int i = 0; i < weights.length; i++) {
      names.add(plan.keeper(views.get(i)));
      weights[i] = weight(plan, views.get(i));
    }
    takeSteps();
  }

  /**
   * Finds the steps for a network.
   *
   * @param options whose store format, codes, says of what kind the formats are
   */
  public static FormatBudget of(StageGraph graph, PlanOptions options) {
    return new FormatBudget(ExecutionPlan.of(graph, options.withFormats(Map.of())));
  }

  /** Trained readers with weights, whose gradients are products with the restored activation. */
  private static double weight(ExecutionPlan plan, View view) {
    double weight = 0;
    for (int reader : view.readers()) {
      Node node = plan.graph().stages().get(reader);
      if (!plan.frozen().node(node) && node.operator().needsInputValues()) {
        weight += 1;
      }
    }
    return weight > 0 ? weight : NORM_ONLY;
  }

  /**
   * The relative error of all weights' gradients together where every activation is stored so: a
   * ResNet-20 after an epoch on CIFAR-10; the paper's codes as in ALGORITHM's table.
   */
  private static double error(StoreFormat format) {
    return switch (format) {
      case INT8 -> 0.0053;
      case INT4 -> 0.0564;
      case INT3 -> 0.119;
      case INT2 -> 0.227;
      case TERNARY -> 0.328;
      case INT1 -> 0.666;
      case UNIFORM8 -> 0.068;
      case UNIFORM4 -> 0.131;
      case UNIFORM2 -> 0.597;
      case NONE, KEPT, FP32 -> 0;
    };
  }

  private static double square(StoreFormat format) {
    return error(format) * error(format);
  }

  private void takeSteps() {
    int[] at = new int[views.size()];
    while (true) {
      int best = -1;
      int bestFormat = 0;
      double most = 0;
      for (int i = 0; i < at.length; i++) {
        for (int f = at[i] + 1; f < formats.size(); f++) {
          double gain = gain(i, formats.get(at[i]), formats.get(f));
          if (gain > most) {
            most = gain;
            best = i;
            bestFormat = f;
          }
        }
      }
      if (best < 0) {
        return;
      }
      at[best] = bestFormat;
      steps.add(new Step(best, formats.get(bestFormat)));
    }
  }

  /** Squared error that a byte of a picture's codes saves. */
  private double gain(int tensor, StoreFormat from, StoreFormat to) {
    long bytes = bytes(tensor, to) - bytes(tensor, from);
    double less = weights[tensor] * (square(from) - square(to));
    return bytes <= 0 ? Double.MAX_VALUE : less / bytes;
  }

  private long bytes(int tensor, StoreFormat format) {
    return format.bytes(views.get(tensor).map());
  }

  /** Steps from the fewest bits everywhere to the most. */
  public int steps() {
    return steps.size();
  }

  /** The formats after the first so many steps, by the name of the stage that keeps each. */
  public Map<String, StoreFormat> after(int count) {
    Map<String, StoreFormat> byName = new LinkedHashMap<>();
    names.forEach(name -> byName.put(name, formats.getFirst()));
    for (Step step : steps.subList(0, count)) {
      byName.put(names.get(step.tensor()), step.format());
    }
    return byName;
  }

  /** Bits that a value has on average after the first so many steps; 0 where there is nothing. */
  public double bits(int count) {
    Map<String, StoreFormat> byName = after(count);
    long bytes = 0;
    long values = 0;
    for (int i = 0; i < views.size(); i++) {
      bytes += byName.getOrDefault(names.get(i), StoreFormat.NONE).bytes(views.get(i).map());
      values += views.get(i).map().values();
    }
    return values == 0 ? 0 : 8.0 * bytes / values;
  }

  /**
   * The most steps within an average of bits; 0 if even the fewest bits are more.
   *
   * @param average bits a value
   */
  public int within(double average) {
    int low = 0;
    int high = steps.size();
    while (low < high) {
      int middle = (low + high + 1) / 2;
      if (bits(middle) <= average) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }
}
