package dev.nibble.engine.exchange.onnx.graph;

import dev.nibble.engine.exchange.onnx.model.ElementType;
import dev.nibble.engine.exchange.onnx.model.TensorData;
import org.jspecify.annotations.Nullable;

/**
 * What is known before a picture is seen: a tensor of the file as it lies there (a weight), or a
 * few numbers.
 */
final class Constant implements Value {
  /** More than any shape has; what is larger is a weight and stays in the file. */
  static final int MOST = 4096;

  private final @Nullable Weight weight;
  private @Nullable Numbers numbers;

  private Constant(@Nullable Weight weight, @Nullable Numbers numbers) {
    this.weight = weight;
    this.numbers = numbers;
  }

  static Constant of(TensorData tensor) {
    return new Constant(Weight.of(tensor), null);
  }

  static Constant of(Weight weight) {
    return new Constant(weight, null);
  }

  static Constant of(Numbers numbers) {
    return new Constant(null, numbers);
  }

  long[] dims() {
    if (weight != null) {
      return weight.dims();
    }
    return numbers == null ? new long[0] : numbers.dims();
  }

  int rank() {
    return dims().length;
  }

  /** As a weight under its own name, or another where it has none; null if these are no floats. */
  @Nullable Weight weight(String otherwise) {
    if (weight != null) {
      if (!weight.tensor().type().isFloat()) {
        return null;
      }
      return weight.name().isEmpty() ? weight.named(otherwise) : weight;
    }
    double[] values = numbers == null || !numbers.isReal() ? null : numbers.reals();
    return values == null ? null : Weight.of(TensorData.of(otherwise, dims(), values));
  }

  /** The weight, whatever its type; null if these are numbers that were computed. */
  @Nullable Weight stored() {
    return weight;
  }

  /** Its numbers, read if they are few; null if they are many, or no numbers. */
  @Nullable Numbers numbers() {
    if (numbers == null && weight != null && weight.elements() <= MOST) {
      ElementType type = weight.tensor().type();
      if (type.isInteger()) {
        numbers = Numbers.whole(weight.dims(), weight.integers());
      } else if (type.isFloat()) {
        numbers = Numbers.real(weight.dims(), weight.doubles());
      }
    }
    return numbers;
  }
}
