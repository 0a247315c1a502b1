package dev.nibble.kernels.vector.activation;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.kernels.ChannelTable;
import dev.nibble.kernels.vector.base.Lanes;
import java.lang.foreign.MemorySegment;

/**
 * A leaf's own copy of what a gradient's term reads of its batch norm's channel table, the rows
 * padded to whole vectors, and behind it room for a column of {@link CodeColumns}.
 */
public final class TermRows {
  /** {@link ChannelTable#EDGE}. */
  static final int EDGE = 0;

  /** {@link ChannelTable#DX_SCALE}. */
  static final int SCALE = 1;

  /** {@link ChannelTable#DX_CODE}. */
  static final int CODE = 2;

  /** {@link ChannelTable#DX_OFFSET}. */
  static final int OFFSET = 3;

  /** {@link ChannelTable#LOW_DX_CODE}. */
  static final int LOW_CODE = 4;

  /** {@link ChannelTable#LOW_DX_OFFSET}. */
  static final int LOW_OFFSET = 5;

  private static final int ROWS = 6;

  private TermRows() {}

  /** Floats of the copy. */
  public static int floats(int channels) {
    return work(0, channels) + CodeColumns.SIZE;
  }

  /** Index in scratch of the column behind the rows. */
  static int work(int table, int channels) {
    return table + ROWS * Lanes.roundUp(channels);
  }

  /** Copies the rows. */
  public static void load(MemorySegment from, int channels, float[] scratch, int table) {
    copy(from, ChannelTable.EDGE, channels, scratch, table, EDGE);
    copy(from, ChannelTable.DX_SCALE, channels, scratch, table, SCALE);
    copy(from, ChannelTable.DX_CODE, channels, scratch, table, CODE);
    copy(from, ChannelTable.DX_OFFSET, channels, scratch, table, OFFSET);
    copy(from, ChannelTable.LOW_DX_CODE, channels, scratch, table, LOW_CODE);
    copy(from, ChannelTable.LOW_DX_OFFSET, channels, scratch, table, LOW_OFFSET);
  }

  private static void copy(
      MemorySegment from, int row, int channels, float[] scratch, int table, int to) {
    int at = table + to * Lanes.roundUp(channels);
    MemorySegment.copy(from, JAVA_FLOAT, ChannelTable.offset(row, channels), scratch, at, channels);
  }
}
