package dev.nibble.memory.plan;

import dev.nibble.memory.MemoryAccount;
import dev.nibble.memory.Slab;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A plan made real: one slab, and a view of it for every buffer. */
public final class Workspace implements AutoCloseable {
  /** Stands in the index for a name that several buffers share. */
  private static final int AMBIGUOUS = -1;

  private final MemoryPlan plan;
  private final Slab slab;
  private final MemorySegment[] views;
  private final Map<String, Integer> indexByName;

  private Workspace(MemoryPlan plan, Slab slab) {
    this.plan = plan;
    this.slab = slab;
    List<Placement> placements = plan.placements();
    this.views = new MemorySegment[placements.size()];
    this.indexByName = HashMap.newHashMap(views.length);
    for (int i = 0; i < views.length; i++) {
      BufferRequest request = placements.get(i).request();
      views[i] = slab.segment().asSlice(placements.get(i).offset(), request.bytes());
      indexByName.merge(request.name(), i, (first, second) -> AMBIGUOUS);
    }
  }

  /**
   * Allocates what a plan needs, {@link MemoryPlan#totalBytes()} to the byte.
   *
   * @throws dev.nibble.memory.MemoryLimitException if the account or the system has less free
   * @throws IllegalStateException if the account is closed
   */
  public static Workspace open(MemoryAccount account, MemoryPlan plan, String purpose) {
    Slab slab = Slab.allocate(account, plan.totalBytes(), purpose);
    try {
      return new Workspace(plan, slab);
    } catch (RuntimeException | Error e) {
      slab.close();
      throw e;
    }
  }

  /**
   * The memory of the buffer at that place among the plan's requests: exactly its bytes. Buffers
   * that are not in use at the same step may share it, so a buffer holds anything until written.
   *
   * @throws IndexOutOfBoundsException if there is no such buffer
   */
  public MemorySegment view(int requestIndex) {
    return views[requestIndex];
  }

  /**
   * The memory of the buffer of that name.
   *
   * @throws IllegalArgumentException if none or several have the name
   */
  public MemorySegment view(String name) {
    Integer index = indexByName.get(name);
    if (index == null || index == AMBIGUOUS) {
      throw new IllegalArgumentException(
          "%s named '%s': ask by the name of one of the plan's requests, or by its index."
              .formatted(index == null ? "No buffer is" : "Several buffers are", name));
    }
    return views[index];
  }

  /** All of it: every view lies in it, where the plan placed it. */
  public MemorySegment segment() {
    return slab.segment();
  }

  /** What was laid out. */
  public MemoryPlan plan() {
    return plan;
  }

  /** Bytes allocated. */
  public long bytes() {
    return slab.bytes();
  }

  /** Whether the system accepted to back the workspace with huge pages. */
  public boolean hugePages() {
    return slab.hugePages();
  }

  /** Gives the memory back; the views then throw {@link IllegalStateException}. */
  @Override
  public void close() {
    slab.close();
  }
}
