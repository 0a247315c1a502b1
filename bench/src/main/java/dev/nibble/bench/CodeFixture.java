package dev.nibble.bench;

import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.Operator.Resample;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.kernels.vector.activation.StoreLoops;

/** Random activations of a stage of 16 channels and their copy, run on the calling thread. */
final class CodeFixture implements AutoCloseable {
  /** One picture. */
  static final FeatureMap MAP = new FeatureMap(32, 32, 16);

  private final StageFixture stage;
  private final ForwardArgs args;
  private final float[] scratch;
  private final int pictures;

  CodeFixture(Kernels kernels, StoreFormat store, int pictures) {
    this.pictures = pictures;
    this.stage = new StageFixture(kernels, Resample.identity(MAP), store, pictures);
    this.args = stage.forwardArgs();
    this.scratch = new float[StoreLoops.scratchFloats(args.stage())];
  }

  /** Bytes that either loop moves between memory and core: fp32 values read and codes written. */
  static double packedBytes(StoreFormat store, int pictures) {
    return (double) pictures * (MAP.bytes() + store.bytes(MAP));
  }

  /** Bytes of codes that unpacking reads; the restored tile stays in the cache. */
  static double unpackedBytes(StoreFormat store, int pictures) {
    return (double) pictures * store.bytes(MAP);
  }

  /** Normalises and codes every picture; returns a value of the last activation. */
  float pack() {
    StoreLoops.pack(args, 0, pictures, scratch);
    return scratch[at()];
  }

  /** Restores every picture; returns a value of the last one. */
  float unpack() {
    StoreLoops.unpack(args, 0, pictures, scratch);
    return scratch[at()];
  }

  ForwardArgs args() {
    return args;
  }

  /** A value of the last picture, as the last call left it. */
  float activation(int index) {
    return scratch[at() + index];
  }

  private int at() {
    Stage described = args.stage();
    return StoreLoops.activation(described);
  }

  @Override
  public void close() {
    stage.close();
  }
}
