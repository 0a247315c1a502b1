package dev.nibble.kernels;

/** Kernels that compute on the CPU and can serve as the host's part of a device's. */
public interface HostKernels extends Kernels {
  /** The ends of a convolution's stage, around products that are made elsewhere. */
  ProductOffload offload();
}
