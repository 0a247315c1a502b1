package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.Lanes.LANES;

/** The room that Winograd's transforms need between their two steps, a vector of channels wide. */
final class WinogradSteps {
  /** Tiles that are transformed together: what lies between the steps then stays in L1. */
  static final int TILES = 8;

  /** Floats of the room: six rows of the pixels of so many tiles, which overlap by two. */
  static final int FLOATS = 6 * (TILES * WinogradProduct.TILE + 2) * LANES;

  private WinogradSteps() {}
}
