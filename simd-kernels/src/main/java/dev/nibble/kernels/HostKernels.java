package dev.nibble.kernels;

/** A table that computes on the CPU and can serve as the host's part of a device's table. */
public interface HostKernels extends Kernels {
  /** The ends of a convolution's stage, around products that are made elsewhere. */
  ProductOffload offload();
}
