package dev.nibble.kernels.cublas;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The stand-in's device memory and the host's registered ranges.
 *
 * <p>Device addresses are made up, so that a host address is never taken for one; blocks lie apart,
 * so that what reaches beyond one reaches nothing, which is reported when the call is made. A
 * block's content is NaN until it is written. Whoever uses this holds the {@link StandInGate}.
 */
final class StandInMemory {
  /** Where device addresses begin: beyond all that a process can have. */
  private static final long BASE = 1L << 60;

  private static final long GAP = 1L << 20;
  private static final long ALIGNMENT = 256;

  /** Memory that was allocated; its values come into being when they are first needed. */
  static final class Block {
    private final StandInRange range;
    private float @Nullable [] values;

    Block(StandInRange range) {
      this.range = range;
    }

    float[] values() {
      float[] present = values;
      if (present == null) {
        present = new float[Math.toIntExact((range.bytes() + 3) / 4)];
        Arrays.fill(present, Float.NaN);
        values = present;
      }
      return present;
    }

    int index(long address) {
      return Math.toIntExact((address - range.from()) / 4);
    }

    MemorySegment segment(long address, long bytes) {
      return MemorySegment.ofArray(values()).asSlice(address - range.from(), bytes);
    }
  }

  private final TreeMap<Long, Block> blocks = new TreeMap<>();
  private final TreeMap<Long, StandInRange> registered = new TreeMap<>();
  private long size;
  private long used;
  private long next = BASE;

  StandInMemory(long size) {
    this.size = size;
  }

  void setSize(long bytes) {
    size = bytes;
  }

  long total() {
    return size;
  }

  long free() {
    return Math.max(0, size - used);
  }

  /** The address of new memory, or 0 where the device has too little. */
  long allocate(long bytes) {
    if (bytes > free()) {
      return 0;
    }
    long address = next;
    next += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT + GAP;
    used += bytes;
    blocks.put(address, new Block(new StandInRange(address, bytes)));
    return address;
  }

  /** Gives a block back; null where there is none that begins there. */
  @Nullable StandInRange release(long address) {
    Block block = blocks.remove(address);
    if (block == null) {
      return null;
    }
    used -= block.range.bytes();
    return block.range;
  }

  /** The block that holds a range, or null. */
  @Nullable Block block(StandInRange range) {
    Map.Entry<Long, Block> entry = blocks.floorEntry(range.from());
    return entry != null && entry.getValue().range.holds(range) ? entry.getValue() : null;
  }

  boolean register(StandInRange range) {
    if (meetsRegistered(range)) {
      return false;
    }
    registered.put(range.from(), range);
    return true;
  }

  boolean meetsRegistered(StandInRange range) {
    Map.Entry<Long, StandInRange> entry = registered.lowerEntry(range.from() + range.bytes());
    return entry != null && entry.getValue().meets(range);
  }

  /** The registration that holds a range; a later one of the same memory is another. */
  @Nullable StandInRange registration(StandInRange range) {
    Map.Entry<Long, StandInRange> entry = registered.floorEntry(range.from());
    return entry != null && entry.getValue().holds(range) ? entry.getValue() : null;
  }

  // A registration is the same one only if it is the same object.
  @SuppressWarnings("ReferenceEquality")
  boolean isRegistered(StandInRange registration) {
    return registered.get(registration.from()) == registration;
  }

  @Nullable StandInRange unregister(long address) {
    return registered.remove(address);
  }

  /** What is not given back. */
  List<String> left() {
    List<String> left = new ArrayList<>();
    blocks.values().forEach(block -> left.add("device memory " + block.range));
    registered.values().forEach(range -> left.add("registered host memory " + range));
    return left;
  }
}
