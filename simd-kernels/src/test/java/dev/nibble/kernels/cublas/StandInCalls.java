package dev.nibble.kernels.cublas;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

/** What the driver's functions have in common: a gate to pass, and mostly a context to have. */
record StandInCalls(StandInGate gate, StandInContexts contexts) {
  private static final int INVALID_CONTEXT = 201;

  private static void nothing() {}

  int free(String name, StandInGate.Body body) {
    return gate.call(name, body, StandInCalls::nothing);
  }

  int bound(String name, StandInGate.Body body) {
    return bound(name, body, StandInCalls::nothing);
  }

  /** Runs what needs the thread's context. */
  int bound(String name, StandInGate.Body body, Runnable refused) {
    return gate.call(
        name,
        () -> {
          if (contexts.isCurrent()) {
            return body.run();
          }
          refused.run();
          return contexts.isExcused()
              ? INVALID_CONTEXT
              : gate.fail(INVALID_CONTEXT, "%s was called without a current context", name);
        },
        refused);
  }

  static void putInt(long address, int value) {
    StandInStubs.at(address, 4).set(JAVA_INT_UNALIGNED, 0, value);
  }

  static void putLong(long address, long value) {
    StandInStubs.at(address, 8).set(JAVA_LONG_UNALIGNED, 0, value);
  }
}
