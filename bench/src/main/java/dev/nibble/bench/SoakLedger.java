package dev.nibble.bench;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * What a service has acknowledged about its examples, to be compared with what it holds after it
 * was killed. A request without an answer may have been done or not; either is right then.
 */
final class SoakLedger {
  /** Stands for the label of an example that is deleted. */
  static final String DELETED = "";

  private final Map<Long, Entry> entries = new HashMap<>();

  /** Examples that no request is about, to choose from. */
  private final List<Long> idle = new ArrayList<>();

  private int unanswered;
  private final Counts counts = new Counts();

  /** What came of it all. */
  static final class Counts {
    long added;
    long relabelled;
    long deleted;
    long lost;
    long wrong;
    long returned;
    long strange;

    boolean isGood() {
      return lost + wrong + returned + strange == 0;
    }
  }

  /** An example. */
  private static final class Entry {
    /** Of its picture; negative where nobody knows it, because its addition was never answered. */
    private final long seed;

    private String label;

    /** What it may be instead, after a request without an answer. */
    private @Nullable String other;

    private Entry(long seed, String label) {
      this.seed = seed;
      this.label = label;
    }
  }

  synchronized void added(long id, long seed, String label) {
    entries.put(id, new Entry(seed, label));
    idle.add(id);
    counts.added++;
  }

  /** An example whose addition was not answered may be there. */
  synchronized void addedPerhaps() {
    unanswered++;
  }

  /** Takes an example for a request of one's own, or null if there is none. */
  synchronized @Nullable Long take(SplittableRandom random) {
    if (idle.isEmpty()) {
      return null;
    }
    int at = random.nextInt(idle.size());
    Long id = idle.get(at);
    idle.set(at, idle.getLast());
    idle.removeLast();
    return id;
  }

  /** Gives back an example about which nothing has changed. */
  synchronized void unchanged(long id) {
    idle.add(id);
  }

  /** The service has said that an example has that label now, or is deleted. */
  synchronized void changed(long id, String label) {
    Entry entry = entry(id);
    entry.label = label;
    if (label.equals(DELETED)) {
      counts.deleted++;
    } else {
      counts.relabelled++;
      idle.add(id);
    }
  }

  /** That was asked for, but not answered. It is not taken again before the next comparison. */
  synchronized void changedPerhaps(long id, String label) {
    entry(id).other = label;
  }

  private Entry entry(long id) {
    Entry entry = entries.get(id);
    if (entry == null) {
      throw new IllegalStateException("There is no example " + id);
    }
    return entry;
  }

  /** The seed of an example's picture, or a negative number if it is not known. */
  synchronized long seed(long id) {
    Entry entry = entries.get(id);
    return entry == null ? -1 : entry.seed;
  }

  synchronized int size() {
    return idle.size();
  }

  /** Compares with all examples that the service lists, and goes on from there. */
  synchronized void compare(Map<Long, String> listed) {
    Set<Long> unknown = new HashSet<>(listed.keySet());
    idle.clear();
    entries.forEach(
        (id, entry) -> {
          String now = listed.getOrDefault(id, DELETED);
          unknown.remove(id);
          if (!now.equals(entry.label) && !now.equals(entry.other)) {
            if (now.equals(DELETED)) {
              counts.lost++;
            } else if (entry.label.equals(DELETED)) {
              counts.returned++;
            } else {
              counts.wrong++;
            }
          }
          entry.label = now;
          entry.other = null;
          if (!now.equals(DELETED)) {
            idle.add(id);
          }
        });
    counts.strange += Math.max(0, unknown.size() - unanswered);
    unanswered = 0;
    for (Long id : unknown) {
      entries.put(id, new Entry(-1, listed.getOrDefault(id, DELETED)));
      idle.add(id);
    }
  }

  synchronized void pictureIsWrong() {
    counts.wrong++;
  }

  Counts counts() {
    return counts;
  }
}
