package dev.nibble.kernels.vector;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.kernels.ChannelTable;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** A shard's own copy of a channel table, its rows padded to whole vectors. */
final class TableRows {
  private TableRows() {}

  /** Floats of the copy. */
  static int floats(int channels) {
    return ChannelTable.ROWS * Lanes.roundUp(channels);
  }

  /** Index of a row in the copy. */
  static int row(int table, int row, int channels) {
    return table + row * Lanes.roundUp(channels);
  }

  /** Copies the table, or, where the activation needs none, coefficients that change nothing. */
  static void load(@Nullable MemorySegment from, int channels, float[] scratch, int table) {
    if (from == null) {
      int end = table + floats(channels);
      Arrays.fill(scratch, table, end, 0f);
      Arrays.fill(
          scratch,
          row(table, ChannelTable.RSD, channels),
          row(table, ChannelTable.BETA, channels),
          1f);
      return;
    }
    for (int row = 0; row < ChannelTable.ROWS; row++) {
      MemorySegment.copy(
          from,
          JAVA_FLOAT,
          ChannelTable.offset(row, channels),
          scratch,
          row(table, row, channels),
          channels);
    }
  }
}
