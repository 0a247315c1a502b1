package dev.nibble.engine.plan;

import dev.nibble.engine.plan.StageGraph.Node;
import dev.nibble.engine.plan.StageGraph.View;
import dev.nibble.kernels.StoreFormat;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Spends bytes on a format for each activation where they lower the gradient's error most.
 *
 * <p>What a format costs an activation's gradients is measured ({@link FormatErrors}) or, where
 * there are no pictures, read from a table. The table takes it that, relative to its own length, a
 * layer's gradient errs by much the same in every layer (on a ResNet-20 with int4 by 0.036 to
 * 0.076), and that the gradients of a network's layers are of much the same length. Then what a
 * format costs depends on the format ({@link #error}) and on what the activation is read for
 * ({@link #weight}), not on the layer; what it saves depends on the layer's size. The second does
 * not hold everywhere: in a shallow network before its first step, the first layers' gradients are
 * two to three times as long as the last ones', and a mixture by the table may err by a third more
 * than one format.
 *
 * <p>Layers' errors add up as squares: of all mixtures of so many bytes that one is chosen whose
 * sum is least. One format everywhere is such a mixture, too.
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

  private final List<String> names = new ArrayList<>();
  private final List<View> views;
  private final List<StoreFormat> formats;
  private final List<int[]> choices;

  private FormatBudget(ExecutionPlan plan, @Nullable FormatErrors errors) {
    this.views = plan.coded();
    this.formats = formats(plan.options().store());
    double[][] squares = new double[views.size()][formats.size()];
    long[][] bytes = new long[views.size()][formats.size()];
    for (int i = 0; i < squares.length; i++) {
      String keeper = plan.keeper(views.get(i));
      names.add(keeper);
      double weight = weight(plan, views.get(i));
      Map<StoreFormat, Double> known =
          errors == null ? null : errors.squares().getOrDefault(keeper, Map.of());
      for (int f = 0; f < formats.size(); f++) {
        StoreFormat format = formats.get(f);
        squares[i][f] = known == null ? weight * square(format) : known.getOrDefault(format, 0.0);
        bytes[i][f] = format.bytes(views.get(i).map());
      }
    }
    this.choices = FormatFront.of(bytes, squares);
  }

  /** The formats that may be mixed with this one, those of the fewest bits first. */
  public static List<StoreFormat> formats(StoreFormat kind) {
    return kind.isUniform() ? UNIFORM : FITTED;
  }

  /**
   * Finds the steps for a network by a table, where nothing is known of its gradients.
   *
   * @param options whose store format, codes, says of what kind the formats are
   */
  public static FormatBudget of(StageGraph graph, PlanOptions options) {
    return of(graph, options, null);
  }

  /**
   * Finds the steps for a network.
   *
   * @param options whose store format, codes, says of what kind the formats are
   * @param errors what was measured, or null for the table
   */
  public static FormatBudget of(
      StageGraph graph, PlanOptions options, @Nullable FormatErrors errors) {
    return new FormatBudget(ExecutionPlan.of(graph, options.withFormats(Map.of())), errors);
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
   * ResNet-20 after three epochs on CIFAR-10; the paper's codes as in ALGORITHM's table.
   */
  private static double error(StoreFormat format) {
    return switch (format) {
      case INT8 -> 0.0062;
      case INT4 -> 0.0638;
      case INT3 -> 0.124;
      case INT2 -> 0.243;
      case TERNARY -> 0.346;
      case INT1 -> 0.401;
      case UNIFORM8 -> 0.068;
      case UNIFORM4 -> 0.131;
      case UNIFORM2 -> 0.597;
      case NONE, KEPT, FP32 -> 0;
    };
  }

  /**
   * What a format's codes cost the gradient of the weights before them, where none are multiplied
   * with them: a share of the square of its length.
   */
  public static double upstream(StoreFormat format) {
    return NORM_ONLY * square(format);
  }

  private static double square(StoreFormat format) {
    return error(format) * error(format);
  }

  /** Steps from the fewest bytes to the most, each with less of an error. */
  public int steps() {
    return choices.size() - 1;
  }

  /** The formats after so many steps, by the name of the stage that keeps each. */
  public Map<String, StoreFormat> after(int count) {
    Map<String, StoreFormat> byName = new LinkedHashMap<>();
    int[] choice = choices.get(count);
    for (int i = 0; i < choice.length; i++) {
      byName.put(names.get(i), formats.get(choice[i]));
    }
    return byName;
  }

  /** The one format everywhere that has the most bits within an average; empty if none has. */
  public Map<String, StoreFormat> single(double average) {
    Map<String, StoreFormat> single = Map.of();
    for (StoreFormat format : formats) {
      Map<String, StoreFormat> alike = new LinkedHashMap<>();
      names.forEach(name -> alike.put(name, format));
      if (bits(alike) <= average) {
        single = alike;
      }
    }
    return single;
  }

  /** Bits that a value has on average after the first so many steps; 0 where there is nothing. */
  public double bits(int count) {
    return bits(after(count));
  }

  private double bits(Map<String, StoreFormat> byName) {
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
    int high = steps();
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
