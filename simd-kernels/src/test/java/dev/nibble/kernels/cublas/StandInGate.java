package dev.nibble.kernels.cublas;

import static java.util.Objects.requireNonNull;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What every call to the stand-in passes: one at a time, counted, made to fail where a test wants
 * that. Nothing is thrown through it, because an exception in an upcall ends the JVM.
 */
final class StandInGate {
  /** What the driver returns once it is gone. */
  static final int UNKNOWN = 999;

  /** What cuBLAS returns once the driver is gone, or the context spoilt. */
  static final int BLAS_INTERNAL = 14;

  /** What the driver returns for all work once a kernel touched what is not there. */
  static final int ILLEGAL_ADDRESS = 700;

  private static final int MOST_FAILURES = 20;

  /** What a function does; returns its status. */
  interface Body {
    int run() throws Exception;
  }

  private final List<String> failures = new ArrayList<>();
  private final Map<String, Integer> counts = new TreeMap<>();
  private int calls;
  private int failing;
  private int failingStatus;
  private @Nullable String failingName;
  private int failingNth;
  private int dies = Integer.MAX_VALUE;
  private int spoils = Integer.MAX_VALUE;
  private @Nullable String faulted;
  private @Nullable Runnable death;
  private volatile boolean idle;

  /**
   * Whether every call returns success without being looked at or counted, and without an object on
   * the heap: what a pass itself allocates can be measured then.
   */
  boolean isIdle() {
    return idle;
  }

  void setIdle(boolean nothing) {
    idle = nothing;
  }

  /** Sets what happens when the driver disappears. */
  synchronized void onDeath(Runnable action) {
    death = action;
  }

  /**
   * Runs a function.
   *
   * @param refused what happens instead where the call is made to fail: a resource whose return is
   *     refused is not the caller's any more
   */
  synchronized int call(String name, Body body, Runnable refused) {
    calls++;
    int nth = counts.merge(name, 1, Integer::sum);
    int status = fault(name, nth);
    try {
      if ((isDead() || isSpoilt()) && death != null) {
        death.run();
      }
      if (status == 0) {
        return body.run();
      }
      faulted = name;
      refused.run();
      return status;
    } catch (Throwable e) {
      fail("%s: the stand-in itself failed: %s", name, e);
      return UNKNOWN;
    }
  }

  private int fault(String name, int nth) {
    if (calls > dies) {
      return name.startsWith("cublas") ? BLAS_INTERNAL : UNKNOWN;
    }
    // A context that is spoilt can still be given up, and takes with it what was not given back.
    if (isSpoilt() && !name.startsWith("cuCtx") && !name.startsWith("cuDevice")) {
      return name.startsWith("cublas") ? BLAS_INTERNAL : ILLEGAL_ADDRESS;
    }
    if (calls == failing || (name.equals(failingName) && nth == failingNth)) {
      return failingStatus;
    }
    return 0;
  }

  /** Keeps a sentence for {@link #failures}; always returns its first argument's status. */
  @SuppressWarnings("AnnotateFormatMethod") // its annotation is no dependency of ours
  synchronized int fail(int status, String sentence, Object... parts) {
    fail(sentence, parts);
    return status;
  }

  @SuppressWarnings("AnnotateFormatMethod") // its annotation is no dependency of ours
  synchronized void fail(String sentence, Object... parts) {
    if (failures.size() < MOST_FAILURES) {
      failures.add(sentence.formatted(parts));
    }
  }

  synchronized List<String> failures() {
    return List.copyOf(failures);
  }

  synchronized List<String> takeFailures() {
    List<String> taken = List.copyOf(failures);
    failures.clear();
    return taken;
  }

  synchronized int calls() {
    return calls;
  }

  synchronized int calls(String name) {
    return counts.containsKey(name) ? requireNonNull(counts.get(name)) : 0;
  }

  synchronized Map<String, Integer> counts() {
    return new TreeMap<>(counts);
  }

  synchronized void failAt(int call, int status) {
    failing = call;
    failingStatus = status;
  }

  synchronized void failFunction(String name, int nth, int status) {
    failingName = name;
    failingNth = nth + calls(name);
    failingStatus = status;
  }

  synchronized void dieAfter(int call) {
    dies = call;
  }

  synchronized boolean isDead() {
    return calls > dies;
  }

  synchronized void spoilAfter(int call) {
    spoils = call;
  }

  private boolean isSpoilt() {
    return calls > spoils;
  }

  synchronized @Nullable String faulted() {
    return faulted;
  }

  synchronized void heal() {
    failing = 0;
    failingName = null;
    dies = Integer.MAX_VALUE;
    spoils = Integer.MAX_VALUE;
    faulted = null;
  }
}
