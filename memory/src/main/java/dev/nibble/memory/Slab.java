package dev.nibble.memory;

import java.lang.System.Logger.Level;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * One zeroed, aligned region outside the heap, paid for by an account.
 *
 * <p>Any thread may use it; an access after {@link #close} throws {@link IllegalStateException},
 * whichever thread closed it and when. Closing stops all threads for a moment: keep slabs few and
 * long-lived.
 */
public final class Slab implements AutoCloseable {
  /** Every slab starts at a multiple of this and is a multiple of it long, in bytes. */
  public static final long ALIGNMENT = 64;

  private final MemoryAccount account;
  private final String purpose;
  private final Arena arena;
  private final MemorySegment segment;
  private final boolean hugePages;
  private boolean closed;

  private Slab(
      MemoryAccount account,
      String purpose,
      Arena arena,
      MemorySegment segment,
      boolean hugePages) {
    this.account = account;
    this.purpose = purpose;
    this.arena = arena;
    this.segment = segment;
    this.hugePages = hugePages;
  }

  /**
   * Reserves {@link #sizeFor} that many bytes in the account, then allocates them, in huge pages
   * where the system gives them.
   *
   * @throws MemoryLimitException if the account or the operating system has less free
   * @throws IllegalArgumentException if {@code bytes} is negative or within 64 of 8 EiB
   * @throws IllegalStateException if the account is closed
   */
  @SuppressWarnings("MustBeClosedChecker") // the slab owns the arena, and closes it
  public static Slab allocate(MemoryAccount account, long bytes, String purpose) {
    long size = sizeFor(bytes);
    account.reserve(size, purpose);
    Arena arena = Arena.ofShared();
    try {
      Slab mapped = size < LinuxMemory.HUGE_PAGE ? null : map(account, size, purpose, arena);
      if (size >= LinuxMemory.HUGE_PAGE && (mapped == null || !mapped.hugePages)) {
        logPlainPages(size, purpose);
      }
      if (mapped != null) {
        return mapped;
      }
      return new Slab(account, purpose, arena, arena.allocate(size, ALIGNMENT), false);
    } catch (OutOfMemoryError | LinuxMemory.MapException e) {
      arena.close();
      account.release(size, purpose);
      throw refused(account, size, purpose, e);
    } catch (RuntimeException | Error e) {
      arena.close();
      account.release(size, purpose);
      throw e;
    }
  }

  /**
   * Bytes that a slab takes: those asked for, rounded up to {@link #ALIGNMENT}.
   *
   * @throws IllegalArgumentException if {@code bytes} is negative or within 64 of 8 EiB
   */
  public static long sizeFor(long bytes) {
    if (bytes < 0 || bytes > Long.MAX_VALUE - ALIGNMENT) {
      throw new IllegalArgumentException(
          "A size must lie between 0 and 8 EiB, but is " + bytes + " bytes.");
    }
    return (bytes + ALIGNMENT - 1) & -ALIGNMENT;
  }

  /** Null if there can be no mapping here, so that a plain arena has to do. */
  private static @Nullable Slab map(MemoryAccount account, long size, String purpose, Arena arena)
      throws LinuxMemory.MapException {
    LinuxMemory system = LinuxMemory.instance();
    if (system == null) {
      return null;
    }
    try {
      LinuxMemory.Region region = system.map(size, arena);
      return new Slab(account, purpose, arena, region.segment(), region.hugePages());
    } catch (LinuxMemory.MapException e) {
      if (e.errno() == LinuxMemory.ENOMEM) {
        throw e;
      }
      return null;
    }
  }

  private static void logPlainPages(long size, String purpose) {
    System.Logger logger = System.getLogger("dev.nibble.memory");
    if (logger.isLoggable(Level.DEBUG)) {
      logger.log(
          Level.DEBUG,
          "No huge pages for {0} ({1}): {2}.",
          purpose,
          ByteSize.format(size),
          LinuxMemory.whyPlainPages());
    }
  }

  private static MemoryLimitException refused(
      MemoryAccount account, long size, String purpose, Throwable reason) {
    String message =
        "%s needs %s, which account '%s' allows but the system refuses (%s); ask for less or make"
                .formatted(purpose, MemoryAccount.exact(size), account, reason.getMessage())
            + " more memory available to the process.";
    return new MemoryLimitException(
        message, size, account.available(), account.limit(), account.toString(), purpose);
  }

  /** The region: zero where nothing was written yet. */
  public MemorySegment segment() {
    return segment;
  }

  /** Size of the region, which is what the account was charged. */
  public long bytes() {
    return segment.byteSize();
  }

  /**
   * Whether the system accepted to back the region with huge pages; it does so as they are touched
   * and as far as it has any.
   */
  public boolean hugePages() {
    return hugePages;
  }

  /** Gives the memory back to the system, then to the account; does nothing the second time. */
  @Override
  public synchronized void close() {
    if (!closed) {
      arena.close();
      closed = true;
      account.release(bytes(), purpose);
    }
  }
}
