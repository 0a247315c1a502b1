package dev.nibble.kernels.cublas;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.Serial;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.NoSuchElementException;

/**
 * The system's dynamic linker. {@link java.lang.foreign.SymbolLookup#libraryLookup} would do, but
 * keeps the linker's words to itself, and they tell what is wrong with a library.
 */
final class DynamicLinker {
  private static final int RTLD_NOW = 2;

  /** Of a {@code Dl_info}: the file's name, where it begins, a symbol's name, where it lies. */
  private static final int INFO_FIELDS = 4;

  private final MethodHandle dlopen;
  private final MethodHandle dlsym;
  private final MethodHandle dlclose;
  private final MethodHandle dlerror;
  private final MethodHandle dladdr;

  /** A library that did not load; the message is the linker's. */
  static final class LoadException extends Exception {
    @Serial private static final long serialVersionUID = 1;

    LoadException(String message) {
      super(message);
    }
  }

  /** Binds the linker's functions; to be called only where native access is allowed. */
  DynamicLinker() throws CudaUnavailableException {
    try {
      dlopen = bind("dlopen", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_INT));
      dlsym = bind("dlsym", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG));
      dlclose = bind("dlclose", FunctionDescriptor.of(JAVA_INT, JAVA_LONG));
      dlerror = bind("dlerror", FunctionDescriptor.of(JAVA_LONG));
      dladdr = bind("dladdr", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG));
    } catch (UnsupportedOperationException | NoSuchElementException e) {
      throw new CudaUnavailableException("this JVM can't load libraries: " + e.getMessage());
    }
  }

  @SuppressWarnings("restricted") // see the constructor
  private static MethodHandle bind(String name, FunctionDescriptor descriptor) {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), descriptor);
  }

  /**
   * Loads a library with all that it needs, for as long as the process runs if it isn't closed.
   *
   * @param name a path, or a name that the linker searches for
   * @throws LoadException if it does not load
   */
  long open(String name) throws LoadException {
    try (Arena arena = Arena.ofConfined()) {
      long text = text(name, arena);
      // Forgets an older error, and links what will ask for the next: both on this thread.
      lastError();
      long library = (long) dlopen.invokeExact(text, RTLD_NOW);
      if (library == 0) {
        String error = lastError();
        throw new LoadException(error.isEmpty() ? name + ": no reason given" : error);
      }
      return library;
    } catch (LoadException e) {
      throw e;
    } catch (Throwable e) {
      throw NativeFunction.unexpected(e);
    }
  }

  /** Gives up a library from which nothing was used. */
  void close(long library) {
    try {
      int ignored = (int) dlclose.invokeExact(library);
    } catch (Throwable e) {
      throw NativeFunction.unexpected(e);
    }
  }

  /** A symbol's address, 0 where the library has none of that name. */
  long symbol(long library, String name) {
    try (Arena arena = Arena.ofConfined()) {
      return (long) dlsym.invokeExact(library, text(name, arena));
    } catch (Throwable e) {
      throw NativeFunction.unexpected(e);
    }
  }

  /** The file that a symbol's address lies in; empty if unknown. */
  String file(long address) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment info = arena.allocate(MemoryLayout.sequenceLayout(INFO_FIELDS, JAVA_LONG));
      boolean known = (int) dladdr.invokeExact(address, info.address()) != 0;
      return known ? NativeFunction.text(info.get(JAVA_LONG, 0)) : "";
    } catch (Throwable e) {
      throw NativeFunction.unexpected(e);
    }
  }

  private String lastError() {
    try {
      return NativeFunction.text((long) dlerror.invokeExact());
    } catch (Throwable e) {
      throw NativeFunction.unexpected(e);
    }
  }

  /** As the system's file names are encoded. */
  private static long text(String text, Arena arena) {
    String encoding = System.getProperty("sun.jnu.encoding", "UTF-8");
    Charset charset =
        Charset.isSupported(encoding) ? Charset.forName(encoding) : StandardCharsets.UTF_8;
    byte[] bytes = text.getBytes(charset);
    MemorySegment segment = arena.allocate(bytes.length + 1L);
    MemorySegment.copy(bytes, 0, segment, JAVA_BYTE, 0, bytes.length);
    return segment.address();
  }
}
