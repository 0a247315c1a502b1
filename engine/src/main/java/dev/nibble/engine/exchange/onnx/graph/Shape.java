package dev.nibble.engine.exchange.onnx.graph;

import dev.nibble.engine.protobuf.ProtobufException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The shape of a tensor that is computed.
 *
 * @param extents outermost first
 */
public record Shape(List<Extent> extents) {
  /** What a tensor of one picture may have, as the engine's own maps. */
  private static final long MOST = 1L << 28;

  /**
   * Checks the extents.
   *
   * @throws ProtobufException if one is not positive, or a picture has over 2^28 values
   */
  public Shape {
    extents = List.copyOf(extents);
    long values = 1;
    for (Extent extent : extents) {
      long factor = extent.isFixed() ? extent.fixed() : extent.batch();
      if (factor < 1 || extent.fixed() < 0) {
        throw new ProtobufException("a tensor has the impossible shape " + text(extents));
      }
      if (factor > MOST / values) {
        throw new ProtobufException("a tensor of shape " + text(extents) + " exceeds 2^28 values");
      }
      values *= factor;
    }
  }

  /** A map of every picture. */
  static Shape map(long channels, long height, long width) {
    return new Shape(List.of(Extent.N, Extent.of(channels), Extent.of(height), Extent.of(width)));
  }

  /** A vector of every picture. */
  static Shape flat(long channels) {
    return new Shape(List.of(Extent.N, Extent.of(channels)));
  }

  /** Number of axes. */
  public int rank() {
    return extents.size();
  }

  /** Whether it is N,C,H,W. */
  public boolean isMap() {
    return rank() == 4 && isPerPicture();
  }

  /** Whether it is N,C. */
  public boolean isFlat() {
    return rank() == 2 && isPerPicture();
  }

  /** Whether it is N,C,W: a map whose rows are left out. */
  boolean isRow() {
    return rank() == 3 && isPerPicture();
  }

  /** N,C,W as N,C,1,W. */
  Shape asMap() {
    return map(fixed(1), 1, fixed(2));
  }

  /** N,C,1,W as N,C,W. */
  Shape asRow() {
    return new Shape(List.of(Extent.N, extents.get(1), extents.get(3)));
  }

  private boolean isPerPicture() {
    return extents.getFirst().equals(Extent.N)
        && extents.stream().skip(1).allMatch(Extent::isFixed);
  }

  /** C of N,C or N,C,H,W. */
  public int channels() {
    return (int) fixed(1);
  }

  /** H of N,C,H,W; 1 of N,C. */
  public int height() {
    return rank() > 2 ? (int) fixed(2) : 1;
  }

  /** W of N,C,H,W; 1 of N,C. */
  public int width() {
    return rank() > 3 ? (int) fixed(3) : 1;
  }

  long fixed(int axis) {
    return extents.get(axis).fixed();
  }

  /** Values a picture, or in all where nothing depends on the batch; null if it is neither. */
  @Nullable Long values() {
    long values = 1;
    int batched = 0;
    for (Extent extent : extents) {
      if (extent.isFixed()) {
        values *= extent.fixed();
      } else if (extent.fixed() == 0 && batched == 0) {
        values *= extent.batch();
        batched++;
      } else {
        return null;
      }
    }
    return values;
  }

  boolean isBatched() {
    return extents.stream().anyMatch(e -> !e.isFixed());
  }

  Shape with(int axis, Extent extent) {
    List<Extent> changed = new ArrayList<>(extents);
    changed.set(axis, extent);
    return new Shape(changed);
  }

  @Override
  public String toString() {
    return text(extents);
  }

  private static String text(List<Extent> extents) {
    return extents.stream().map(Extent::toString).collect(Collectors.joining(",", "[", "]"));
  }
}
