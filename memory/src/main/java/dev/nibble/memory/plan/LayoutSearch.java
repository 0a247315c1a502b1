package dev.nibble.memory.plan;

import dev.nibble.memory.Slab;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Finds a small layout: the problem is NP-hard, so that several greedy layouts are made and the
 * smallest is kept; one that meets the lower bound ends the search.
 *
 * <p>A greedy layout takes the buffers in some order and puts each into a gap among those placed
 * already that are in use at the same time.
 */
final class LayoutSearch {
  /** Which of the gaps that are large enough is taken. */
  private enum Fit {
    LOWEST,
    TIGHTEST,
    /**
     * The tightest below the lower bound, and there the end whose neighbour lives longest. So the
     * two buffers of a step, one read and one written, come to lie alternately at the bottom and
     * the top of what is free, and each leaves one hole behind.
     */
    LASTING
  }

  /** Bounds the repairs to a few hundred milliseconds, in pairs of buffers looked at. */
  private static final long REPAIR_WORK = 60_000_000;

  private static final int MOST_REPAIRS = 1000;

  /** Offsets in bytes by request, and the bytes up to the end of the last buffer. */
  static final class Layout {
    private final long[] offsets;
    private final long total;

    private Layout(long[] offsets, long total) {
      this.offsets = offsets;
      this.total = total;
    }

    long offset(int request) {
      return offsets[request];
    }

    long total() {
      return total;
    }
  }

  private final int count;
  private final long lowerBound;
  private final long[] sizes;
  private final int[] firsts;
  private final int[] lasts;

  private LayoutSearch(List<BufferRequest> requests, long lowerBound) {
    this.count = requests.size();
    this.lowerBound = lowerBound;
    this.sizes = requests.stream().mapToLong(r -> Slab.sizeFor(r.bytes())).toArray();
    this.firsts = requests.stream().mapToInt(BufferRequest::firstUse).toArray();
    this.lasts = requests.stream().mapToInt(BufferRequest::lastUse).toArray();
  }

  /** The smallest layout found; {@code lowerBound} is where to stop looking. */
  static Layout smallest(List<BufferRequest> requests, long lowerBound) {
    return new LayoutSearch(requests, lowerBound).search();
  }

  private Layout search() {
    List<int[]> orders = orders();
    Layout best = null;
    for (int[] order : orders) {
      for (Fit fit : Fit.values()) {
        Layout layout = place(order, fit, best == null ? Long.MAX_VALUE : best.total());
        best = layout == null ? best : layout;
        if (best != null && best.total() == lowerBound) {
          return best;
        }
      }
    }
    return repair(Objects.requireNonNull(best), orders);
  }

  /**
   * Places the buffers that stick out earlier, again and again, from every order: what did not fit
   * below the bound when it came last often does when it comes first.
   */
  private Layout repair(Layout start, List<int[]> orders) {
    long layouts = Math.min(MOST_REPAIRS, REPAIR_WORK / (1 + (long) count * count));
    long rounds = layouts / ((long) orders.size() * Fit.values().length);
    Layout best = start;
    for (int[] startOrder : orders) {
      for (Fit fit : Fit.values()) {
        int[] order = startOrder;
        for (long round = 0; round < rounds && best.total() > lowerBound; round++) {
          Layout layout = Objects.requireNonNull(place(order, fit, Long.MAX_VALUE));
          best = layout.total() < best.total() ? layout : best;
          order = stickingOutFirst(order, layout);
        }
      }
    }
    return best;
  }

  private int[] stickingOutFirst(int[] order, Layout layout) {
    int[] result = new int[count];
    int next = 0;
    for (int i : order) {
      if (sticksOut(i, layout)) {
        result[next++] = i;
      }
    }
    for (int i : order) {
      if (!sticksOut(i, layout)) {
        result[next++] = i;
      }
    }
    return result;
  }

  private boolean sticksOut(int i, Layout layout) {
    return layout.offset(i) + sizes[i] > lowerBound;
  }

  /**
   * The orders to try, the best for training first. Longest life first lays what is used forward
   * and again backward down as a stack without holes, and within a length of life the order of
   * first use lets {@link Fit#LASTING} alternate. The others serve other patterns.
   */
  private List<int[]> orders() {
    Comparator<Integer> bySize = Comparator.comparingLong((Integer i) -> sizes[i]).reversed();
    Comparator<Integer> byLife = Comparator.comparingLong(this::life).reversed();
    Comparator<Integer> byArea =
        Comparator.comparingDouble((Integer i) -> (double) sizes[i] * life(i)).reversed();
    Comparator<Integer> byFirstUse = Comparator.comparingInt(i -> firsts[i]);
    Comparator<Integer> byLifeClass =
        Comparator.comparingInt((Integer i) -> Long.numberOfLeadingZeros(life(i)));
    return List.of(
        sorted(byLife.thenComparing(byFirstUse).thenComparing(bySize)),
        sorted(byLifeClass.thenComparing(byFirstUse).thenComparing(bySize)),
        sorted(byLife.thenComparing(bySize)),
        sorted(bySize.thenComparing(byLife)),
        sorted(byArea.thenComparing(bySize)),
        sorted(byFirstUse.thenComparing(bySize)));
  }

  private long life(int i) {
    return 1L + lasts[i] - firsts[i];
  }

  /** Requests in an order; equals stay as they were given, which makes the plan deterministic. */
  private int[] sorted(Comparator<Integer> comparator) {
    return IntStream.range(0, count)
        .boxed()
        .sorted(comparator)
        .mapToInt(Integer::intValue)
        .toArray();
  }

  /** Null as soon as it is seen that the total would not stay below a bound. */
  private @Nullable Layout place(int[] order, Fit fit, long bound) {
    long[] offsets = new long[count];
    Placed placed = new Placed(count, lowerBound);
    long total = 0;
    for (int buffer : order) {
      long offset = placed.findGap(sizes[buffer], firsts[buffer], lasts[buffer], fit);
      placed.insert(offset, offset + sizes[buffer], firsts[buffer], lasts[buffer]);
      offsets[buffer] = offset;
      total = Math.max(total, offset + sizes[buffer]);
      if (total >= bound) {
        return null;
      }
    }
    return new Layout(offsets, total);
  }

  /**
   * The buffers placed so far by rising offset, so that one walk sees all gaps; in arrays side by
   * side, because that walk, for every buffer past all others, is where the time goes.
   */
  private static final class Placed {
    private final long[] starts;
    private final long[] ends;
    private final int[] firsts;
    private final int[] lasts;
    private final long ceiling;
    private int count;

    Placed(int capacity, long ceiling) {
      this.ceiling = ceiling;
      starts = new long[capacity];
      ends = new long[capacity];
      firsts = new int[capacity];
      lasts = new int[capacity];
    }

    long findGap(long size, int first, int last, Fit fit) {
      long free = 0; // first byte behind everything alive at the same time, as far as walked
      int below = Integer.MAX_VALUE; // last use of what ends there
      long found = -1;
      long foundGap = Long.MAX_VALUE;
      for (int i = 0; i < count; i++) {
        if (firsts[i] > last || lasts[i] < first) {
          continue;
        }
        long gap = starts[i] - free;
        if (gap >= size && gap < foundGap) {
          found = fit == Fit.LASTING && lasts[i] > below ? starts[i] - size : free;
          foundGap = gap;
          if (fit == Fit.LOWEST || gap == size) {
            return found;
          }
        }
        if (ends[i] > free) {
          free = ends[i];
          below = lasts[i];
        }
      }
      long gap = ceiling - free;
      if (fit == Fit.LASTING && gap >= size && gap < foundGap && below < Integer.MAX_VALUE) {
        return ceiling - size;
      }
      return found < 0 ? free : found;
    }

    void insert(long start, long end, int first, int last) {
      int low = 0;
      int high = count;
      while (low < high) {
        int middle = (low + high) >>> 1;
        if (starts[middle] <= start) {
          low = middle + 1;
        } else {
          high = middle;
        }
      }
      int moved = count - low;
      System.arraycopy(starts, low, starts, low + 1, moved);
      System.arraycopy(ends, low, ends, low + 1, moved);
      System.arraycopy(firsts, low, firsts, low + 1, moved);
      System.arraycopy(lasts, low, lasts, low + 1, moved);
      starts[low] = start;
      ends[low] = end;
      firsts[low] = first;
      lasts[low] = last;
      count++;
    }
  }
}
