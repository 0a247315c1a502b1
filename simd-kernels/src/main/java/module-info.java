import org.jspecify.annotations.NullMarked;

/** Pure functions over memory; what a device's table holds belongs to its session. */
@NullMarked
module dev.nibble.kernels {
  requires jdk.incubator.vector;
  requires static java.management;
  requires static jdk.management;
  requires static org.jspecify;

  exports dev.nibble.kernels;
  exports dev.nibble.kernels.cublas;
  exports dev.nibble.kernels.provider;
}
