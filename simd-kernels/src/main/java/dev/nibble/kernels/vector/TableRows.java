package dev.nibble.kernels.vector;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.kernels.Activation;
import dev.nibble.kernels.ChannelTable;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A shard's own copy of a channel table, its rows padded to whole vectors, with two rows more that
 * let one loop serve activations with and without a ReLU.
 */
final class TableRows {
  /** The smallest code on the positive side: the edge; 0 without a ReLU. */
  static final int LEAST = ChannelTable.ROWS;

  /** The largest code on the negative side: the edge less 1; the largest code without a ReLU. */
  static final int MOST = ChannelTable.ROWS + 1;

  private static final int ROWS = ChannelTable.ROWS + 2;

  private TableRows() {}

  /** Floats of the copy. */
  static int floats(int channels) {
    return ROWS * Lanes.roundUp(channels);
  }

  private static int row(int table, int row, int channels) {
    return table + row * Lanes.roundUp(channels);
  }

  /** Copies the table, or, where the activation needs none, coefficients that change nothing. */
  static void load(
      Activation activation,
      @Nullable MemorySegment from,
      int channels,
      float[] scratch,
      int table) {
    if (from == null || !activation.needsTable()) {
      Arrays.fill(scratch, table, table + floats(channels), 0f);
      int rsd = row(table, ChannelTable.RSD, channels);
      int beta = row(table, ChannelTable.BETA, channels);
      Arrays.fill(scratch, rsd, beta, 1f);
      // Adding -0 changes no number, adding 0 turns -0 into 0.
      Arrays.fill(scratch, beta, row(beta, 1, channels), -0f);
      return;
    }
    load(from, channels, scratch, table);
    int edge = row(table, ChannelTable.EDGE, channels);
    int least = row(table, LEAST, channels);
    int most = row(table, MOST, channels);
    float top = activation.store().isCodes() ? (1 << activation.store().bits()) - 1 : 0;
    for (int c = 0; c < channels; c++) {
      scratch[least + c] = activation.relu() ? scratch[edge + c] : 0f;
      scratch[most + c] = activation.relu() ? scratch[edge + c] - 1 : top;
    }
  }

  /** Copies a table whose activation does not matter. */
  static void load(MemorySegment from, int channels, float[] scratch, int table) {
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
