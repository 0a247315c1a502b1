package dev.nibble.engine.exec;

import dev.nibble.kernels.Cut;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.Stage;

/**
 * A pass's products: a portion of the weights is packed ({@link Kernels#portions}; most stages have
 * one), the leaves of its parts run, then the next. The calling thread changes the portion, and the
 * workers read it only between the start and the end of a {@link WorkerPool#run}.
 */
final class Portions {
  private final Kernels kernels;
  private final WorkerPool pool;

  private int count = 1;
  private int units;
  private int portion;

  Portions(Kernels kernels, WorkerPool pool) {
    this.kernels = kernels;
    this.pool = pool;
  }

  /**
   * Packs and runs all portions.
   *
   * @param pack given a unit of the portion, see {@link #unit}
   * @param leaves this worker's leaves, of whole groups
   * @param leaf given a leaf of the portion, see {@link #leaf}
   */
  void run(Stage stage, WorkerPool.Task pack, int leaves, WorkerPool.Task leaf) {
    count = kernels.portions(stage);
    units = kernels.packUnits(stage) / count;
    for (portion = 0; portion < count; portion++) {
      pool.run(units, pack);
      pool.run(leaves / count, leaf);
    }
  }

  /** The stage's unit that one of the portion is. */
  int unit(int index) {
    return portion * units + index;
  }

  /** The leaf, counted from the worker's first, that one of the portion is. */
  int leaf(int index, Cut cut) {
    int parts = cut.parts() / count;
    return index / parts * cut.parts() + portion * parts + index % parts;
  }
}
