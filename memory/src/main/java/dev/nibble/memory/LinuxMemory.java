package dev.nibble.memory;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.io.Serial;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.NoSuchElementException;
import org.jspecify.annotations.Nullable;

/**
 * Memory mapped straight from Linux, because only that can be advised to use huge pages: what an
 * arena allocates comes from malloc, at no useful alignment.
 */
final class LinuxMemory {
  /** What transparent huge pages are on x86-64, and on AArch64 with pages of 4 KiB. */
  static final long HUGE_PAGE = 2L << 20;

  /** The error that says that there is no memory, not that there can be no mapping. */
  static final int ENOMEM = 12;

  private static final int PROT_READ_WRITE = 1 | 2;
  private static final int MAP_PRIVATE_ANONYMOUS = 0x02 | 0x20;
  private static final int MADV_HUGEPAGE = 14;
  private static final Path HUGE_PAGE_MODE = Path.of("/sys/kernel/mm/transparent_hugepage/enabled");

  private static final StructLayout STATE = Linker.Option.captureStateLayout();
  private static final VarHandle ERRNO = STATE.varHandle(PathElement.groupElement("errno"));

  private final MethodHandle mmap;
  private final MethodHandle munmap;
  private final MethodHandle madvise;
  private final long page;

  /** A mapped region and whether it was promised huge pages. */
  record Region(MemorySegment segment, boolean hugePages) {}

  /** The system refused; carries the reason. */
  static final class MapException extends Exception {
    @Serial private static final long serialVersionUID = 1;

    private final int errno;

    MapException(int errno) {
      super("mmap failed with errno " + errno);
      this.errno = errno;
    }

    int errno() {
      return errno;
    }
  }

  /** Linked at first use, once; null where it can't be. */
  private static final class Linked {
    static final @Nullable LinuxMemory INSTANCE = link();

    private Linked() {}

    private static @Nullable LinuxMemory link() {
      try {
        return new LinuxMemory(Linker.nativeLinker());
      } catch (UnsupportedOperationException | NoSuchElementException | IllegalCallerException e) {
        return null; // a platform without a linker or these functions: plain arenas do
      }
    }
  }

  // Native access is checked by instance(): unchecked, the JVM would print a warning here.
  @SuppressWarnings("restricted")
  private LinuxMemory(Linker linker) {
    SymbolLookup library = linker.defaultLookup();
    mmap =
        linker.downcallHandle(
            library.findOrThrow("mmap"),
            FunctionDescriptor.of(
                JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG),
            Linker.Option.captureCallState("errno"));
    munmap =
        linker.downcallHandle(
            library.findOrThrow("munmap"), FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG));
    madvise =
        linker.downcallHandle(
            library.findOrThrow("madvise"),
            FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT));
    MethodHandle pageSize =
        linker.downcallHandle(library.findOrThrow("getpagesize"), FunctionDescriptor.of(JAVA_INT));
    try {
      page = (int) pageSize.invokeExact();
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** The system's mappings, or null if this is not Linux or the module may not call native code. */
  static @Nullable LinuxMemory instance() {
    boolean possible =
        System.getProperty("os.name", "").equals("Linux")
            && ValueLayout.ADDRESS.byteSize() == Long.BYTES
            && LinuxMemory.class.getModule().isNativeAccessEnabled();
    return possible ? Linked.INSTANCE : null;
  }

  /** Why a region lies in plain pages, and what to do about it. */
  static String whyPlainPages() {
    if (!System.getProperty("os.name", "").equals("Linux")) {
      return "only Linux is asked for them";
    }
    if (!LinuxMemory.class.getModule().isNativeAccessEnabled()) {
      return "native access is off; start java with --enable-native-access=dev.nibble.memory"
          + " (ALL-UNNAMED on the class path)";
    }
    return isTurnedOff()
        ? "the system has them turned off in " + HUGE_PAGE_MODE
        : "the system does not give them";
  }

  /**
   * Maps zeroed memory that starts at a huge page's boundary and lives as long as the arena. Only
   * what is touched becomes resident, and nothing beyond the last page asked for ever does: the
   * surplus that alignment takes is unmapped at once.
   *
   * @throws MapException if the system refuses
   */
  @SuppressWarnings("restricted") // see the constructor
  Region map(long bytes, Arena arena) throws MapException {
    long mapped = map(bytes + HUGE_PAGE);
    long mappedEnd = mapped + roundUp(bytes + HUGE_PAGE, page);
    long start = roundUp(mapped, HUGE_PAGE);
    long end = start + roundUp(bytes, page);
    // What can't be trimmed stays ours, untouched, until the rest is unmapped.
    long from = mapped < start && !unmap(mapped, start - mapped) ? mapped : start;
    long to = end < mappedEnd && !unmap(end, mappedEnd - end) ? mappedEnd : end;
    boolean hugePages = advise(start, end - start) && !isTurnedOff();
    try {
      MemorySegment segment =
          MemorySegment.ofAddress(start).reinterpret(bytes, arena, s -> release(from, to - from));
      return new Region(segment, hugePages);
    } catch (RuntimeException | Error e) {
      unmap(from, to - from);
      throw e;
    }
  }

  private long map(long bytes) throws MapException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(STATE);
      long address =
          (long) mmap.invokeExact(state, 0L, bytes, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0L);
      if (address == -1) {
        throw new MapException((int) ERRNO.get(state, 0L));
      }
      return address;
    } catch (MapException e) {
      throw e;
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  private void release(long address, long bytes) {
    if (!unmap(address, bytes)) {
      throw new IllegalStateException(
          "The system did not take back " + ByteSize.format(bytes) + " of mapped memory.");
    }
  }

  private boolean unmap(long address, long bytes) {
    try {
      return (int) munmap.invokeExact(address, bytes) == 0;
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  private boolean advise(long address, long bytes) {
    try {
      return (int) madvise.invokeExact(address, bytes, MADV_HUGEPAGE) == 0;
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** The advice is accepted, and ignored, even where huge pages are turned off. */
  private static boolean isTurnedOff() {
    try {
      return Files.readString(HUGE_PAGE_MODE).contains("[never]");
    } catch (IOException e) {
      return false; // hidden by a container: then the accepted advice is all there is to know
    }
  }

  private static long roundUp(long value, long step) {
    return (value + step - 1) & -step;
  }

  private static RuntimeException unexpected(Throwable e) {
    if (e instanceof RuntimeException runtime) {
      return runtime;
    }
    if (e instanceof Error error) {
      throw error;
    }
    return new IllegalStateException(e);
  }
}
