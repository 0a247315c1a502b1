package dev.nibble.engine.exchange.onnx.model;

/** Values that lie in no file: they were computed of a few that do. */
final class ComputedValues implements ValueReader {
  private final double[] values;
  private int read;

  ComputedValues(double[] values) {
    this.values = values;
  }

  @Override
  public void floats(float[] target, int at, int count) {
    for (int i = 0; i < count; i++) {
      target[at + i] = (float) values[read++];
    }
  }

  @Override
  public void integers(long[] target, int at, int count) {
    for (int i = 0; i < count; i++) {
      target[at + i] = (long) values[read++];
    }
  }
}
