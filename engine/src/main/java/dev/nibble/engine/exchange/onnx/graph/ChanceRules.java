package dev.nibble.engine.exchange.onnx.graph;

import dev.nibble.engine.exchange.onnx.graph.Operation.Chance;
import dev.nibble.engine.exchange.onnx.graph.Operation.Random;
import dev.nibble.engine.exchange.onnx.graph.Operation.WithConstant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a training's export draws by chance. Dropout has an operator of its own; stochastic depth is
 * spelled out: a tensor of one value a picture, drawn to be 1 or 0, divided by the chance of a 1.
 */
final class ChanceRules {
  private final Drafts drafts;

  ChanceRules(Drafts drafts) {
    this.drafts = drafts;
  }

  private Value random(Call call, Chance chance, double number, @Nullable Shape shape) {
    return drafts.add(call.node(), new Random(chance, number), shape);
  }

  /** A tensor of one number, of as many as there are pictures; null if the node makes none. */
  @Nullable Value filled(Call call) {
    boolean isExpand = call.node().operator().equals("Expand");
    if (!isExpand && !call.node().operator().equals("ConstantOfShape")) {
      return null;
    }
    Constant dims = call.knownOrNull(isExpand ? 1 : 0);
    Numbers extents = dims == null ? null : dims.numbers();
    if (extents == null || extents.isReal() || extents.count() == 0) {
      return null;
    }
    Shape shape = new Shape(List.of(extents.wholes()));
    if (!shape.isBatched()) {
      return null;
    }
    Double number = isExpand ? one(call.knownOrNull(0)) : Folding.value(call);
    return number == null ? null : random(call, Chance.CONSTANT, number, shape);
  }

  private static @Nullable Double one(@Nullable Constant constant) {
    Numbers numbers = constant == null ? null : constant.numbers();
    double[] values = numbers == null ? null : numbers.reals();
    return values == null || values.length != 1 ? null : (Double) values[0];
  }

  private @Nullable Random drawn(Call call, Chance chance) {
    boolean isDrawn =
        call.inputs().getFirst() instanceof Value.Computed x
            && drafts.get(x.id()).operation instanceof Random r
            && r.chance() == chance;
    return isDrawn ? (Random) drafts.get(call.computed(0).id()).operation : null;
  }

  /** Evenly from 0 to 1, of whatever shape. */
  Value uniform(Call call) {
    if (call.node().real("low", 0) != 0 || call.node().real("high", 1) != 1) {
      throw new UnsupportedException("draws from elsewhere than 0 to 1");
    }
    return random(call, Chance.UNIFORM, 0, call.shape(0));
  }

  /** 1 by a chance that is the same everywhere, else 0. */
  @Nullable Value bernoulli(Call call) {
    Random chance = drawn(call, Chance.CONSTANT);
    return chance == null ? null : random(call, Chance.ONE_OR_ZERO, chance.number(), call.shape(0));
  }

  /** Whether what is drawn evenly is less than a number. */
  @Nullable Value less(Call call) {
    Double number = one(call.knownOrNull(1));
    return number == null || drawn(call, Chance.UNIFORM) == null
        ? null
        : random(call, Chance.ONE_OR_ZERO, number, call.shape(0));
  }

  /** What is drawn evenly, plus a number, without its fraction. */
  @Nullable Value floor(Call call) {
    Draft sum = drafts.get(call.computed(0).id());
    boolean isSum =
        sum.operation instanceof WithConstant c
            && c.arithmetic() == Operation.Arithmetic.PLUS
            && drafts.get(sum.inputs.getFirst()).operation instanceof Random r
            && r.chance() == Chance.UNIFORM;
    return isSum
        ? random(call, Chance.ONE_OR_ZERO, ((WithConstant) sum.operation).number(), call.shape(0))
        : null;
  }
}
