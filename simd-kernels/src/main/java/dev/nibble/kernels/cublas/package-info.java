/**
 * The kernel table whose convolutions' matrix products run on an NVIDIA GPU, through the CUDA
 * driver API and cuBLAS, both called with the Foreign Function and Memory API.
 */
@NullMarked
package dev.nibble.kernels.cublas;

import org.jspecify.annotations.NullMarked;
