package dev.nibble.engine.model;

import dev.nibble.engine.network.Parameter;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Tensors of an open file, by the names that parameters have: what a warm start takes over. */
public interface WeightSource {
  /** The file, for messages. */
  Path path();

  /** Names of all tensors. */
  List<String> names();

  /** Whether there is a tensor of this name and shape, of a floating-point type. */
  boolean hasFloats(String name, long... shape);

  /**
   * Checks that there is such a tensor.
   *
   * @throws dev.nibble.engine.exchange.ExchangeException saying what is missing or differs
   */
  void requireFloats(String name, long... shape);

  /** The extents of a tensor that is there, outermost first. */
  long[] shape(String name);

  /**
   * The values of a tensor, row-major.
   *
   * @throws dev.nibble.engine.exchange.ExchangeException if there is none, or it cannot be read
   */
  float[] readFloats(String name);

  /**
   * Copies a parameter of that name and shape to where it lies, in memory order.
   *
   * @throws dev.nibble.engine.exchange.ExchangeException if there is none, or it cannot be read
   */
  default void read(Parameter parameter, MemorySegment target) {
    float[] values = parameter.inMemoryOrder(readFloats(parameter.name()));
    MemorySegment.copy(values, 0, target, ValueLayout.JAVA_FLOAT, 0, values.length);
  }

  /** What the file says about its model; null if another program wrote it. */
  @Nullable ModelInfo info();

  /** How the model's pictures were normalised, if the file or its kind tells that, else null. */
  @Nullable Normalization normalization();
}
