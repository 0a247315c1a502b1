package dev.nibble.engine.exec;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.StageCuts;
import dev.nibble.engine.plan.StageGraph;
import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.DeviceException;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.KernelSession;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.Workload;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Kernels like a GPU's: they want to be selected, then opened with staging, before they compute,
 * and its device can fail. It computes on the CPU, with the kernels of this run of the tests.
 */
public final class StagedKernels {
  /** What can fail; a fault is used up. */
  public enum Fault {
    SELECT,
    OPEN,
    COMPUTE,
    CLOSE
  }

  /** What unselected kernels may be asked. */
  private static final Set<String> ANY = Set.of("name", "description", "select", "toString");

  /** What kernels that are not open may be asked besides. */
  private static final Set<String> SIZES =
      Set.of("stagingBytes", "packedFloats", "scratchFloats", "open");

  private static final Set<String> PASSES =
      Set.of("forward", "backward", "backwardData", "backwardWeights");

  private final Kernels cpu = TestKernels.chosen();
  private final List<String> events = Collections.synchronizedList(new ArrayList<>());
  private final List<Workload> workloads = Collections.synchronizedList(new ArrayList<>());
  private final List<MemorySegment> memory = Collections.synchronizedList(new ArrayList<>());
  private final AtomicInteger calls = new AtomicInteger();
  private final Map<Long, float[]> device = new ConcurrentHashMap<>();
  private final boolean keepsWeights;
  private Runnable atClose = () -> {};
  private volatile @Nullable Fault fault;
  private volatile int faultAfter;

  /** A device to which weights are given as to the CPU. */
  public StagedKernels() {
    this(false);
  }

  private StagedKernels(boolean keepsWeights) {
    this.keepsWeights = keepsWeights;
  }

  /** A device that keeps packed weights to itself, so that none are packed into an array. */
  public static StagedKernels keepingWeights() {
    return new StagedKernels(true);
  }

  /** The kernels that a user holds. */
  public Kernels kernels() {
    return kernels(false, null);
  }

  /** Lets that fail next; {@code COMPUTE} after that many further leaves of passes. */
  public void fail(Fault next, int after) {
    fault = next;
    faultAfter = calls.get() + after;
  }

  /** Runs whenever a session is about to be closed. */
  public void atClose(Runnable check) {
    atClose = check;
  }

  /** What happened: {@code open} and {@code close}. */
  public List<String> events() {
    return List.copyOf(events);
  }

  /** What kernels were selected for. */
  public List<Workload> workloads() {
    return List.copyOf(workloads);
  }

  /** The workspaces and stagings that it was given, in turn. */
  public List<MemorySegment> memory() {
    return List.copyOf(memory);
  }

  /** How often a leaf of a pass was run. */
  public int calls() {
    return calls.get();
  }

  /** How often a training step of the plan runs a leaf of a forward pass. */
  public static int forwardCalls(ExecutionPlan plan) {
    return plan.graph().stages().stream()
        .mapToInt(node -> plan.cuts(node.index()).forward().leaves())
        .sum();
  }

  /** How often a training step of the plan runs a leaf of a backward pass. */
  public static int backwardCalls(ExecutionPlan plan) {
    return plan.graph().stages().stream().mapToInt(node -> backwardCalls(plan, node)).sum();
  }

  private static int backwardCalls(ExecutionPlan plan, StageGraph.Node node) {
    StageCuts cuts = plan.cuts(node.index());
    if (cuts.fused()) {
      return cuts.backward().leaves();
    }
    Stage stage = plan.stage(node.index());
    boolean data = plan.buffers().backward(node).dx() != null || stage.activation().normalize();
    return (data ? cuts.backward().leaves() : 0)
        + (stage.needsInputValues() ? cuts.weights().leaves() : 0);
  }

  /** What it asks for: depends on all numbers, and is no multiple of a slab's alignment. */
  public static long staging(Workload workload) {
    return 1001L * workload.picturesPerShard() * workload.threads() + workload.stages().size() + 1;
  }

  private Kernels kernels(boolean selected, @Nullable AtomicInteger openState) {
    return (Kernels)
        Proxy.newProxyInstance(
            Kernels.class.getClassLoader(),
            new Class<?>[] {Kernels.class},
            (proxy, method, arguments) ->
                answer((Kernels) proxy, method, arguments, selected, openState));
  }

  private @Nullable Object answer(
      Kernels self,
      Method method,
      Object @Nullable [] arguments,
      boolean selected,
      @Nullable AtomicInteger sessions)
      throws Throwable {
    String name = method.getName();
    boolean open = sessions != null && sessions.get() == 1;
    if (!open && !ANY.contains(name) && !(selected && SIZES.contains(name))) {
      throw new IllegalStateException(name + " needs kernels that are " + state(selected));
    }
    return switch (name) {
      case "name", "toString" -> "staged";
      case "description" -> "staged on " + cpu.description();
      case "select" -> select(self, workload(arguments), selected);
      case "stagingBytes" -> staging(workload(arguments));
      case "open" -> open(workload(arguments), segment(arguments, 1), segment(arguments, 2));
      case "packedFloats" -> keepsWeights ? 0 : compute(method, arguments);
      default -> compute(method, arguments);
    };
  }

  private Kernels select(Kernels self, Workload workload, boolean selected) {
    failIf(Fault.SELECT, "cuMemAlloc_v2");
    workloads.add(workload);
    return selected ? self : kernels(true, null);
  }

  private @Nullable Object compute(Method method, Object @Nullable [] arguments) throws Throwable {
    if (PASSES.contains(method.getName()) && calls.incrementAndGet() > faultAfter) {
      failIf(Fault.COMPUTE, "cublasSgemm_v2");
    }
    if (keepsWeights && arguments != null) {
      keepWeights(method.getName(), arguments);
    }
    try {
      return method.invoke(cpu, arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }

  /** Puts the device's array in the place of the caller's. */
  private void keepWeights(String name, Object[] arguments) {
    switch (arguments[0]) {
      case ForwardArgs args -> keepWeights(name, arguments, args.stage(), args.weights(), 0);
      case BackwardArgs args -> keepWeights(name, arguments, args.stage(), args.weights(), 1);
      default -> {}
    }
  }

  private void keepWeights(
      String name,
      Object[] arguments,
      Stage stage,
      @Nullable MemorySegment weights,
      int direction) {
    if (weights == null) {
      return;
    }
    // Weights are aligned, so that the address leaves room for the direction.
    long key = weights.address() + direction;
    boolean packs = name.startsWith("pack");
    if (name.equals("backwardWeights") || name.equals("sumGradient") || name.startsWith("finish")) {
      return; // no weights are read
    }
    if (packs && arguments[1].equals(0)) {
      device.put(key, new float[cpu.packedFloats(stage)]);
    }
    float[] packed = device.get(key);
    if (packed == null) {
      throw new IllegalStateException("The weights of " + stage + " were not packed");
    }
    arguments[packs ? 2 : 6] = packed;
  }

  private static String state(boolean selected) {
    return selected ? "open" : "selected";
  }

  private static Workload workload(Object @Nullable [] arguments) {
    if (arguments != null && arguments[0] instanceof Workload workload) {
      return workload;
    }
    throw new AssertionError("No workload");
  }

  private static MemorySegment segment(Object @Nullable [] arguments, int index) {
    if (arguments != null && arguments[index] instanceof MemorySegment segment) {
      return segment;
    }
    throw new AssertionError("No segment");
  }

  private synchronized void failIf(Fault point, String call) {
    if (fault == point) {
      fault = null;
      throw new DeviceException("CUDA_ERROR_UNKNOWN", 999, call, point + " was to fail", false);
    }
  }

  private KernelSession open(Workload workload, MemorySegment workspace, MemorySegment staging) {
    failIf(Fault.OPEN, "cuStreamCreate");
    if (staging.byteSize() < staging(workload) || staging.address() % 64 != 0) {
      throw new AssertionError("The staging is too small or not aligned: " + staging);
    }
    for (byte value : staging.toArray(JAVA_BYTE)) {
      if (value != 0) {
        throw new AssertionError("The staging is not zero");
      }
    }
    events.add("open");
    memory.add(workspace);
    memory.add(staging);
    AtomicInteger state = new AtomicInteger(1);
    Kernels opened = kernels(true, state);
    return new KernelSession() {
      @Override
      public Kernels kernels() {
        return opened;
      }

      @Override
      public void close() {
        if (state.getAndSet(0) == 1) {
          if (!workspace.scope().isAlive() || !staging.scope().isAlive()) {
            throw new AssertionError("Closed after its memory");
          }
          atClose.run();
          events.add("close");
          failIf(Fault.CLOSE, "cuMemFree_v2");
        }
      }
    };
  }
}
