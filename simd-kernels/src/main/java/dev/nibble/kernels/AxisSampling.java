package dev.nibble.kernels;

import java.util.Arrays;

/**
 * What each row (or column) of a map is made of when another map's are sampled: one of them, or two
 * neighbours by shares that sum to 1. So are resizing to the nearest value or linearly, padding by
 * reflection, by the edge or around, and cutting.
 */
public final class AxisSampling {
  private final int[] places;
  private final float[] weights;
  private final Taps forward;
  private final Taps backward;

  private AxisSampling(int size, int[] places, float[] weights) {
    this.places = places;
    this.weights = weights;
    int count = 0;
    for (float weight : weights) {
      count += weight == 0 ? 1 : 2;
    }
    int[] results = new int[count];
    int[] sources = new int[count];
    float[] shares = new float[count];
    int tap = 0;
    for (int i = 0; i < places.length; i++) {
      results[tap] = i;
      sources[tap] = places[i];
      shares[tap++] = 1 - weights[i];
      if (weights[i] != 0) {
        results[tap] = i;
        sources[tap] = places[i] + 1;
        shares[tap++] = weights[i];
      }
    }
    forward = new Taps(places.length, size, results, sources, shares);
    backward = new Taps(size, places.length, sources, results, shares);
  }

  /**
   * Samples an axis.
   *
   * @param size its length
   * @param places for each result the place of what it is made of
   * @param weights the share of the next place; 0 where there is none
   */
  public static AxisSampling of(int size, int[] places, float[] weights) {
    if (places.length < 1 || places.length != weights.length) {
      throw new IllegalArgumentException(
          "An axis is sampled at one place or more, with as many weights");
    }
    for (int i = 0; i < places.length; i++) {
      int last = weights[i] == 0 ? places[i] : Math.addExact(places[i], 1);
      boolean isShare = weights[i] >= 0 && weights[i] < 1;
      if (places[i] < 0 || last >= size || !isShare) {
        throw new IllegalArgumentException(
            "Place %d with weight %s is none of an axis of %d"
                .formatted(places[i], weights[i], size));
      }
    }
    return new AxisSampling(size, places.clone(), weights.clone());
  }

  /** All of an axis as it is. */
  public static AxisSampling identity(int size) {
    return nearest(size, size);
  }

  /** An axis resized to so many of its values, each the one at floor(i * size / length). */
  public static AxisSampling nearest(int size, int length) {
    int[] places = new int[length];
    for (int i = 0; i < length; i++) {
      places[i] = (int) ((long) i * size / length);
    }
    return of(size, places, new float[length]);
  }

  /** An axis resized linearly, pixels being areas: the ends are the first's and last's middles. */
  public static AxisSampling linear(int size, int length) {
    int[] places = new int[length];
    float[] weights = new float[length];
    for (int i = 0; i < length; i++) {
      double at = Math.clamp((i + 0.5) * size / length - 0.5, 0, size - 1.0);
      places[i] = (int) at;
      weights[i] = (float) (at - places[i]);
      if (weights[i] == 1) {
        places[i]++;
        weights[i] = 0;
      }
    }
    return of(size, places, weights);
  }

  /** Length of the axis that is sampled. */
  public int size() {
    return backward.count();
  }

  /** Length of what comes out. */
  public int length() {
    return places.length;
  }

  /** For each result the place of what it is made of. */
  public int[] places() {
    return places.clone();
  }

  /** For each result the share of the next place. */
  public float[] weights() {
    return weights.clone();
  }

  /** Whether each result is one of the axis' values. */
  public boolean isPicked() {
    for (float weight : weights) {
      if (weight != 0) {
        return false;
      }
    }
    return true;
  }

  /** What each result is made of. */
  public Taps forward() {
    return forward;
  }

  /** What each place is read by. */
  public Taps backward() {
    return backward;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof AxisSampling axis
        && size() == axis.size()
        && Arrays.equals(places, axis.places)
        && Arrays.equals(weights, axis.weights);
  }

  @Override
  public int hashCode() {
    return 31 * (31 * size() + Arrays.hashCode(places)) + Arrays.hashCode(weights);
  }

  @Override
  public String toString() {
    return size() + " to " + length();
  }

  /** Weighted sums over places, one a result. */
  public static final class Taps {
    private final int[] starts;
    private final int[] places;
    private final float[] shares;
    private final int[] firsts;
    private final int[] ends;

    private Taps(int count, int size, int[] results, int[] sources, float[] values) {
      starts = new int[count + 1];
      for (int result : results) {
        starts[result + 1]++;
      }
      for (int i = 0; i < count; i++) {
        starts[i + 1] += starts[i];
      }
      places = new int[results.length];
      shares = new float[results.length];
      int[] next = starts.clone();
      for (int tap = 0; tap < results.length; tap++) {
        int at = next[results[tap]]++;
        places[at] = sources[tap];
        shares[at] = values[tap];
      }
      firsts = new int[count + 1];
      firsts[count] = size;
      for (int i = count - 1; i >= 0; i--) {
        firsts[i] = firsts[i + 1];
        for (int tap = starts[i]; tap < starts[i + 1]; tap++) {
          firsts[i] = Math.min(firsts[i], places[tap]);
        }
      }
      ends = new int[count + 1];
      for (int i = 0; i < count; i++) {
        ends[i + 1] = ends[i];
        for (int tap = starts[i]; tap < starts[i + 1]; tap++) {
          ends[i + 1] = Math.max(ends[i + 1], places[tap] + 1);
        }
      }
    }

    /** Number of results. */
    public int count() {
      return starts.length - 1;
    }

    /** Number of places. */
    public int size() {
      return firsts[count()];
    }

    /** The first tap of a result; the next result's is its end. */
    public int start(int result) {
      return starts[result];
    }

    /** Where a tap reads. */
    public int place(int tap) {
      return places[tap];
    }

    /** What it is multiplied by. */
    public float share(int tap) {
      return shares[tap];
    }

    /** The first place that a result or one behind it reads. */
    public int first(int result) {
      return firsts[result];
    }

    /** The end of the places that results before this one read. */
    public int end(int result) {
      return ends[result];
    }

    /** Places from the first to the last that so many results in a row read, at most. */
    public int reach(int results) {
      int most = 0;
      for (int i = 0; i < count(); i++) {
        most = Math.max(most, ends[Math.min(count(), i + results)] - firsts[i]);
      }
      return most;
    }
  }
}
