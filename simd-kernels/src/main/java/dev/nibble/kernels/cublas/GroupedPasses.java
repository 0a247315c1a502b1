package dev.nibble.kernels.cublas;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.ConvolutionEnds;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.Partials;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.cublas.DevicePlan.Placement;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * A leaf's passes, group by group of pictures: the CPU fills a slot, the device copies, multiplies
 * and copies back, and two groups later the CPU takes what came.
 */
final class GroupedPasses {
  private final ConvolutionEnds ends;

  GroupedPasses(ConvolutionEnds ends) {
    this.ends = ends;
  }

  private static int groups(Placement place, int from, int to) {
    return (to - from + place.pictures() - 1) / place.pictures();
  }

  private static int slot(int group) {
    return group % DevicePlan.SLOTS;
  }

  void forward(
      Lane lane,
      Placement place,
      DevicePointer weights,
      long weightsAt,
      ForwardArgs args,
      int region,
      int from,
      int to,
      float[] scratch) {
    ends.startForward(args, region, from, to, scratch);
    ConvolutionGrid grid = place.grid();
    int groups = groups(place, from, to);
    for (int i = 0; i < groups + DevicePlan.SLOTS; i++) {
      int back = i - DevicePlan.SLOTS;
      if (back >= 0 && back < groups) {
        int first = from + back * place.pictures();
        lane.await(slot(back));
        storeOutputs(lane, place, args, region, from, first, to, slot(back), scratch);
      }
      if (i < groups) {
        int first = from + i * place.pictures();
        int pictures = Math.min(place.pictures(), to - first);
        loadActivations(lane, grid, args, first, pictures, slot(i), scratch);
        lane.send(slot(i), 4 * grid.activationFloats(pictures));
        lane.forward(slot(i), grid, pictures, weights, weightsAt);
        lane.receive(slot(i), 4 * grid.productFloats(pictures));
      }
    }
  }

  private void loadActivations(
      Lane lane,
      ConvolutionGrid grid,
      ForwardArgs args,
      int first,
      int pictures,
      int slot,
      float[] scratch) {
    Stage stage = args.stage();
    int at = ends.activationAt(stage);
    int row = ends.activationRow(stage);
    for (int i = 0; i < pictures; i++) {
      ends.loadActivation(args, first + i, scratch);
      GridCopies.writePlanes(grid, scratch, at, row, lane.staging(), lane.in(slot), pictures, i);
    }
  }

  private void storeOutputs(
      Lane lane,
      Placement place,
      ForwardArgs args,
      int region,
      int from,
      int first,
      int to,
      int slot,
      float[] scratch) {
    Stage stage = args.stage();
    int at = ends.productAt(stage);
    int pixel = ends.productPixel(stage);
    for (int i = 0; i < place.pictures() && first + i < to; i++) {
      GridCopies.readProduct(place.grid(), lane.staging(), lane.out(slot), i, scratch, at, pixel);
      ends.storeOutput(args, region, first + i, first + i == from, scratch);
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
      Lane lane,
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
    ends.startBackward(args, from, to, scratch);
    if (data) {
      ends.clearSums(args, region);
    }
    ConvolutionGrid grid = place.grid();
    boolean through = data && (args.dx() != null || args.stage().activation().hasParameters());
    int groups = groups(place, from, to);
    for (int i = 0; i < groups + DevicePlan.SLOTS; i++) {
      int back = i - DevicePlan.SLOTS;
      if (back >= 0 && back < groups) {
        int first = from + back * place.pictures();
        lane.await(slot(back));
        if (through) {
          storeGradients(lane, place, args, region, first, to, slot(back), scratch);
        }
      }
      if (i < groups) {
        int first = from + i * place.pictures();
        int pictures = Math.min(place.pictures(), to - first);
        loadGradients(lane, grid, args, first, pictures, slot(i), weighs, summed, scratch);
        lane.send(slot(i), 4 * (grid.gradientAt(pictures) + grid.gradientFloats(pictures)));
        if (weighs) {
          lane.backwardWeights(slot(i), grid, pictures, i > 0);
        }
        if (through) {
          lane.backwardData(slot(i), grid, pictures, weights, weightsAt);
        }
        lane.receive(slot(i), through ? 4 * grid.activationFloats(pictures) : 0);
      }
    }
    if (weighs) {
      storeWeights(lane, grid, args, region, groups);
      ends.storeBias(args, region, scratch);
    }
  }

  private void loadGradients(
      Lane lane,
      ConvolutionGrid grid,
      BackwardArgs args,
      int first,
      int pictures,
      int slot,
      boolean weighs,
      boolean summed,
      float[] scratch) {
    Stage stage = args.stage();
    MemorySegment staging = lane.staging();
    long planes = lane.in(slot);
    long gradient = planes + 4 * grid.gradientAt(pictures);
    int restored = ends.restoredAt(stage);
    int row = ends.activationRow(stage);
    int dy = ends.gradientAt(stage);
    int dyRow = ends.gradientRow(stage);
    for (int i = 0; i < pictures; i++) {
      ends.loadGradient(args, summed, first + i, weighs, scratch);
      GridCopies.writeGradient(grid, scratch, dy, dyRow, staging, gradient, i);
      if (weighs) {
        ends.restoreActivation(args, first + i, scratch);
        GridCopies.writePlanes(grid, scratch, restored, row, staging, planes, pictures, i);
      }
    }
  }

  private void storeGradients(
      Lane lane,
      Placement place,
      BackwardArgs args,
      int region,
      int first,
      int to,
      int slot,
      float[] scratch) {
    Stage stage = args.stage();
    int at = ends.dataAt(stage);
    int pixel = ends.dataPixel(stage);
    int pictures = Math.min(place.pictures(), to - first);
    for (int i = 0; i < pictures; i++) {
      GridCopies.readPlanes(
          place.grid(), lane.staging(), lane.out(slot), pictures, i, scratch, at, pixel);
      ends.storeGradient(args, region, first + i, scratch);
    }
  }

  private static void storeWeights(
      Lane lane, ConvolutionGrid grid, BackwardArgs args, int region, int groups) {
    long at = region * Partials.weightBytes(args.stage());
    MemorySegment gradients = Objects.requireNonNull(args.gradients());
    long bytes = grid.weightBytes();
    if (groups == 0) {
      GridCopies.zero(gradients, at, (int) (bytes / Float.BYTES));
      return;
    }
    lane.receiveGradient(bytes);
    MemorySegment.copy(lane.staging(), JAVA_BYTE, lane.gradient(), gradients, JAVA_BYTE, at, bytes);
  }
}
