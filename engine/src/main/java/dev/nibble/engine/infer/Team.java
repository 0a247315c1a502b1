package dev.nibble.engine.infer;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Threads that take one context's pictures through the network together: the one that holds the
 * context leads, and whoever has nothing else to do assists, with a scratch of its own. A stage is
 * cut into parts, which are taken in turn; the next begins when all are done. Into how many does
 * not change a result.
 *
 * <p>Stages are short, so that those who wait spin, and give way to other threads after a while.
 */
final class Team {
  /** Between calls. */
  private static final long ENDED = -1;

  /** Parts for each thread: who is late takes fewer. */
  private static final int PARTS_EACH = 2;

  private static final int SPINS = 2_000;
  private static final long PAUSE_NANOS = 20_000;

  private final InferenceContext context;

  /** Stage, how many parts it has, and the first that nobody has taken: 16, 16 and 32 bits. */
  private final AtomicLong ticket = new AtomicLong(ENDED);

  private final AtomicInteger done = new AtomicInteger();
  private final AtomicInteger assistants = new AtomicInteger();
  private volatile int pictures;
  private volatile @Nullable Throwable failure;

  Team(InferenceContext context) {
    this.context = context;
  }

  /** Assistants may come. */
  void open() {
    ticket.set(0);
  }

  /** The pictures are through: assistants leave. */
  void end() {
    ticket.set(ENDED);
  }

  void joined() {
    assistants.incrementAndGet();
  }

  void left() {
    assistants.decrementAndGet();
  }

  int assistants() {
    return assistants.get();
  }

  /** Takes the context's pictures through all stages. */
  void lead(int count, int stages) {
    pictures = count;
    failure = null;
    for (int i = 0; i < stages; i++) {
      int helpers = assistants.get();
      if (context.joins(i)) {
        continue;
      }
      if (helpers == 0) {
        context.run(i, count, 0, 1, context.scratch());
      } else {
        together(i, Math.min(PARTS_EACH * (helpers + 1), Short.MAX_VALUE));
      }
    }
  }

  private void together(int stage, int parts) {
    done.set(0);
    ticket.set(((long) stage << 48) | ((long) parts << 32));
    while (takePart(context.scratch())) {
      // one after the other
    }
    for (int spins = 0; done.get() < parts; spins++) {
      pause(spins);
    }
    Throwable thrown = failure;
    if (thrown instanceof RuntimeException e) {
      throw e;
    }
    if (thrown instanceof Error e) {
      throw e;
    }
  }

  /**
   * Assists until the pictures are through.
   *
   * @param scratch the assistant's own
   * @param wanted says that it is wanted elsewhere
   */
  void assist(float[] scratch, BooleanSupplier wanted) {
    for (int spins = 0; ticket.get() != ENDED && !wanted.getAsBoolean(); spins++) {
      if (takePart(scratch)) {
        spins = 0;
      } else {
        pause(spins);
      }
    }
  }

  /** Runs the next part, if there is one. */
  private boolean takePart(float[] scratch) {
    long now = ticket.get();
    int parts = (int) (now >>> 32) & 0xffff;
    int part = (int) now;
    if (now == ENDED || part >= parts || !ticket.compareAndSet(now, now + 1)) {
      return now != ENDED && part < parts;
    }
    try {
      context.run((int) (now >>> 48), pictures, part, parts, scratch);
    } catch (RuntimeException | Error e) {
      failure = e;
    } finally {
      done.incrementAndGet();
    }
    return true;
  }

  private static void pause(int spins) {
    if (spins < SPINS) {
      Thread.onSpinWait();
    } else {
      LockSupport.parkNanos(PAUSE_NANOS);
    }
  }
}
