package dev.nibble.engine.plan;

import dev.nibble.engine.plan.Buffer.Kind;
import dev.nibble.engine.plan.StageGraph.Node;
import dev.nibble.engine.plan.StageGraph.View;
import dev.nibble.kernels.ChannelTable;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;

/**
 * Bytes moved and the least bytes, by the kind of buffer, as one pass after the other adds them.
 */
final class TrafficCount {
  private final Map<Kind, Long> moved = new EnumMap<>(Kind.class);
  private final Map<Kind, Long> minimum = new EnumMap<>(Kind.class);

  long moved() {
    return sum(moved);
  }

  long moved(Kind kind) {
    return moved.getOrDefault(kind, 0L);
  }

  long minimum() {
    return sum(minimum);
  }

  long minimum(Kind kind) {
    return minimum.getOrDefault(kind, 0L);
  }

  private static long sum(Map<Kind, Long> bytes) {
    return bytes.values().stream().mapToLong(Long::longValue).sum();
  }

  /** Starts counting a pass. */
  Pass pass() {
    return new Pass();
  }

  /** One stage in one direction: the least counts what it reads again once. */
  final class Pass {
    private final Map<Object, Long> read = new HashMap<>();

    void read(Buffer buffer, long bytes) {
      read(buffer, buffer.kind(), bytes, 1);
    }

    /** A view's table, which every leaf copies. */
    void readTable(View view, int leaves) {
      read(view, Kind.OTHER, ChannelTable.bytes(view.map().channels()), leaves);
    }

    /** A part of the weights' buffer. */
    void readValues(Node node, long bytes) {
      read(node, Kind.WEIGHTS, bytes, 1);
    }

    /** What no other plan would read: it counts as moved only. */
    void readAgain(Kind kind, long bytes) {
      moved.merge(kind, bytes, Long::sum);
    }

    void write(Buffer buffer, long bytes) {
      write(buffer.kind(), bytes);
    }

    void writeTable(View view) {
      write(Kind.OTHER, ChannelTable.bytes(view.map().channels()));
    }

    private void write(Kind kind, long bytes) {
      moved.merge(kind, bytes, Long::sum);
      minimum.merge(kind, bytes, Long::sum);
    }

    private void read(Object what, Kind kind, long bytes, int walks) {
      moved.merge(kind, bytes * walks, Long::sum);
      Long before = read.get(what);
      long known = before == null ? 0 : before;
      if (bytes > known) {
        read.put(what, bytes);
        minimum.merge(kind, bytes - known, Long::sum);
      }
    }
  }
}
