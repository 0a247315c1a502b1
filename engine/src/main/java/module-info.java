import org.jspecify.annotations.NullMarked;

/** Decides what is computed, in which order, and where it lies. */
@NullMarked
// "module": the friend that a package is exported to is compiled later; Hardwood's and Micrometer's
// jars have no descriptor.
@SuppressWarnings({"module", "requires-automatic"})
module dev.nibble.engine {
  requires transitive dev.nibble.kernels;
  requires transitive dev.nibble.memory;
  // Not transitive: whoever compiles against this module would need them, too.
  requires static dev.hardwood.core;
  requires static micrometer.core;
  requires static org.jspecify;
  requires java.desktop;
  requires jdk.jfr;

  exports dev.nibble.engine.checkpoint;
  exports dev.nibble.engine.collective;
  exports dev.nibble.engine.data;
  exports dev.nibble.engine.data.loading;
  exports dev.nibble.engine.data.sources;
  exports dev.nibble.engine.data.views;
  exports dev.nibble.engine.exchange;
  exports dev.nibble.engine.exchange.onnx;
  exports dev.nibble.engine.gradients;
  exports dev.nibble.engine.infer;
  exports dev.nibble.engine.metrics;
  exports dev.nibble.engine.model;
  exports dev.nibble.engine.network;
  exports dev.nibble.engine.optim;
  exports dev.nibble.engine.tensorboard;
  exports dev.nibble.engine.train;

  // Not for users: the samples read and write JSON with it.
  exports dev.nibble.engine.json to
      dev.nibble.samples;

  uses dev.nibble.engine.data.DataFormat;

  provides dev.nibble.engine.data.DataFormat with
      dev.nibble.engine.data.parquet.ParquetFormat;
}
