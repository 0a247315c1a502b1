package dev.nibble.kernels.cublas;

import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.Workload;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a workload's convolutions need on the device and in staging, known before any of it exists.
 *
 * <p>Every set of streams, one a thread, has two slots: buffers for a group of pictures on its way
 * in and for its products on their way out, on the device and in staging alike. While one slot's
 * group is multiplied, the other's is copied.
 */
final class DevicePlan {
  /** Slots of a set of streams. */
  static final int SLOTS = 2;

  /** A group is no larger: beyond some MiB, a copy gets no faster. */
  private static final long GROUP_BYTES = 4 << 20;

  private static final long ALIGNMENT = 256;

  /**
   * A convolution on the device.
   *
   * @param grid how its pictures lie
   * @param pictures of a full group
   */
  record Placement(ConvolutionGrid grid, int pictures) {
    long inBytes() {
      return grid.inBytes(pictures);
    }

    long outBytes() {
      return grid.outBytes(pictures);
    }

    /** What a set of streams needs for this convolution alone. */
    private long setBytes() {
      return SLOTS * (inBytes() + outBytes()) + grid.weightBytes();
    }
  }

  private final Workload workload;
  private final Map<Operator, Placement> placements = new LinkedHashMap<>();
  private final Set<Operator> onHost;

  private DevicePlan(Workload workload, Set<Operator> onHost) {
    this.workload = workload;
    this.onHost = onHost;
    // Two groups a shard at least, so that there is something to overlap.
    int most = (workload.picturesPerShard() + 1) / 2;
    for (Stage stage : workload.stages()) {
      if (stage.operator() instanceof Convolution op
          && ConvolutionGrid.covers(op)
          && !onHost.contains(op)) {
        ConvolutionGrid grid = new ConvolutionGrid(op);
        long picture = Math.max(grid.inBytes(1), grid.outBytes(1));
        placements.put(op, new Placement(grid, Math.clamp(GROUP_BYTES / picture, 1, most)));
      }
    }
  }

  /** Everything on the device. */
  static DevicePlan of(Workload workload) {
    return new DevicePlan(workload, Set.of());
  }

  /** The same with the convolution that needs most of the device left to the CPU. */
  DevicePlan withoutLargest() {
    Set<Operator> others = new HashSet<>(onHost);
    placements.values().stream()
        .max(Comparator.comparingLong(Placement::setBytes))
        .ifPresent(largest -> others.add(largest.grid().op()));
    return new DevicePlan(workload, others);
  }

  /** Where a convolution is computed; null for the CPU. */
  @Nullable Placement find(Operator operator) {
    return placements.get(operator);
  }

  /** Whether a convolution was left to the CPU. */
  boolean isOnHost(Operator operator) {
    return onHost.contains(operator);
  }

  /** Different convolutions on the device. */
  Collection<Placement> placements() {
    return placements.values();
  }

  /** Different convolutions left to the CPU. */
  int countOnHost() {
    return onHost.size();
  }

  /** Whether there are backward passes, too. */
  boolean trains() {
    return workload.trains();
  }

  /** Sets of streams: threads that compute at the same time. */
  int sets() {
    return workload.threads();
  }

  /** Bytes of a slot's buffer on the way in. */
  long inBytes() {
    return aligned(placements.values().stream().mapToLong(Placement::inBytes).max().orElse(0));
  }

  /** Bytes of a slot's buffer on the way out. */
  long outBytes() {
    return aligned(placements.values().stream().mapToLong(Placement::outBytes).max().orElse(0));
  }

  /** Bytes of a set's gradient of the weights. */
  long gradientBytes() {
    return aligned(
        placements.values().stream().mapToLong(p -> p.grid().weightBytes()).max().orElse(0));
  }

  /**
   * Bytes of staging that a set of streams has: what it has on the device, but for the workspace.
   */
  long setBytes() {
    return SLOTS * (inBytes() + outBytes()) + gradientBytes();
  }

  /** Bytes of staging in all. */
  long stagingBytes() {
    return sets() * setBytes();
  }

  /** Sets of weights on the device. */
  int weightCount() {
    return (int) workload.stages().stream().filter(s -> find(s.operator()) != null).count();
  }

  /** Bytes of all weights on the device. */
  long weightBytes() {
    return workload.stages().stream()
        .filter(s -> find(s.operator()) != null)
        .mapToLong(s -> DeviceWeights.bytes(4L * s.operator().weights()))
        .sum();
  }

  private static long aligned(long bytes) {
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }
}
