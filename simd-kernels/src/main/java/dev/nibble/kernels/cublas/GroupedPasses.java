package dev.nibble.kernels.cublas;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.ConvolutionEnds;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.Partials;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.cublas.DevicePlan.Placement;
import java.lang.foreign.MemorySegment;

/**
 * A shard's passes, group by group of pictures: the CPU fills a slot, the device copies, multiplies
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
      int shard,
      int from,
      int to,
      float[] scratch) {
    ends.startForward(args, shard, from, to, scratch);
    ConvolutionGrid grid = place.grid();
    int groups = groups(place, from, to);
    for (int i = 0; i < groups + DevicePlan.SLOTS; i++) {
      int back = i - DevicePlan.SLOTS;
      if (back >= 0 && back < groups) {
        int first = from + back * place.pictures();
        lane.await(slot(back));
        storeOutputs(lane, place, args, shard, from, first, to, slot(back), scratch);
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
      int shard,
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
      ends.storeOutput(args, shard, first + i, first + i == from, scratch);
    }
  }

  void backward(
      Lane lane,
      Placement place,
      DevicePointer weights,
      long weightsAt,
      BackwardArgs args,
      int shard,
      int from,
      int to,
      float[] scratch) {
    ends.startBackward(args, shard, from, to, scratch);
    ConvolutionGrid grid = place.grid();
    boolean through = args.dx() != null || args.stage().activation().normalize();
    int groups = groups(place, from, to);
    for (int i = 0; i < groups + DevicePlan.SLOTS; i++) {
      int back = i - DevicePlan.SLOTS;
      if (back >= 0 && back < groups) {
        int first = from + back * place.pictures();
        lane.await(slot(back));
        if (through) {
          storeGradients(lane, place, args, shard, first, to, slot(back), scratch);
        }
      }
      if (i < groups) {
        int first = from + i * place.pictures();
        int pictures = Math.min(place.pictures(), to - first);
        loadGradients(lane, grid, args, shard, first, pictures, slot(i), scratch);
        lane.send(slot(i), 4 * (grid.gradientAt(pictures) + grid.gradientFloats(pictures)));
        lane.backwardWeights(slot(i), grid, pictures, i > 0);
        if (through) {
          lane.backwardData(slot(i), grid, pictures, weights, weightsAt);
        }
        lane.receive(slot(i), through ? 4 * grid.activationFloats(pictures) : 0);
      }
    }
    storeWeights(lane, grid, args, shard, groups);
    ends.endBackward(args, shard, scratch);
  }

  private void loadGradients(
      Lane lane,
      ConvolutionGrid grid,
      BackwardArgs args,
      int shard,
      int first,
      int pictures,
      int slot,
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
      ends.loadGradient(args, shard, first + i, scratch);
      GridCopies.writeGradient(grid, scratch, dy, dyRow, staging, gradient, i);
      ends.restoreActivation(args, first + i, scratch);
      GridCopies.writePlanes(grid, scratch, restored, row, staging, planes, pictures, i);
    }
  }

  private void storeGradients(
      Lane lane,
      Placement place,
      BackwardArgs args,
      int shard,
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
      ends.storeGradient(args, shard, first + i, scratch);
    }
  }

  private static void storeWeights(
      Lane lane, ConvolutionGrid grid, BackwardArgs args, int shard, int groups) {
    long region = shard * Partials.gradientBytes(args.stage());
    long bytes = grid.weightBytes();
    if (groups == 0) {
      args.gradients().asSlice(region, bytes).fill((byte) 0);
      return;
    }
    lane.receiveGradient(bytes);
    MemorySegment.copy(
        lane.staging(), JAVA_BYTE, lane.gradient(), args.gradients(), JAVA_BYTE, region, bytes);
  }
}
