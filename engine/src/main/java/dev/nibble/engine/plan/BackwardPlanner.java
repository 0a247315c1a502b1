package dev.nibble.engine.plan;

import dev.nibble.engine.plan.BackwardPlan.Term;
import dev.nibble.engine.plan.Buffer.Kind;
import dev.nibble.engine.plan.StageGraph.Node;
import dev.nibble.engine.plan.StageGraph.Tensor;
import dev.nibble.engine.plan.StageGraph.View;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Nonlinearity;
import dev.nibble.kernels.Operator.Resample;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Walks the stages back, handing every tensor's gradient on as a list of terms. */
final class BackwardPlanner {
  private final ExecutionPlan plan;
  private final StageGraph graph;
  private final PersistentBuffers.Adder buffers;
  private final List<List<Term>> tensorTerms = new ArrayList<>();
  private final List<List<Term>> viewTerms = new ArrayList<>();
  private final List<BackwardPlan> stages = new ArrayList<>();
  private final Buffer lossGradient;

  /** Plans all stages' backward passes, adding the buffers that they need. */
  BackwardPlanner(ExecutionPlan plan, PersistentBuffers.Adder buffers) {
    this.plan = plan;
    this.graph = plan.graph();
    this.buffers = buffers;
    graph.tensors().forEach(t -> tensorTerms.add(new ArrayList<>()));
    graph.views().forEach(v -> viewTerms.add(new ArrayList<>()));
    Tensor logits = graph.logits();
    this.lossGradient = add("gradient logits", logits.map(), plan.lossTime());
    promise(tensorTerms.get(logits.index()), plain(lossGradient, logits.map()));
    for (Node node : graph.stages().reversed()) {
      int time = plan.backwardTime(node.index());
      stages.addFirst(plan.frozen().node(node) ? BackwardPlan.NONE : plan(node, time));
    }
  }

  /** A stage's backward pass. */
  BackwardPlan stage(Node node) {
    return stages.get(node.index());
  }

  /** Where the loss leaves the gradient of the logits. */
  Buffer lossGradient() {
    return lossGradient;
  }

  private Buffer add(String name, FeatureMap map, int time) {
    return buffers.add(name, Kind.COMMON, plan.localBatch() * map.bytes(), time);
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
            reuseOrAdd(outputTerms, "gradient " + node.output().name(), node.output().map(), time);
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
    Buffer gradient = add("gradient " + factor.tensor().name(), map, time);
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
    return view.isIdentity() ? tensorTerms.get(view.tensor().index()) : viewTerms.get(view.index());
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
  private @Nullable Buffer copied(Node node, List<Term> outputTerms, @Nullable Buffer gradientOut) {
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
   * The terms of an activation's gradient in whose place it may be written: not those that are the
   * output's gradient, too, of which an operator reads more than one value for each, and its
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
    return add(name, map, time);
  }
}
