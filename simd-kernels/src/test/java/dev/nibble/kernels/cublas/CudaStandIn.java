package dev.nibble.kernels.cublas;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandles;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A CUDA driver and a cuBLAS over host memory, for tests: C functions made of Java methods, behind
 * the symbols that {@link CudaDriver} and {@link Cublas} bind.
 *
 * <p>It is as unhelpful as the real ones may be. Nothing asynchronous is done before something
 * waits for it; new device memory holds NaN; nothing is forgiven: what a real device would let pass
 * by luck (a race, a range beyond its block, memory freed while it is in use, a context that is not
 * the thread's) is kept as a sentence, and {@link #assertFlawless} fails with it. Thread-safe.
 */
final class CudaStandIn implements AutoCloseable {
  private static final long DEVICE_BYTES = 1L << 30;

  private final Arena arena = Arena.ofShared();
  private final Map<String, Long> strings = new HashMap<>();
  private final Set<String> missing = ConcurrentHashMap.newKeySet();
  private final StandInGate gate = new StandInGate();
  private final StandInContexts contexts = new StandInContexts();
  private final StandInStreams streams = new StandInStreams(gate);
  private final StandInMemory memory = new StandInMemory(DEVICE_BYTES);
  private final StandInBlas functions;
  private final SymbolLookup driver;
  private final SymbolLookup blas;
  private volatile int driverVersion = 13_000;
  private volatile int devices = 1;
  private volatile int capability = 90;
  private volatile boolean registers = true;
  private int pageable;

  CudaStandIn() {
    gate.onDeath(streams::abandonAll); // what a driver had under way ends with it
    MethodHandles.Lookup lookup = MethodHandles.lookup();
    functions = new StandInBlas(this);
    driver =
        StandInStubs.library(new StandInDriver(this), lookup, "cu", missing, gate, arena)
            .or(StandInStubs.library(new StandInWork(this), lookup, "cu", missing, gate, arena));
    blas = StandInStubs.library(functions, lookup, "cublas", missing, gate, arena);
  }

  /** The driver's symbols. */
  SymbolLookup driver() {
    return driver;
  }

  /** The symbols of cuBLAS. */
  SymbolLookup blas() {
    return blas;
  }

  StandInGate gate() {
    return gate;
  }

  StandInContexts contexts() {
    return contexts;
  }

  StandInStreams streams() {
    return streams;
  }

  StandInMemory memory() {
    return memory;
  }

  int driverVersion() {
    return driverVersion;
  }

  /** Sets what {@code cuDriverGetVersion} says. */
  CudaStandIn driverVersion(int version) {
    driverVersion = version;
    return this;
  }

  int devices() {
    return devices;
  }

  /** Sets how many devices there are. */
  CudaStandIn devices(int count) {
    devices = count;
    return this;
  }

  int capability() {
    return capability;
  }

  /** Sets the devices' compute capability, times 10. */
  CudaStandIn capability(int tenfold) {
    capability = tenfold;
    return this;
  }

  boolean registers() {
    return registers;
  }

  /** Sets whether the devices register host memory, as not all do. */
  CudaStandIn registers(boolean supported) {
    registers = supported;
    return this;
  }

  /** Sets how much memory the device has. */
  CudaStandIn deviceBytes(long bytes) {
    synchronized (gate) {
      memory.setSize(bytes);
    }
    return this;
  }

  /** Leaves a symbol out of its library. */
  CudaStandIn without(String symbol) {
    missing.add(symbol);
    return this;
  }

  /** Calls so far, but for those that name a status; the next one has this number plus one. */
  int calls() {
    return gate.calls();
  }

  /** Calls so far of a function. */
  int calls(String name) {
    return gate.calls(name);
  }

  /** Makes the call of this number, counted as {@link #calls} does, return a status. */
  CudaStandIn failAt(int call, int status) {
    gate.failAt(call, status);
    return this;
  }

  /** Makes the nth call from now on of a function return a status. */
  CudaStandIn failFunction(String name, int nth, int status) {
    gate.failFunction(name, nth, status);
    return this;
  }

  /** Every call behind this number fails: the driver has disappeared. */
  CudaStandIn dieAfter(int call) {
    gate.dieAfter(call);
    return this;
  }

  /** From this call on, all work fails: a kernel has spoilt the context. */
  CudaStandIn spoilAfter(int call) {
    gate.spoilAfter(call);
    return this;
  }

  /** Takes back {@link #failAt}, {@link #failFunction}, {@link #dieAfter}, {@link #spoilAfter}. */
  CudaStandIn heal() {
    gate.heal();
    return this;
  }

  void countPageable() {
    pageable++;
  }

  /** Copies from or to host memory that is not registered. */
  int pageableCopies() {
    synchronized (gate) {
      return pageable;
    }
  }

  /** The calling thread's current context; 0 for none. */
  long currentContext() {
    synchronized (gate) {
      return contexts.current();
    }
  }

  /** Copies and products that are queued and not done. */
  List<String> underWay() {
    synchronized (gate) {
      return streams.underWay();
    }
  }

  /** Whether a range of device memory is the workspace of a handle. */
  boolean isWorkspace(StandInRange range) {
    return functions.isWorkspace(range);
  }

  /** What a context's end would take with it. */
  List<String> leftInContext() {
    List<String> left = new ArrayList<>(functions.left());
    left.addAll(memory.left());
    left.addAll(streams.left());
    return left;
  }

  /** What was not given back, or not even tried to be. */
  List<String> left() {
    synchronized (gate) {
      List<String> left = leftInContext();
      left.addAll(contexts.left());
      return left;
    }
  }

  /** Fails if something was not given back. */
  void assertNothingLeft() {
    assertThat(left()).as("what was not given back").isEmpty();
  }

  /** Fails if a call did what a real device does not allow, or only by luck. */
  void assertFlawless() {
    assertThat(gate.failures()).as("what the stand-in objects to").isEmpty();
  }

  /** What the stand-in objects to so far, once. */
  List<String> takeFailures() {
    return gate.takeFailures();
  }

  /** The address of a text that ends with a NUL and lives as long as this. */
  long cString(String text) {
    synchronized (gate) {
      return strings.computeIfAbsent(text, words -> arena.allocateFrom(words).address());
    }
  }

  /** Frees the functions; fails with what was objected to and nobody took. */
  @Override
  public void close() {
    arena.close();
    assertFlawless();
  }
}
