package dev.nibble.engine.plan;

import dev.nibble.engine.collective.Workers;
import dev.nibble.engine.data.loading.BatchShare;
import dev.nibble.kernels.Cut;
import java.util.ArrayList;
import java.util.List;

/**
 * Which of a batch's pictures each worker computes. Workers own whole groups of every pass, so a
 * batch is shared out in units that every pass has bounds at.
 */
public final class Division {
  private final int units;
  private final int[] bounds;
  private final Workers workers;

  private Division(int units, Workers workers) {
    this.units = units;
    this.workers = workers;
    this.bounds = new int[workers.count() + 1];
    for (int i = 0; i < bounds.length; i++) {
      bounds[i] = units * i / workers.count();
    }
  }

  /**
   * Divides the passes of a plan.
   *
   * @throws IllegalArgumentException if a pass has too few groups for all workers
   */
  static Division of(StageGraph graph, List<StageCuts> cuts, PlanOptions options) {
    Workers workers = options.workers();
    if (workers.count() == 1) {
      return new Division(1, workers);
    }
    int units = 0;
    int least = Integer.MAX_VALUE;
    String coarsest = "";
    for (int i = 0; i < cuts.size(); i++) {
      for (Cut cut : cuts.get(i).all()) {
        units = gcd(units, cut.groups());
        if (cut.groups() < least) {
          least = cut.groups();
          coarsest = graph.stages().get(i).name();
        }
      }
    }
    if (units < workers.count()) {
      throw new IllegalArgumentException(
          ("%d workers cannot share a batch of %d pictures: the passes, of which that of '%s' has"
                  + " %d groups, have %d parts in common; take fewer workers, %d shards or more, or a"
                  + " larger batch")
              .formatted(
                  workers.count(), options.batch(), coarsest, least, units, workers.count()));
    }
    return new Division(units, workers);
  }

  private static int gcd(int a, int b) {
    return b == 0 ? a : gcd(b, a % b);
  }

  /** Who shares. */
  public Workers workers() {
    return workers;
  }

  /** Units that a batch is shared out in. */
  public int units() {
    return units;
  }

  /** A worker's pictures. */
  public BatchShare share(int rank) {
    return new BatchShare(bounds[rank], bounds[rank + 1], units);
  }

  /** This worker's pictures. */
  public BatchShare share() {
    return share(workers.rank());
  }

  /** The most pictures that any worker has of a batch of up to that many. */
  public int most(int batch) {
    int most = 0;
    for (int rank = 0; rank < workers.count(); rank++) {
      most = Math.max(most, share(rank).most(batch));
    }
    return most;
  }

  /** Where the workers' groups of a pass begin, and the end of the last's. */
  public int[] bounds(Cut cut) {
    int[] groups = new int[bounds.length];
    for (int i = 0; i < groups.length; i++) {
      groups[i] = cut.groups() / units * bounds[i];
    }
    return groups;
  }

  /** The first of this worker's groups of a pass. */
  public int firstGroup(Cut cut) {
    return cut.groups() / units * bounds[workers.rank()];
  }

  /** The end of this worker's groups of a pass. */
  public int endGroup(Cut cut) {
    return cut.groups() / units * bounds[workers.rank() + 1];
  }

  /** How evenly the work is shared out, for people: the largest share against the mean. */
  public double imbalance() {
    int most = 0;
    for (int i = 0; i + 1 < bounds.length; i++) {
      most = Math.max(most, bounds[i + 1] - bounds[i]);
    }
    return (double) most * workers.count() / units;
  }

  /** What each worker computes, for people. */
  public List<String> lines(int batch) {
    List<String> lines = new ArrayList<>();
    for (int rank = 0; rank < workers.count(); rank++) {
      BatchShare share = share(rank);
      lines.add(
          "worker %d: pictures %d to %d".formatted(rank, share.first(batch), share.end(batch) - 1));
    }
    return lines;
  }
}
