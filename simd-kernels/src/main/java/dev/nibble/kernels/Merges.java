package dev.nibble.kernels;

import java.util.Arrays;

/**
 * Pairs of regions of partial sums that are added, in the order of the fixed tree of a {@link Cut}.
 *
 * <p>Where workers share a batch, each runs the leaves of a range of groups, adds {@link #within}
 * it, and hands the {@link #roots} of its subtrees to the others; each then adds what lies {@link
 * #beyond} all ranges. Every pair of the tree is so added once, in an order that changes no result:
 * the sums are the same to the last bit for any number of workers.
 */
public final class Merges {
  private final int regions;
  private final int[] into;
  private final int[] from;

  private Merges(int regions, int[] into, int[] from) {
    this.regions = regions;
    this.into = into;
    this.from = from;
  }

  /** Pairs whose leaves all belong to groups {@code [first, end)}. */
  public static Merges within(Cut cut, int first, int end) {
    return of(cut, new int[] {first, end}, true);
  }

  /** All that lies in groups {@code [first, end)}, which end in the region of the first leaf. */
  public static Merges all(Cut cut, int first, int end) {
    Merges within = within(cut, first, end);
    int[] roots = roots(cut, first, end);
    int size = within.size() + Math.max(0, roots.length - 1);
    int[] into = Arrays.copyOf(within.into, size);
    int[] from = Arrays.copyOf(within.from, size);
    for (int i = 1; i < roots.length; i++) {
      into[within.size() + i - 1] = roots[0];
      from[within.size() + i - 1] = roots[i];
    }
    return new Merges(cut.leaves(), into, from);
  }

  /** No pairs. */
  public static Merges none(Cut cut) {
    return new Merges(cut.leaves(), new int[0], new int[0]);
  }

  /**
   * Pairs whose leaves do not all belong to one range of groups.
   *
   * @param bounds where the ranges begin, and the end of the last: 0 to the cut's groups, rising
   */
  public static Merges beyond(Cut cut, int[] bounds) {
    return of(cut, bounds, false);
  }

  /** The regions that are left of groups {@code [first, end)} when all pairs within are added. */
  public static int[] roots(Cut cut, int first, int end) {
    boolean[] left = new boolean[cut.leaves()];
    Arrays.fill(left, first * cut.parts(), end * cut.parts(), true);
    Merges merges = within(cut, first, end);
    for (int region : merges.from) {
      left[region] = false;
    }
    int[] roots = new int[cut.leaves()];
    int count = 0;
    for (int region = 0; region < left.length; region++) {
      if (left[region]) {
        roots[count++] = region;
      }
    }
    return Arrays.copyOf(roots, count);
  }

  /**
   * The same pairs among regions that lie side by side, in memory that holds no others.
   *
   * @param kept the regions that are left, rising; all that these pairs mention are among them
   */
  public Merges packed(int[] kept) {
    return new Merges(kept.length, places(into, kept), places(from, kept));
  }

  private static int[] places(int[] pairs, int[] kept) {
    int[] places = new int[pairs.length];
    for (int i = 0; i < pairs.length; i++) {
      places[i] = Arrays.binarySearch(kept, pairs[i]);
      if (places[i] < 0) {
        throw new IllegalArgumentException("Region %d is not kept".formatted(pairs[i]));
      }
    }
    return places;
  }

  private static Merges of(Cut cut, int[] bounds, boolean inside) {
    int[] into = new int[cut.leaves()];
    int[] from = new int[cut.leaves()];
    int count = 0;
    for (int group = 0; group < cut.groups(); group++) {
      if (isInOne(bounds, group, group + 1) != inside) {
        continue;
      }
      int first = group * cut.parts();
      for (int width = 1; width < cut.parts(); width *= 2) {
        for (int part = 0; part + width < cut.parts(); part += 2 * width) {
          into[count] = first + part;
          from[count++] = first + part + width;
        }
      }
    }
    for (int width = 1; width < cut.groups(); width *= 2) {
      for (int group = 0; group + width < cut.groups(); group += 2 * width) {
        int end = Math.min(group + 2 * width, cut.groups());
        if (isInOne(bounds, group, end) == inside) {
          into[count] = group * cut.parts();
          from[count++] = (group + width) * cut.parts();
        }
      }
    }
    return new Merges(cut.leaves(), Arrays.copyOf(into, count), Arrays.copyOf(from, count));
  }

  private static boolean isInOne(int[] bounds, int first, int end) {
    for (int i = 0; i + 1 < bounds.length; i++) {
      if (bounds[i] <= first && end <= bounds[i + 1]) {
        return true;
      }
    }
    return false;
  }

  /** Regions of the cut, those included that are in no pair. */
  public int regions() {
    return regions;
  }

  /** Pairs. */
  public int size() {
    return into.length;
  }

  /** The region that a pair's sum is left in. */
  public int into(int pair) {
    return into[pair];
  }

  /** The region that is added to it. */
  public int from(int pair) {
    return from[pair];
  }
}
