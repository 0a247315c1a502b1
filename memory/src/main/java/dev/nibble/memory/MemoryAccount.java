package dev.nibble.memory;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A named budget in a tree of budgets: says whether memory may be taken, before it is, and by whom
 * it is held. It allocates nothing itself.
 *
 * <p>A reservation counts in its account and in every account above, and must fit within the limit
 * of each. All sizes are in bytes. Safe for use by several threads.
 */
public final class MemoryAccount implements AutoCloseable {
  /** Limit of an account that is bounded only by those above it. */
  public static final long UNLIMITED = Long.MAX_VALUE;

  private final String name;
  private final long limit;
  private final @Nullable MemoryAccount parent;

  /**
   * One lock a tree: a reservation must see all levels at one instant, and reservations are rare.
   */
  private final Object lock;

  private final List<MemoryAccount> children = new ArrayList<>();

  /** Bytes reserved in this account itself, by purpose, in the order of first reservation. */
  private final Map<String, Long> outstanding = new LinkedHashMap<>();

  private long used;
  private long peak;
  private boolean closed;

  private MemoryAccount(String name, long limit, @Nullable MemoryAccount parent) {
    this.name = Objects.requireNonNull(name, "name");
    if (limit < 0) {
      throw new IllegalArgumentException(
          "The limit of account '" + name + "' can't be negative, but is " + limit + ".");
    }
    this.limit = limit;
    this.parent = parent;
    this.lock = parent == null ? new Object() : parent.lock;
  }

  /**
   * Opens the top of a new tree.
   *
   * @throws IllegalArgumentException if the limit is negative
   */
  public static MemoryAccount root(String name, long limitBytes) {
    return new MemoryAccount(name, limitBytes, null);
  }

  /**
   * Opens an account below this one; its limit sets nothing aside here.
   *
   * @throws IllegalArgumentException if the limit is negative
   * @throws IllegalStateException if this account is closed
   */
  public MemoryAccount child(String name, long limitBytes) {
    synchronized (lock) {
      checkOpen();
      MemoryAccount child = new MemoryAccount(name, limitBytes, this);
      children.add(child);
      return child;
    }
  }

  /**
   * Reserves memory here and in every account above, or nowhere.
   *
   * @throws MemoryLimitException if it exceeds what is free in any of them
   * @throws IllegalArgumentException if {@code bytes} is negative
   * @throws IllegalStateException if this account is closed
   */
  public void reserve(long bytes, String purpose) {
    Objects.requireNonNull(purpose, "purpose");
    checkSize(bytes, purpose);
    synchronized (lock) {
      checkOpen();
      MemoryAccount tightest = tightest();
      if (bytes > tightest.free()) {
        throw tightest.refusal(bytes, purpose);
      }
      for (MemoryAccount level = this; level != null; level = level.parent) {
        level.used += bytes;
        level.peak = Math.max(level.peak, level.used);
      }
      if (bytes > 0) {
        outstanding.merge(purpose, bytes, Long::sum);
      }
    }
  }

  /**
   * Gives back what was reserved for a purpose, or a part of it.
   *
   * @throws IllegalArgumentException if {@code bytes} is negative
   * @throws IllegalStateException if less than that is reserved for the purpose in this account
   */
  public void release(long bytes, String purpose) {
    Objects.requireNonNull(purpose, "purpose");
    checkSize(bytes, purpose);
    synchronized (lock) {
      long held = outstanding.getOrDefault(purpose, 0L);
      if (bytes > held) {
        throw new IllegalStateException(
            "Account '%s' can't release %s for %s, because it holds %s for it."
                .formatted(path(), exact(bytes), purpose, exact(held)));
      }
      if (bytes == held) {
        outstanding.remove(purpose);
      } else {
        outstanding.put(purpose, held - bytes);
      }
      for (MemoryAccount level = this; level != null; level = level.parent) {
        level.used -= bytes;
      }
    }
  }

  /** Bytes reserved now, here and below. */
  public long used() {
    synchronized (lock) {
      return used;
    }
  }

  /** The most bytes that were ever reserved at one time, here and below. */
  public long peak() {
    synchronized (lock) {
      return peak;
    }
  }

  /** The most bytes that may be reserved at one time, here and below. */
  public long limit() {
    return limit;
  }

  /** Bytes that a reservation here would be granted now, with the limits above heeded. */
  public long available() {
    synchronized (lock) {
      return tightest().free();
    }
  }

  /** Name within the account above. */
  public String name() {
    return name;
  }

  /** This account and those below it, a line each: used, peak, limit, what is held for what. */
  public String describe() {
    synchronized (lock) {
      StringBuilder text = new StringBuilder();
      describe(text, "");
      return text.toString().stripTrailing();
    }
  }

  @Override
  public String toString() {
    return path();
  }

  /**
   * Closes the account and detaches it from the one above; does nothing if it is closed already.
   *
   * @throws MemoryLeakException if memory is reserved here or an account below is open: names the
   *     account, each purpose and its bytes
   */
  @Override
  public void close() {
    synchronized (lock) {
      if (closed) {
        return;
      }
      if (!outstanding.isEmpty() || !children.isEmpty()) {
        List<String> held = new ArrayList<>();
        collectHeld(held, this);
        throw new MemoryLeakException(
            "Account '%s' can't be closed with %s outstanding: %s; close what holds them first."
                .formatted(path(), ByteSize.format(used), String.join(", ", held)),
            path(),
            used);
      }
      closed = true;
      if (parent != null) {
        parent.children.remove(this);
      }
    }
  }

  private void collectHeld(List<String> held, MemoryAccount from) {
    String where = this == from ? "" : " in open account '" + path() + "'";
    outstanding.forEach((purpose, bytes) -> held.add(purpose + " " + exact(bytes) + where));
    if (this != from && outstanding.isEmpty()) {
      held.add("open account '" + path() + "'");
    }
    children.forEach(child -> child.collectHeld(held, from));
  }

  private void describe(StringBuilder text, String indent) {
    text.append(indent)
        .append(name)
        .append(": used ")
        .append(ByteSize.format(used))
        .append(", peak ")
        .append(ByteSize.format(peak))
        .append(limit == UNLIMITED ? ", no limit" : ", limit " + ByteSize.format(limit));
    String separator = " (";
    for (Map.Entry<String, Long> entry : outstanding.entrySet()) {
      text.append(separator).append(entry.getKey()).append(' ');
      text.append(ByteSize.format(entry.getValue()));
      separator = ", ";
    }
    text.append(outstanding.isEmpty() ? "\n" : ")\n");
    children.forEach(child -> child.describe(text, indent + "  "));
  }

  private MemoryLimitException refusal(long bytes, String purpose) {
    String message =
        "%s needs %s, but only %s of the %s of account '%s' are free; raise the limit by %s or ask"
                .formatted(
                    purpose,
                    exact(bytes),
                    exact(free()),
                    exact(limit),
                    path(),
                    exact(bytes - free()))
            + " for less.";
    return new MemoryLimitException(message, bytes, free(), limit, path(), purpose);
  }

  /** The level, from here up, with the least free; the lowest of equals. */
  private MemoryAccount tightest() {
    MemoryAccount tightest = this;
    for (MemoryAccount level = parent; level != null; level = level.parent) {
      if (level.free() < tightest.free()) {
        tightest = level;
      }
    }
    return tightest;
  }

  private long free() {
    return limit - used;
  }

  private String path() {
    return parent == null ? name : parent.path() + "/" + name;
  }

  private void checkOpen() {
    if (closed) {
      throw new IllegalStateException("Account '" + path() + "' is closed: open another one.");
    }
  }

  private static void checkSize(long bytes, String purpose) {
    if (bytes < 0) {
      throw new IllegalArgumentException(
          "The bytes for " + purpose + " can't be negative, but are " + bytes + ".");
    }
  }

  /** With the bytes beside a rounded size, since two sizes that differ may round to the same. */
  static String exact(long bytes) {
    return bytes < 1024
        ? ByteSize.format(bytes)
        : "%s (%d bytes)".formatted(ByteSize.format(bytes), bytes);
  }
}
