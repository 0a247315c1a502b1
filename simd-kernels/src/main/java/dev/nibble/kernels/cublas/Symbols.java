package dev.nibble.kernels.cublas;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/**
 * Finds a library's functions and makes handles for them.
 *
 * @param library the library's name or path, for people
 * @param lookup its symbols
 * @param advice what to do where one is missing
 */
record Symbols(String library, SymbolLookup lookup, String advice) {
  /**
   * A function that returns a status.
   *
   * @throws CudaUnavailableException if the library lacks it
   */
  NativeFunction function(String name, MemoryLayout... arguments) throws CudaUnavailableException {
    MemorySegment address =
        lookup
            .find(name)
            .orElseThrow(
                () ->
                    new CudaUnavailableException(
                        "%s lacks %s: %s".formatted(library, name, advice)));
    return new NativeFunction(name, handle(address, FunctionDescriptor.of(JAVA_INT, arguments)));
  }

  /** A function that a library may lack. */
  Optional<MethodHandle> optional(String name, FunctionDescriptor descriptor) {
    return lookup.find(name).map(address -> handle(address, descriptor));
  }

  @SuppressWarnings("restricted") // whoever loads a library checks that native access is allowed
  private static MethodHandle handle(MemorySegment address, FunctionDescriptor descriptor) {
    return Linker.nativeLinker().downcallHandle(address, descriptor);
  }
}
