package dev.nibble.memory.plan;

import dev.nibble.memory.ByteSize;
import dev.nibble.memory.Slab;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * Offsets for buffers of known lifetimes within one slab: buffers in use at the same step never
 * share a byte, others may. Immutable; the same requests always give the same plan.
 *
 * <p>A buffer takes its bytes rounded up to 64, and that is what all sums here count.
 */
public final class MemoryPlan {
  private final List<Placement> placements;
  private final long totalBytes;
  private final long lowerBoundBytes;

  /**
   * Live bytes from a step until the next key; steps are widened so that the last may be passed.
   */
  private final NavigableMap<Long, Long> liveBytes;

  private MemoryPlan(
      List<Placement> placements,
      long totalBytes,
      long lowerBound,
      NavigableMap<Long, Long> liveBytes) {
    this.placements = placements;
    this.totalBytes = totalBytes;
    this.lowerBoundBytes = lowerBound;
    this.liveBytes = liveBytes;
  }

  /**
   * Lays the buffers out.
   *
   * @throws IllegalArgumentException if all sizes together are 8 EiB or more
   */
  public static MemoryPlan of(List<BufferRequest> requests) {
    List<BufferRequest> copy = List.copyOf(requests);
    checkSum(copy);
    NavigableMap<Long, Long> live = liveBytes(copy);
    long lowerBound = live.values().stream().mapToLong(Long::longValue).max().orElse(0);
    LayoutSearch.Layout layout = LayoutSearch.smallest(copy, lowerBound);
    List<Placement> placements =
        IntStream.range(0, copy.size())
            .mapToObj(i -> new Placement(copy.get(i), layout.offset(i)))
            .toList();
    return new MemoryPlan(placements, layout.total(), lowerBound, live);
  }

  private static void checkSum(List<BufferRequest> requests) {
    long sum = 0;
    for (BufferRequest request : requests) {
      // Each term is at most 2^63 - 64, so that one overflow shows as a negative sum.
      if (request.bytes() > Long.MAX_VALUE - Slab.ALIGNMENT
          || (sum += Slab.sizeFor(request.bytes())) < 0) {
        throw new IllegalArgumentException(
            "The buffers up to '%s' (%s) take 8 EiB or more together: plan a smaller batch."
                .formatted(request.name(), ByteSize.format(request.bytes())));
      }
    }
  }

  private static NavigableMap<Long, Long> liveBytes(List<BufferRequest> requests) {
    NavigableMap<Long, Long> changes = new TreeMap<>();
    for (BufferRequest request : requests) {
      long size = Slab.sizeFor(request.bytes());
      changes.merge((long) request.firstUse(), size, Long::sum);
      changes.merge(request.lastUse() + 1L, -size, Long::sum);
    }
    long live = 0;
    for (Map.Entry<Long, Long> change : changes.entrySet()) {
      live += change.getValue();
      change.setValue(live);
    }
    return changes;
  }

  /** Where each buffer lies, in the order of the requests. */
  public List<Placement> placements() {
    return placements;
  }

  /** Bytes of the slab that holds all buffers. */
  public long totalBytes() {
    return totalBytes;
  }

  /** The most bytes in use at one step: no plan can be smaller. */
  public long lowerBoundBytes() {
    return lowerBoundBytes;
  }

  /** Bytes in use at a step. */
  public long liveBytesAt(int time) {
    Map.Entry<Long, Long> entry = liveBytes.floorEntry((long) time);
    return entry == null ? 0 : entry.getValue();
  }

  @Override
  public String toString() {
    return "%d buffers in %s (at least %s)"
        .formatted(
            placements.size(), ByteSize.format(totalBytes), ByteSize.format(lowerBoundBytes));
  }
}
