package dev.nibble.kernels.cublas;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.Partials;
import dev.nibble.kernels.ProductOffload;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.cublas.DevicePlan.Placement;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * A leaf's passes, group by group of pictures: the CPU fills a slot, the device copies, multiplies
 * and copies back, and two groups later the CPU takes what came.
 */
final class GroupedPasses {
  private final ProductOffload offload;

  GroupedPasses(ProductOffload offload) {
    this.offload = offload;
  }

  private static int groups(Placement place, int from, int to) {
    return (to - from + place.pictures() - 1) / place.pictures();
  }

  private static int slot(int group) {
    return group % DevicePlan.SLOTS;
  }

  void forward(
      StreamSet set,
      Placement place,
      DevicePointer weights,
      long weightsAt,
      ForwardArgs args,
      int region,
      int from,
      int to,
      float[] scratch) {
    offload.startForward(args, region, from, to, scratch);
    ConvolutionGrid grid = place.grid();
    int groups = groups(place, from, to);
    for (int i = 0; i < groups + DevicePlan.SLOTS; i++) {
      int back = i - DevicePlan.SLOTS;
      if (back >= 0 && back < groups) {
        int first = from + back * place.pictures();
        set.await(slot(back));
        storeOutputs(set, place, args, region, from, first, to, slot(back), scratch);
      }
      if (i < groups) {
        int first = from + i * place.pictures();
        int pictures = Math.min(place.pictures(), to - first);
        loadActivations(set, grid, args, first, pictures, slot(i), scratch);
        set.send(slot(i), 4 * grid.activationFloats(pictures));
        set.forward(slot(i), grid, pictures, weights, weightsAt);
        set.receive(slot(i), 4 * grid.productFloats(pictures));
      }
    }
  }

  private void loadActivations(
      StreamSet set,
      ConvolutionGrid grid,
      ForwardArgs args,
      int first,
      int pictures,
      int slot,
      float[] scratch) {
    Stage stage = args.stage();
    int at = offload.activationAt(stage);
    int row = offload.activationRow(stage);
    for (int i = 0; i < pictures; i++) {
      offload.loadActivation(args, first + i, scratch);
      GridCopies.writePlanes(grid, scratch, at, row, set.staging(), set.in(slot), pictures, i);
    }
  }

  private void storeOutputs(
      StreamSet set,
      Placement place,
      ForwardArgs args,
      int region,
      int from,
      int first,
      int to,
      int slot,
      float[] scratch) {
    Stage stage = args.stage();
    int at = offload.productAt(stage);
    int pixel = offload.productPixel(stage);
    for (int i = 0; i < place.pictures() && first + i < to; i++) {
      GridCopies.readProduct(place.grid(), set.staging(), set.out(slot), i, scratch, at, pixel);
      offload.storeOutput(args, region, first + i, first + i == from, scratch);
    }
  }

  /**
   * Runs a group's backward pass, or one of its two products.
   *
   * @param data whether the input's gradient is made
   * @param weighs whether the weights' gradient is made
   * @param summed whether the output's gradient lies summed in its buffer
   */
  void backward(
      StreamSet set,
      Placement place,
      DevicePointer weights,
      long weightsAt,
      BackwardArgs args,
      int region,
      int from,
      int to,
      boolean data,
      boolean weighs,
      boolean summed,
      float[] scratch) {
    offload.startBackward(args, from, to, scratch);
    if (data) {
      offload.clearSums(args, region);
    }
    ConvolutionGrid grid = place.grid();
    boolean through = data && (args.dx() != null || args.stage().activation().hasParameters());
    int groups = groups(place, from, to);
    for (int i = 0; i < groups + DevicePlan.SLOTS; i++) {
      int back = i - DevicePlan.SLOTS;
      if (back >= 0 && back < groups) {
        int first = from + back * place.pictures();
        set.await(slot(back));
        if (through) {
          storeGradients(set, place, args, region, first, to, slot(back), scratch);
        }
      }
      if (i < groups) {
        int first = from + i * place.pictures();
        int pictures = Math.min(place.pictures(), to - first);
        loadGradients(set, grid, args, first, pictures, slot(i), weighs, summed, scratch);
        set.send(slot(i), 4 * (grid.gradientAt(pictures) + grid.gradientFloats(pictures)));
        if (weighs) {
          set.backwardWeights(slot(i), grid, pictures, i > 0);
        }
        if (through) {
          set.backwardData(slot(i), grid, pictures, weights, weightsAt);
        }
        set.receive(slot(i), through ? 4 * grid.activationFloats(pictures) : 0);
      }
    }
    if (weighs) {
      storeWeights(set, grid, args, region, groups);
      offload.storeBias(args, region, scratch);
    }
  }

  private void loadGradients(
      StreamSet set,
      ConvolutionGrid grid,
      BackwardArgs args,
      int first,
      int pictures,
      int slot,
      boolean weighs,
      boolean summed,
      float[] scratch) {
    Stage stage = args.stage();
    MemorySegment staging = set.staging();
    long planes = set.in(slot);
    long gradient = planes + 4 * grid.gradientAt(pictures);
    int restored = offload.restoredAt(stage);
    int row = offload.activationRow(stage);
    int dy = offload.gradientAt(stage);
    int dyRow = offload.gradientRow(stage);
    for (int i = 0; i < pictures; i++) {
      offload.loadGradient(args, summed, first + i, weighs, scratch);
      GridCopies.writeGradient(grid, scratch, dy, dyRow, staging, gradient, i);
      if (weighs) {
        offload.restoreActivation(args, first + i, scratch);
        GridCopies.writePlanes(grid, scratch, restored, row, staging, planes, pictures, i);
      }
    }
  }

  private void storeGradients(
      StreamSet set,
      Placement place,
      BackwardArgs args,
      int region,
      int first,
      int to,
      int slot,
      float[] scratch) {
    Stage stage = args.stage();
    int at = offload.dataAt(stage);
    int pixel = offload.dataPixel(stage);
    int pictures = Math.min(place.pictures(), to - first);
    for (int i = 0; i < pictures; i++) {
      GridCopies.readPlanes(
          place.grid(), set.staging(), set.out(slot), pictures, i, scratch, at, pixel);
      offload.storeGradient(args, region, first + i, scratch);
    }
  }

  private static void storeWeights(
      StreamSet set, ConvolutionGrid grid, BackwardArgs args, int region, int groups) {
    long at = region * Partials.weightBytes(args.stage());
    MemorySegment gradients = Objects.requireNonNull(args.gradients());
    long bytes = grid.weightBytes();
    if (groups == 0) {
      GridCopies.zero(gradients, at, (int) (bytes / Float.BYTES));
      return;
    }
    set.receiveGradient(bytes);
    MemorySegment.copy(set.staging(), JAVA_BYTE, set.gradient(), gradients, JAVA_BYTE, at, bytes);
  }
}
