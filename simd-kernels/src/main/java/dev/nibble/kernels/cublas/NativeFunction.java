package dev.nibble.kernels.cublas;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * A C function that returns a status; pointers are {@code long}. A {@code call} allocates nothing.
 *
 * @param name as the library exports it
 * @param handle calls it
 */
record NativeFunction(String name, MethodHandle handle) {
  int call(int a) {
    try {
      return (int) handle.invokeExact(a);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  int call(long a) {
    try {
      return (int) handle.invokeExact(a);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  int call(long a, int b) {
    try {
      return (int) handle.invokeExact(a, b);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  int call(int a, long b) {
    try {
      return (int) handle.invokeExact(a, b);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  int call(long a, long b) {
    try {
      return (int) handle.invokeExact(a, b);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  int call(long a, int b, int c) {
    try {
      return (int) handle.invokeExact(a, b, c);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  int call(long a, long b, int c) {
    try {
      return (int) handle.invokeExact(a, b, c);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  int call(long a, long b, long c) {
    try {
      return (int) handle.invokeExact(a, b, c);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  int call(long a, long b, long c, long d) {
    try {
      return (int) handle.invokeExact(a, b, c, d);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** What no call throws: the linker checks arguments when a handle is made. */
  static RuntimeException unexpected(Throwable e) {
    if (e instanceof RuntimeException runtime) {
      return runtime;
    }
    if (e instanceof Error error) {
      throw error;
    }
    return new IllegalStateException(e);
  }

  /** The text at an address that a library returned, up to its NUL; empty for a null pointer. */
  @SuppressWarnings("restricted") // a library's own constant or buffer, which ends with a NUL
  static String text(long address) {
    return address == 0
        ? ""
        : MemorySegment.ofAddress(address).reinterpret(Integer.MAX_VALUE).getString(0);
  }
}
