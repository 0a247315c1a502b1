package dev.nibble.engine.plan;

import dev.nibble.engine.plan.Buffer.Kind;
import dev.nibble.engine.plan.StageGraph.Node;
import dev.nibble.engine.plan.StageGraph.Tensor;
import dev.nibble.engine.plan.StageGraph.View;
import dev.nibble.kernels.Activation;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.GroupNorm;
import dev.nibble.kernels.Operator.Resample;
import dev.nibble.kernels.StoreFormat;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Lists the buffers of a plan with their lives: liveness analysis over the stages, there and back.
 */
public final class BufferPlanner {
  private final ExecutionPlan plan;
  private final StageGraph graph;
  private final int batch;
  private final List<Buffer> all = new ArrayList<>();
  private final PersistentBuffers persistent;
  private final Buffer[] tensors;

  /** The second tensors of products, which the backward pass reads again. */
  private final Set<Tensor> factors = new HashSet<>();

  /** Where tensors lie when they are computed for the second time; null where they are not. */
  private final @Nullable Buffer[] again;

  /** Codes of the first time, which nobody reads, by view; null where those are kept. */
  private final @Nullable Buffer[] passing;

  private final @Nullable Buffer[] stores;
  private final @Nullable Buffer[] saved;
  private final @Nullable BackwardPlanner backward;

  BufferPlanner(ExecutionPlan plan) {
    this.plan = plan;
    this.graph = plan.graph();
    this.batch = plan.localBatch();
    this.tensors = new Buffer[graph.tensors().size()];
    for (Node node : graph.stages()) {
      View factor = node.factor();
      if (factor != null && plan.options().isTraining()) {
        factors.add(factor.tensor());
      }
    }
    this.again = new @Nullable Buffer[graph.tensors().size()];
    this.passing = new @Nullable Buffer[graph.views().size()];
    this.stores = new @Nullable Buffer[graph.views().size()];
    this.saved = new @Nullable Buffer[graph.stages().size()];
    this.persistent = new PersistentBuffers(plan, this::add);
    planForward();
    if (plan.options().isTraining()) {
      plan.recomputation().runs().forEach(this::planAgain);
      planStores();
    }
    this.backward = plan.options().isTraining() ? new BackwardPlanner(plan, this::add) : null;
  }

  /** Every buffer. */
  public List<Buffer> all() {
    return List.copyOf(all);
  }

  /** The buffers that live as long as the session. */
  public PersistentBuffers persistent() {
    return persistent;
  }

  /** Where a tensor lies in the forward pass. */
  public Buffer tensor(Tensor tensor) {
    return tensors[tensor.index()];
  }

  /** Where a tensor lies that a stage reads or writes when it is computed for the second time. */
  public Buffer tensorAgain(Tensor tensor, Node node) {
    Buffer second = again[tensor.index()];
    boolean inner = tensor == node.output() || plan.recomputation().isInner(tensor, node.index());
    return inner && second != null ? second : tensor(tensor);
  }

  /** Where a view's codes go the first time, if they are made again; null if they are kept. */
  public @Nullable Buffer passing(View view) {
    return passing[view.index()];
  }

  /** Where a view's copy for the backward pass lies; null if nothing is copied. */
  public @Nullable Buffer store(View view) {
    return stores[view.index()];
  }

  /**
   * Where an operator saves what its backward pass needs beside the input's copy; null where it
   * needs nothing, and for inference.
   */
  public @Nullable Buffer saved(Node node) {
    return saved[node.index()];
  }

  /** A stage's backward pass; only in a plan for training. */
  public BackwardPlan backward(Node node) {
    return Objects.requireNonNull(backward).stage(node);
  }

  /** Where the loss leaves the gradient of the logits; null for inference. */
  public @Nullable Buffer lossGradient() {
    return backward == null ? null : backward.lossGradient();
  }

  private Buffer add(String name, Kind kind, long bytes, int firstUse) {
    Buffer buffer = new Buffer(all.size(), name, kind, bytes, firstUse);
    all.add(buffer);
    return buffer;
  }

  private long bytes(FeatureMap map) {
    return batch * map.bytes();
  }

  private void planForward() {
    int[] lastRead = new int[tensors.length];
    for (Node node : graph.stages()) {
      for (Tensor tensor : node.reads()) {
        // What a run reads the second time, too, is not written over.
        boolean twice = plan.isRecomputed(node.index()) && !isInner(tensor, node);
        lastRead[tensor.index()] =
            twice ? Integer.MAX_VALUE : Math.max(lastRead[tensor.index()], node.index());
      }
    }
    Tensor pictures = graph.tensors().getFirst();
    tensors[0] = add("input", Kind.COMMON, bytes(pictures.map()), 0);
    for (Node node : graph.stages()) {
      int time = plan.forwardTime(node.index());
      Buffer inPlace = inPlaceTarget(node, lastRead, tensors);
      tensors[node.output().index()] =
          inPlace != null ? inPlace : written(node.output(), time, tensors, "tensor ");
      tensor(node.output()).use(time);
      node.reads().forEach(tensor -> tensor(tensor).use(time));
    }
    // To the end, so that they can be read after a training step too.
    tensor(graph.logits()).use(plan.endTime());
  }

  /** Where a tensor is written: a slice in the buffer of its whole, which its first slice adds. */
  private Buffer written(Tensor tensor, int time, @Nullable Buffer[] where, String name) {
    Tensor whole = tensor.whole() == null ? tensor : tensor.whole();
    Buffer buffer = where[whole.index()];
    if (buffer == null) {
      buffer = add(name + whole.name(), Kind.COMMON, bytes(whole.map()), time);
      where[whole.index()] = buffer;
    }
    return buffer;
  }

  private boolean isInner(Tensor tensor, Node node) {
    return plan.recomputation().isInner(tensor, node.index());
  }

  /** The second time of a run: what it reads from before it is kept, what it writes lies apart. */
  private void planAgain(Recomputation.Run run) {
    List<Node> nodes = graph.stages().subList(run.first(), run.end());
    int[] lastRead = new int[tensors.length];
    for (Node node : nodes) {
      node.reads().forEach(tensor -> lastRead[tensor.index()] = node.index());
    }
    for (Node node : nodes) {
      int time = plan.againTime(node.index());
      // What comes from before the run is not written over: its second time, if it has one, is
      // later.
      View shortcut = node.shortcut();
      boolean inner = shortcut != null && isInner(shortcut.tensor(), node);
      Buffer inPlace = inner ? inPlaceTarget(node, lastRead, again) : null;
      again[node.output().index()] =
          inPlace != null ? inPlace : written(node.output(), time, again, "again tensor ");
      tensorAgain(node.output(), node).use(time);
      node.reads().forEach(tensor -> tensorAgain(tensor, node).use(time));
    }
  }

  /** A sum is made in place where its shortcut's tensor is read for the last time. */
  private @Nullable Buffer inPlaceTarget(Node node, int[] lastRead, @Nullable Buffer[] where) {
    View shortcut = node.shortcut();
    Resample transform = node.transform();
    boolean isSlice = node.output().whole() != null;
    if (shortcut == null || transform == null || !transform.isIdentity() || isSlice) {
      return null;
    }
    Tensor source = shortcut.tensor();
    boolean kept =
        graph.views().stream().anyMatch(v -> v.tensor() == source && v.kept())
            || factors.contains(source);
    boolean free =
        lastRead[source.index()] == node.index()
            && node.input().tensor() != source
            && source.whole() == null;
    return free && !kept ? where[source.index()] : null;
  }

  private void planStores() {
    for (View view : graph.views()) {
      Activation activation = plan.activation(view);
      int owner = plan.frozen().owner(view);
      if (activation.store() == StoreFormat.KEPT) {
        for (int reader : view.readers()) {
          Node node = graph.stages().get(reader);
          if (!plan.frozen().node(node)) {
            tensorAgain(view.tensor(), node).use(plan.backwardTime(reader));
          }
        }
      } else if (activation.store().isWritten()) {
        Tensor tensor = view.tensor();
        long bytes = batch * activation.store().bytes(view.map());
        String name = "store " + graph.stages().get(owner).name();
        boolean twice = plan.recomputation().has(view, plan.frozen());
        int first = twice ? plan.againTime(owner) : plan.forwardTime(owner);
        Buffer store = add(name, Kind.STORE, bytes, first);
        if (twice) {
          Buffer once = add("first " + name, Kind.COMMON, bytes, plan.forwardTime(owner));
          view.readers().forEach(reader -> once.use(plan.forwardTime(reader)));
          passing[view.index()] = once;
        }
        // A batch norm's gradient is made as the tensor's producer reads it.
        boolean readByProducer = view.norm() != null && !plan.frozen().tensor(tensor);
        store.use(plan.backwardTime(readByProducer ? tensor.producer() : owner));
        stores[view.index()] = store;
      }
    }
    for (Node node : graph.stages()) {
      if (plan.frozen().node(node)) {
        continue;
      }
      View factor = node.factor();
      if (factor != null) {
        tensorAgain(factor.tensor(), node).use(plan.backwardTime(node.index()));
      }
      if (node.operator().savedBytes() > 0) {
        String kind = node.operator() instanceof GroupNorm ? "moments " : "argmax ";
        Buffer own =
            add(
                kind + node.name(),
                Kind.STORE,
                batch * node.operator().savedBytes(),
                plan.isRecomputed(node.index())
                    ? plan.againTime(node.index())
                    : plan.forwardTime(node.index()));
        own.use(plan.backwardTime(node.index()));
        saved[node.index()] = own;
      }
    }
  }
}
