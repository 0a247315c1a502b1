package dev.nibble.engine.infer;

import java.util.ArrayDeque;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Shares the contexts among the threads that call and the predictor's own helpers.
 *
 * <p>A caller takes a context and works on its own pictures, a chunk at a time. ContextPool that no
 * caller wants go to helpers, which claim chunks of calls that have more than one. Callers wait in
 * the order in which they came; where one waits, whoever ends a chunk gives it the context, and a
 * caller with pictures left queues up again at the end. So a small call waits for chunks, never for
 * another's whole batch, and every call gets its turn.
 *
 * <p>One lock guards everything; it is taken twice a chunk. Nothing is allocated once as many calls
 * have been under way together as ever will be.
 */
final class ContextPool implements AutoCloseable {
  /** Multiply-adds below which threads that wait for each other between stages do not pay. */
  private static final long TEAM_WORK = 20_000_000;

  /** Multiply-adds below which handing pictures to another thread costs more than it brings. */
  private static final long LEAST_WORK = 4_000_000;

  private final Object lock = new Object();
  private final ArrayDeque<InferenceContext> free = new ArrayDeque<>();
  private final ArrayDeque<Worker> waiting = new ArrayDeque<>();
  private final ArrayDeque<Call> open = new ArrayDeque<>();
  private final ArrayDeque<Worker> idle = new ArrayDeque<>();
  private final ArrayDeque<Call> spare = new ArrayDeque<>();
  private final ArrayDeque<Team> teams = new ArrayDeque<>();
  private final Thread[] threads;
  private final Worker[] helpers;
  private final int contexts;
  private final int atOnce;
  private final int least;
  private final int values;
  private final int classes;
  private final long work;
  private int active;
  private boolean closed;
  private volatile boolean pressed;

  /**
   * Starts a helper less than there are contexts.
   *
   * @param atOnce pictures that a context holds
   */
  ContextPool(InferenceContext[] all, int atOnce, InferencePlan plan) {
    this(all, atOnce, plan, Thread::start);
  }

  /** As the other; {@code starter} starts a thread, or fails to, in tests. */
  ContextPool(InferenceContext[] all, int atOnce, InferencePlan plan, Consumer<Thread> starter) {
    this.contexts = all.length;
    this.atOnce = atOnce;
    this.work = plan.multiplyAdds();
    this.least = Math.clamp(LEAST_WORK / Math.max(1, plan.multiplyAdds()), 1, atOnce);
    this.values = plan.graph().network().input().values();
    this.classes = plan.graph().network().classes();
    for (InferenceContext context : all) {
      free.add(context);
    }
    this.threads = new Thread[all.length - 1];
    this.helpers = new Worker[all.length - 1];
    String name = "nibble-predict-" + plan.graph().network().name() + "-";
    for (int i = 0; i < threads.length; i++) {
      Worker helper = new Worker();
      helpers[i] = helper;
      threads[i] = Thread.ofPlatform().name(name + (i + 1)).daemon().unstarted(() -> help(helper));
    }
    try {
      for (Thread thread : threads) {
        starter.accept(thread);
      }
    } catch (RuntimeException | Error e) {
      close(); // the system gives no further thread: those that run must not wait for ever
      throw e;
    }
  }

  /** An unused call, to be given back by {@link #end}. */
  Call begin() {
    synchronized (lock) {
      if (closed) {
        throw new IllegalStateException("The predictor is closed: open another one.");
      }
      active++;
      Call call = spare.pollLast();
      return call != null ? call : new Call(values, classes);
    }
  }

  void end(Call call) {
    call.clear();
    synchronized (lock) {
      spare.addLast(call);
      active--;
      if (closed && active == 0) {
        lock.notifyAll();
      }
    }
  }

  /** Runs a call on the calling thread, with what help there is. */
  void run(Call call) {
    Worker caller = call.caller;
    call.shared = threads.length > 0 && call.count > least && call.isOpenTo(threads[0]);
    synchronized (lock) {
      waiting.addLast(caller);
      if (call.shared) {
        open.addLast(call);
      }
      dispatch();
    }
    InferenceContext context = caller.await();
    while (context != null) {
      run(context, call, caller);
      context = next(call, context);
    }
    awaitHelpers(call);
    throwFailure(call.failure);
  }

  /** Works on what was claimed, with those who have nothing else to do. */
  private void run(InferenceContext context, Call call, Worker worker) {
    boolean team = threads.length > 0 && worker.pictures * work >= TEAM_WORK;
    if (team) {
      context.team().open();
      synchronized (lock) {
        teams.addLast(context.team());
        dispatch();
      }
    }
    try {
      context.run(call, worker.from, worker.pictures);
    } catch (RuntimeException | Error e) {
      fail(call, e);
    }
    if (team) {
      context.team().end();
      synchronized (lock) {
        teams.remove(context.team());
      }
      // The last parts are done, and whoever looks for another leaves: the context may be used
      // again.
      while (context.team().assistants() > 0) {
        Thread.onSpinWait();
      }
    }
  }

  /** What a caller works with next: null when nothing of its call is unclaimed. */
  private @Nullable InferenceContext next(Call call, InferenceContext context) {
    Worker caller = call.caller;
    synchronized (lock) {
      if (call.hasMore() && waiting.isEmpty()) {
        claim(call, caller);
        return context;
      }
      free.addLast(context);
      if (!call.hasMore()) {
        open.remove(call);
        dispatch();
        return null;
      }
      waiting.addLast(caller);
      dispatch();
    }
    return caller.await();
  }

  /** Gives free contexts to callers, then to helpers, the last to assist. Needs the lock. */
  private void dispatch() {
    while (!free.isEmpty()) {
      Worker caller = waiting.pollFirst();
      if (caller != null && caller.call != null) {
        claim(caller.call, caller);
        caller.give(free.removeLast());
        continue;
      }
      Call call = open.peekFirst();
      Worker helper = idle.peekLast();
      if (helper == null || (call == null && teams.isEmpty())) {
        break;
      }
      idle.removeLast();
      if (call == null) {
        Team team = teams.removeFirst();
        teams.addLast(team);
        team.joined();
        helper.team = team;
        helper.give(free.removeLast());
        continue;
      }
      // To the end, so that the next helper turns to another call.
      open.addLast(open.removeFirst());
      assign(call, helper);
      helper.give(free.removeLast());
    }
    pressed = !waiting.isEmpty() || !open.isEmpty();
  }

  private void assign(Call call, Worker helper) {
    call.helpers++;
    helper.call = call;
    claim(call, helper);
  }

  /** Takes a chunk; smaller ones towards the end, so that all threads end together. */
  private void claim(Call call, Worker worker) {
    int left = call.count - call.next;
    int fair = call.shared ? (left + contexts - 1) / contexts : left;
    worker.from = call.next;
    worker.pictures = Math.min(left, Math.clamp(fair, least, atOnce));
    call.next += worker.pictures;
    if (call.next == call.count) {
      open.remove(call);
    }
  }

  private void fail(Call call, Throwable thrown) {
    synchronized (lock) {
      if (call.failure == null) {
        call.failure = thrown;
      }
      open.remove(call);
    }
  }

  private static void throwFailure(@Nullable Throwable thrown) {
    if (thrown instanceof RuntimeException e) {
      throw e;
    }
    if (thrown instanceof Error e) {
      throw e;
    }
  }

  private void awaitHelpers(Call call) {
    boolean interrupted = false;
    while (isHelped(call)) {
      LockSupport.park(call);
      interrupted |= Thread.interrupted();
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private boolean isHelped(Call call) {
    synchronized (lock) {
      return call.helpers > 0;
    }
  }

  /** A helper's life. */
  private void help(Worker helper) {
    helper.enter();
    synchronized (lock) {
      idle.addLast(helper);
      dispatch();
    }
    InferenceContext context = helper.await();
    while (context != null) {
      Call call = helper.call;
      Team team = helper.team;
      if (team != null) {
        team.assist(context.scratch(), this::isPressed);
        context = assisted(team, helper, context);
      } else if (call != null) {
        run(context, call, helper);
        context = helped(call, helper, context);
      }
    }
  }

  private boolean isPressed() {
    return pressed;
  }

  /** What a helper works with after it has assisted; waits until there is something. */
  private @Nullable InferenceContext assisted(Team team, Worker helper, InferenceContext context) {
    synchronized (lock) {
      team.left();
      helper.team = null;
      free.addLast(context);
      idle.addLast(helper);
      dispatch();
    }
    return helper.await();
  }

  /** What a helper works with next; waits until there is something. */
  private @Nullable InferenceContext helped(Call call, Worker helper, InferenceContext context) {
    synchronized (lock) {
      if (call.hasMore() && waiting.isEmpty()) {
        claim(call, helper);
        return context;
      }
      helper.call = null;
      call.helpers--;
      if (call.helpers == 0) {
        call.caller.wake();
      }
      free.addLast(context);
      idle.addLast(helper);
      dispatch();
    }
    return helper.await();
  }

  /** Refuses further calls, waits for those under way, and ends the helpers. */
  @Override
  public void close() {
    boolean interrupted = false;
    synchronized (lock) {
      closed = true;
      while (active > 0) {
        try {
          lock.wait();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    for (Worker helper : helpers) {
      helper.stop();
    }
    for (Thread thread : threads) {
      while (thread.isAlive()) {
        try {
          thread.join();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
