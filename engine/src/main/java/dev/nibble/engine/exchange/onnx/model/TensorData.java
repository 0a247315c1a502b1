package dev.nibble.engine.exchange.onnx.model;

import dev.nibble.engine.protobuf.ProtobufException;
import java.util.Arrays;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A tensor of a model: its description, and its values when they are asked for. They stay in the
 * file; nothing is held but a few numbers that were computed. What many numbers are computed of is
 * held instead, and they are made anew for every reader.
 */
public final class TensorData {
  private static final int PIECE = 1024;

  private final String name;
  private final ElementType type;
  private final long[] dims;
  private final long elements;
  private final @Nullable DataRegion region;

  /** Makes the values of what is computed; null where they lie in a file. */
  private final @Nullable Supplier<ValueReader> computed;

  private TensorData(
      String name,
      ElementType type,
      long[] dims,
      long elements,
      @Nullable DataRegion region,
      @Nullable Supplier<ValueReader> computed) {
    this.name = name;
    this.type = type;
    this.dims = dims.clone();
    this.elements = elements;
    this.region = region;
    this.computed = computed;
  }

  TensorData(String name, ElementType type, long[] dims, long elements, DataRegion region) {
    this(name, type, dims, elements, region, null);
  }

  /** One of a few numbers that no file holds. */
  public static TensorData of(String name, long[] dims, double[] values) {
    double[] own = values.clone();
    return new TensorData(
        name, ElementType.FLOAT, dims, own.length, null, () -> new ComputedValues(own));
  }

  /**
   * What is computed when it is read.
   *
   * @param values makes all of them, in their order, anew or as a copy that nobody changes
   */
  public static TensorData computed(
      String name, long[] dims, long elements, Supplier<float[]> values) {
    return new TensorData(
        name, ElementType.FLOAT, dims, elements, null, () -> new ComputedFloats(values.get()));
  }

  /** Whether it lies in no file, but is computed. */
  public boolean isComputed() {
    return computed != null;
  }

  /** Its name; empty for the value of an attribute. */
  public String name() {
    return name;
  }

  /** The type of its elements. */
  public ElementType type() {
    return type;
  }

  /** Its extents, outermost first; empty for a scalar. */
  public long[] dims() {
    return dims.clone();
  }

  /** Number of elements. */
  public long elements() {
    return elements;
  }

  /**
   * Reads from the first element on.
   *
   * @throws ProtobufException if the type is neither float nor whole number
   */
  public ValueReader values() {
    if (!type.isFloat() && !type.isInteger()) {
      throw new ProtobufException(
          "tensor '%s' is %s, but numbers are needed".formatted(name, type));
    }
    if (computed != null) {
      return computed.get();
    }
    if (region == null) {
      throw new IllegalStateException("Neither stored nor computed: " + name);
    }
    return region.isRaw() ? new RawValues(type, region) : new FieldValues(name, type, region);
  }

  /** All values as whole numbers. */
  public long[] integers(int most) {
    long[] all = new long[count(most)];
    ValueReader reader = values();
    for (int at = 0; at < all.length; at += PIECE) {
      reader.integers(all, at, Math.min(PIECE, all.length - at));
    }
    return all;
  }

  /** All values as doubles. */
  public double[] doubles(int most) {
    double[] all = new double[count(most)];
    ValueReader reader = values();
    float[] piece = new float[PIECE];
    for (int at = 0; at < all.length; at += PIECE) {
      int count = Math.min(PIECE, all.length - at);
      reader.floats(piece, 0, count);
      for (int i = 0; i < count; i++) {
        all[at + i] = piece[i];
      }
    }
    return all;
  }

  private int count(int most) {
    if (elements > most) {
      throw new ProtobufException(
          "tensor '%s' of shape %s has over %d values, too many for where it is read"
              .formatted(name, Arrays.toString(dims), most));
    }
    return (int) elements;
  }
}
