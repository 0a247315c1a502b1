package dev.nibble.kernels.cublas;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.util.Optional;

/**
 * A library that was loaded, and stays so for as long as the process runs.
 *
 * @param name as it was loaded: a path, or a name that the linker found
 */
record NativeLibrary(String name, long handle, DynamicLinker linker) implements SymbolLookup {
  static NativeLibrary open(String name, DynamicLinker linker) throws DynamicLinker.LoadException {
    return new NativeLibrary(name, linker.open(name), linker);
  }

  @Override
  public Optional<MemorySegment> find(String symbol) {
    long address = linker.symbol(handle, symbol);
    return address == 0 ? Optional.empty() : Optional.of(MemorySegment.ofAddress(address));
  }

  /** The file that it was loaded from, found through one of its symbols. */
  String path(String symbol) {
    String file = find(symbol).map(address -> linker.file(address.address())).orElse("");
    return file.isEmpty() ? name : file;
  }

  /** Unloads a library from which nothing was used. */
  void giveUp() {
    linker.close(handle);
  }
}
