package dev.nibble.kernels.cublas;

import java.util.Objects;

/**
 * Memory of a device. Not a {@link java.lang.foreign.MemorySegment}, since reading it from Java
 * would end the JVM.
 *
 * @param address where it begins in the device's address space
 * @param bytes how long it is
 */
record DevicePointer(long address, long bytes) {
  /** The device's address of a range in it, checked. */
  long at(long offset, long length) {
    Objects.checkFromIndexSize(offset, length, bytes);
    return address + offset;
  }
}
