package dev.nibble.bench;

import dev.nibble.kernels.Operator;
import dev.nibble.kernels.StoreFormat;

/**
 * What a stage's pass has to do, whatever algorithm does it.
 *
 * @param flops floating-point operations of the direct algorithm, two a multiply-add; batch norm,
 *     ReLU and codes are not counted, as in every such figure
 * @param bytes what must pass between memory and core: every activation, gradient and stored copy
 *     once; weights and sums are not counted, since they do not grow with the batch
 */
record StageWork(double flops, double bytes) {
  /** Of the pass with this name: forward or backward. */
  static StageWork of(Operator operator, StoreFormat store, String pass, int batch) {
    return switch (pass) {
      case "forward" -> forward(operator, store, batch);
      case "backward" -> backward(operator, store, batch);
      default -> throw new IllegalArgumentException("A pass is forward or backward, not " + pass);
    };
  }

  /** Forward: reads the input, writes the stored copy and the output. */
  static StageWork forward(Operator operator, StoreFormat store, int batch) {
    double flops = 2.0 * operator.multiplyAdds() * batch;
    long bytes = operator.input().bytes() + store.bytes(operator.input());
    return new StageWork(flops, (double) batch * (bytes + operator.output().bytes()));
  }

  /**
   * Backward: reads the output's gradient and the stored copy (or the kept input), writes the
   * input's gradient where one is asked for.
   */
  static StageWork backward(Operator operator, StoreFormat store, int batch) {
    boolean through = StageFixture.needsInputGradient(operator, store);
    long in = operator.input().bytes();
    long bytes = operator.output().bytes();
    bytes += store == StoreFormat.KEPT ? in : store.bytes(operator.input());
    bytes += through ? in : 0;
    return new StageWork(
        (through ? 4.0 : 2.0) * operator.multiplyAdds() * batch, (double) batch * bytes);
  }
}
