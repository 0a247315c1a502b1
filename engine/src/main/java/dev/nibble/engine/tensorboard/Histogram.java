package dev.nibble.engine.tensorboard;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.engine.protobuf.MessageWriter;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * How values are distributed, in buckets of equal width between the least and the greatest. Values
 * that are not finite are left out. Used again and again.
 */
final class Histogram {
  private static final int BUCKETS = 64;

  private final double[] limits = new double[BUCKETS];
  private final double[] counts = new double[BUCKETS];
  private int buckets;
  private double least;
  private double greatest;
  private long count;
  private double sum;
  private double squares;

  /** Counts fp32 values. */
  void fill(MemorySegment values) {
    long size = values.byteSize() / 4;
    summarize(values, size);
    buckets = greatest > least ? BUCKETS : 1;
    Arrays.fill(counts, 0);
    double width = (greatest - least) / buckets;
    for (int i = 0; i < buckets; i++) {
      limits[i] = i == buckets - 1 ? greatest : least + (i + 1) * width;
    }
    for (long i = 0; i < size; i++) {
      float value = values.getAtIndex(JAVA_FLOAT, i);
      if (Float.isFinite(value)) {
        int bucket = buckets == 1 ? 0 : (int) ((value - least) / width);
        counts[Math.min(bucket, buckets - 1)]++;
      }
    }
  }

  private void summarize(MemorySegment values, long size) {
    least = Double.POSITIVE_INFINITY;
    greatest = Double.NEGATIVE_INFINITY;
    count = 0;
    sum = 0;
    squares = 0;
    for (long i = 0; i < size; i++) {
      float value = values.getAtIndex(JAVA_FLOAT, i);
      if (Float.isFinite(value)) {
        least = Math.min(least, value);
        greatest = Math.max(greatest, value);
        count++;
        sum += value;
        squares += (double) value * value;
      }
    }
  }

  /** Whether there is nothing to show. */
  boolean isEmpty() {
    return count == 0;
  }

  /** Encodes it as TensorFlow's {@code HistogramProto}. */
  void encode(MessageWriter message) {
    message.floating(1, least);
    message.floating(2, greatest);
    message.floating(3, (double) count);
    message.floating(4, sum);
    message.floating(5, squares);
    message.floating(6, limits, buckets);
    message.floating(7, counts, buckets);
  }
}
