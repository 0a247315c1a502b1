package dev.nibble.engine.data.pictures;

import java.util.List;

/** How a picture is stored against how it is seen: the values 1 to 8 of EXIF's tag 274. */
enum Orientation {
  AS_STORED(false, false, false),
  MIRRORED(false, false, true),
  UPSIDE_DOWN(false, true, true),
  FLIPPED(false, true, false),
  TRANSPOSED(true, false, false),
  TURN_RIGHT(true, true, false),
  TRANSVERSED(true, true, true),
  TURN_LEFT(true, false, true);

  private static final List<Orientation> BY_VALUE = List.of(values());

  private final boolean swapsSides;
  private final boolean rowsFromBottom;
  private final boolean columnsFromRight;

  /**
   * Says where a pixel comes from.
   *
   * @param swapsSides whether a row that is seen is stored as a column
   * @param rowsFromBottom whether stored rows are walked backwards
   * @param columnsFromRight whether stored columns are
   */
  Orientation(boolean swapsSides, boolean rowsFromBottom, boolean columnsFromRight) {
    this.swapsSides = swapsSides;
    this.rowsFromBottom = rowsFromBottom;
    this.columnsFromRight = columnsFromRight;
  }

  /** The orientation of a tag's value; anything else than 1 to 8 says nothing. */
  static Orientation of(long value) {
    return value >= 1 && value <= 8 ? BY_VALUE.get((int) value - 1) : AS_STORED;
  }

  boolean swapsSides() {
    return swapsSides;
  }

  /** The picture as it is seen. */
  RgbPicture apply(RgbPicture stored) {
    if (this == AS_STORED) {
      return stored;
    }
    int height = swapsSides ? stored.width() : stored.height();
    int width = swapsSides ? stored.height() : stored.width();
    byte[] from = stored.rgb();
    byte[] seen = new byte[from.length];
    for (int y = 0, at = 0; y < height; y++) {
      for (int x = 0; x < width; x++, at += 3) {
        int row = swapsSides ? x : y;
        int column = swapsSides ? y : x;
        row = rowsFromBottom ? stored.height() - 1 - row : row;
        column = columnsFromRight ? stored.width() - 1 - column : column;
        System.arraycopy(from, 3 * (row * stored.width() + column), seen, at, 3);
      }
    }
    return new RgbPicture(height, width, seen);
  }
}
