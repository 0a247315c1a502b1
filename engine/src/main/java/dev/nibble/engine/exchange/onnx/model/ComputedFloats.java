package dev.nibble.engine.exchange.onnx.model;

/** Values that lie in no file: they were computed of many that do. */
final class ComputedFloats implements ValueReader {
  private final float[] values;
  private int read;

  ComputedFloats(float[] values) {
    this.values = values;
  }

  @Override
  public void floats(float[] target, int at, int count) {
    System.arraycopy(values, read, target, at, count);
    read += count;
  }

  @Override
  public void integers(long[] target, int at, int count) {
    for (int i = 0; i < count; i++) {
      target[at + i] = (long) values[read++];
    }
  }
}
