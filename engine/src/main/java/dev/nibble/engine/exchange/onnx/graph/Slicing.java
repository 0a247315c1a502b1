package dev.nibble.engine.exchange.onnx.graph;

import java.util.Arrays;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * What Slice takes: attributes before opset 10, inputs since.
 *
 * @param axes which are cut
 * @param starts the first index of each
 * @param ends the one behind the last of each
 * @param steps from one to the next
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record Slicing(int[] axes, long[] starts, long[] ends, long[] steps) {
  /** Reads it; null if it depends on what is not known. */
  static @Nullable Slicing of(Call call, int rank) {
    long[] starts = call.integers("starts", 1);
    long[] ends = call.integers("ends", 2);
    if (starts == null || ends == null) {
      return null;
    }
    long[] axes = call.isGiven("axes", 3) ? call.integers("axes", 3) : null;
    long[] steps = call.isGiven("", 4) ? call.integers("", 4) : null;
    if ((axes == null && call.isGiven("axes", 3)) || (steps == null && call.isGiven("", 4))) {
      return null;
    }
    long[] which = axes == null ? LongStream.range(0, starts.length).toArray() : axes;
    long[] by = steps == null ? LongStream.range(0, starts.length).map(i -> 1).toArray() : steps;
    boolean fits =
        starts.length == ends.length
            && starts.length == which.length
            && starts.length == by.length
            && Arrays.stream(by).noneMatch(step -> step == 0);
    call.require(fits, "has lists of different lengths, or a step of 0");
    int[] places = Arrays.stream(which).mapToInt(axis -> call.axis(axis, rank)).toArray();
    call.require(Arrays.stream(places).distinct().count() == places.length, "cuts one axis twice");
    return new Slicing(places, starts, ends, by);
  }

  /**
   * Evenly spaced indices.
   *
   * @param from the first
   * @param step from one to the next
   * @param count how many
   */
  record Indices(long from, long step, long count) {
    long get(long i) {
      return from + i * step;
    }
  }

  /** The indices that it takes of an axis of this length. */
  Indices indices(int i, long length) {
    long step = steps[i];
    long start = starts[i] < 0 ? starts[i] + length : starts[i];
    long end = ends[i] < 0 ? ends[i] + length : ends[i];
    if (step > 0) {
      start = Math.clamp(start, 0, length);
      end = Math.clamp(end, 0, length);
      return new Indices(start, step, end <= start ? 0 : (end - start - 1) / step + 1);
    }
    start = Math.clamp(start, -1, length - 1);
    end = Math.clamp(end, -1, length - 1);
    return new Indices(start, step, start <= end ? 0 : (end - start + 1) / step + 1);
  }
}
