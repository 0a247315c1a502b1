package dev.nibble.engine.plan;

import dev.nibble.engine.plan.BackwardPlan.Term;
import dev.nibble.engine.plan.Buffer.Kind;
import dev.nibble.engine.plan.StageGraph.Node;
import dev.nibble.engine.plan.StageGraph.Tensor;
import dev.nibble.engine.plan.StageGraph.View;
import dev.nibble.kernels.Activation;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Nonlinearity;
import dev.nibble.kernels.Operator.Resample;
import dev.nibble.kernels.StoreFormat;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
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
  private final @Nullable Buffer[] argmax;
  private final List<BackwardPlan> backward = new ArrayList<>();
  private @Nullable Buffer lossGradient;

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
    this.argmax = new @Nullable Buffer[graph.stages().size()];
    this.persistent = new PersistentBuffers(plan, this::add);
    planForward();
    if (plan.options().isTraining()) {
      plan.recomputation().runs().forEach(this::planAgain);
      planStores();
      new BackwardPlanner().run();
    }
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

  /** Where max pooling leaves its winners; null for other stages and for inference. */
  public @Nullable Buffer argmax(Node node) {
    return argmax[node.index()];
  }

  /** A stage's backward pass; only in a plan for training. */
  public BackwardPlan backward(Node node) {
    return backward.get(node.index());
  }

  /** Where the loss leaves the gradient of the logits; null for inference. */
  public @Nullable Buffer lossGradient() {
    return lossGradient;
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
      if (node.operator().argmaxBytes() > 0) {
        Buffer winners =
            add(
                "argmax " + node.name(),
                Kind.STORE,
                (long) batch * node.output().map().values() * node.operator().argmaxBytes(),
                plan.isRecomputed(node.index())
                    ? plan.againTime(node.index())
                    : plan.forwardTime(node.index()));
        winners.use(plan.backwardTime(node.index()));
        argmax[node.index()] = winners;
      }
    }
  }

  /** Walks the stages back, handing every tensor's gradient on as a list of terms. */
  private final class BackwardPlanner {
    private final List<List<Term>> tensorTerms = new ArrayList<>();
    private final List<List<Term>> viewTerms = new ArrayList<>();

    void run() {
      graph.tensors().forEach(t -> tensorTerms.add(new ArrayList<>()));
      graph.views().forEach(v -> viewTerms.add(new ArrayList<>()));
      Tensor logits = graph.logits();
      Buffer loss = add("gradient logits", Kind.COMMON, bytes(logits.map()), plan.lossTime());
      lossGradient = loss;
      promise(tensorTerms.get(logits.index()), plain(loss, logits.map()));
      for (Node node : graph.stages().reversed()) {
        int time = plan.backwardTime(node.index());
        backward.addFirst(plan.frozen().node(node) ? BackwardPlan.NONE : plan(node, time));
      }
    }

    private BackwardPlan plan(Node node, int time) {
      if (node.joins()) {
        return join(node, time);
      }
      List<Term> outputTerms = tensorTerms.get(node.output().index());
      read(outputTerms, time);
      Buffer gradientOut = null;
      FrozenLayers frozen = plan.frozen();
      View shortcut = node.shortcut();
      Resample transform = node.transform();
      if (shortcut != null && transform != null && !frozen.view(shortcut)) {
        Buffer gradient;
        if (outputTerms.size() == 1 && outputTerms.getFirst().isPlain()) {
          gradient = outputTerms.getFirst().buffer();
        } else {
          gradient =
              reuseOrAdd(
                  outputTerms, "gradient " + node.output().name(), node.output().map(), time);
          gradientOut = gradient;
        }
        promise(termsOf(shortcut), new Term(gradient, transform, null, null));
      }
      View input = node.input();
      Buffer factorGradient = factorGradient(node, time);
      if (input.tensor().producer() < 0) {
        return new BackwardPlan(
            List.copyOf(outputTerms), gradientOut, List.of(), null, factorGradient);
      }
      boolean finishes = input.isIdentity() || input.owner() == node.index();
      List<Term> activationTerms =
          finishes && !input.isIdentity() ? viewTerms.get(input.index()) : List.of();
      read(activationTerms, time);
      if (frozen.view(input) || (finishes && frozen.tensor(input.tensor()))) {
        // Nobody reads the input's gradient: what lies before is not trained.
        return new BackwardPlan(
            List.copyOf(outputTerms),
            gradientOut,
            List.copyOf(activationTerms),
            null,
            factorGradient);
      }
      FeatureMap map = input.tensor().map();
      Buffer same = activationTerms.isEmpty() ? copied(node, outputTerms, gradientOut) : null;
      Buffer dx =
          same != null
              ? same
              : reuseOrAdd(
                  overwritable(node, outputTerms, activationTerms),
                  "gradient " + input.tensor().name(),
                  map,
                  time);
      if (!finishes) {
        promise(viewTerms.get(input.index()), plain(dx, map));
      } else if (input.norm() != null) {
        promise(tensorTerms.get(input.tensor().index()), new Term(dx, null, input, null));
      } else {
        promise(tensorTerms.get(input.tensor().index()), plain(dx, map));
      }
      return new BackwardPlan(
          List.copyOf(outputTerms), gradientOut, List.copyOf(activationTerms), dx, factorGradient);
    }

    private @Nullable Buffer factorGradient(Node node, int time) {
      View factor = node.factor();
      if (factor == null) {
        return null;
      }
      FeatureMap map = factor.map();
      Buffer gradient = add("gradient " + factor.tensor().name(), Kind.COMMON, bytes(map), time);
      if (!plan.frozen().view(factor)) {
        promise(tensorTerms.get(factor.tensor().index()), plain(gradient, map));
      }
      return gradient;
    }

    /** The gradient of a concatenation is one buffer, of which each slice reads its part. */
    private BackwardPlan join(Node node, int time) {
      List<Term> terms = List.copyOf(tensorTerms.get(node.output().index()));
      read(terms, time);
      Buffer gradientOut = null;
      Buffer gradient;
      if (terms.size() == 1 && terms.getFirst().isPlain()) {
        gradient = terms.getFirst().buffer();
      } else {
        gradient = reuseOrAdd(terms, "gradient " + node.name(), node.output().map(), time);
        gradientOut = gradient;
      }
      for (Tensor slice : graph.tensors()) {
        if (slice.whole() == node.output() && !plan.frozen().tensor(slice)) {
          promise(tensorTerms.get(slice.index()), new Term(gradient, null, null, slice));
        }
      }
      return new BackwardPlan(terms, gradientOut, List.of(), null, null);
    }

    private List<Term> termsOf(View view) {
      return view.isIdentity()
          ? tensorTerms.get(view.tensor().index())
          : viewTerms.get(view.index());
    }

    private void read(List<Term> terms, int time) {
      terms.forEach(term -> term.buffer().read(time));
    }

    private void promise(List<Term> terms, Term term) {
      term.buffer().promiseRead();
      terms.add(term);
    }

    private Term plain(Buffer buffer, FeatureMap map) {
      return new Term(buffer, Resample.identity(map), null, null);
    }

    /**
     * Where the gradient of what a stage only copies lies already: that of its output, if it is one
     * buffer. The stage writes into it what is there.
     */
    private @Nullable Buffer copied(
        Node node, List<Term> outputTerms, @Nullable Buffer gradientOut) {
      boolean copies =
          node.operator() instanceof Resample resample
              && resample.isIdentity()
              && node.input().function() instanceof Nonlinearity.Identity;
      if (!copies || gradientOut != null) {
        return copies ? gradientOut : null;
      }
      boolean one = outputTerms.size() == 1 && outputTerms.getFirst().isPlain();
      return one ? outputTerms.getFirst().buffer() : null;
    }

    /**
     * The terms of an activation's gradient in whose place it may be written: not those that are
     * the output's gradient, too, of which an operator reads more than one value for each, and its
     * weights' gradient all of it afterwards. A shortcut that leaves such a stage's input and is
     * added behind it makes one buffer both.
     */
    private static List<Term> overwritable(
        Node node, List<Term> outputTerms, List<Term> activationTerms) {
      if (node.operator() instanceof Resample resample && resample.isIdentity()) {
        return activationTerms; // value by value, and without weights
      }
      return activationTerms.stream()
          .filter(term -> outputTerms.stream().noneMatch(o -> o.buffer() == term.buffer()))
          .toList();
    }

    /** The buffer of a term, value by value that of the sum, that nobody reads any more; or new. */
    private Buffer reuseOrAdd(List<Term> terms, String name, FeatureMap map, int time) {
      for (Term term : terms) {
        if (term.isAligned() && !term.buffer().isPending()) {
          return term.buffer();
        }
      }
      return add(name, Kind.COMMON, bytes(map), time);
    }
  }
}
