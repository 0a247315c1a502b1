package dev.nibble.engine.plan;

import dev.nibble.engine.plan.BackwardPlan.Term;
import dev.nibble.engine.plan.StageGraph.Node;
import dev.nibble.engine.plan.StageGraph.Tensor;
import dev.nibble.engine.plan.StageGraph.View;
import dev.nibble.kernels.Nonlinearity;
import dev.nibble.kernels.Operator.Resample;
import dev.nibble.kernels.StoreFormat;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Walks through a training plan's step and keeps account of what lies where. It derives from the
 * stages alone which value each stage must read, and fails if the plan names another buffer, if the
 * value was overwritten before, or if a buffer is used outside the life that it was laid out for.
 */
final class PlanReplay {
  /** Something written once and read later, in the bytes of a buffer. */
  private static final class Value {
    final String name;
    final Buffer buffer;
    @Nullable String overwrittenBy;

    Value(String name, Buffer buffer) {
      this.name = name;
      this.buffer = buffer;
    }
  }

  /** A summand of a gradient, as it follows from the stages. */
  private record Summand(
      Value value, @Nullable Resample transform, @Nullable View view, @Nullable Tensor slice) {
    Summand(Value value, @Nullable Resample transform, @Nullable View view) {
      this(value, transform, view, null);
    }
  }

  private final ExecutionPlan plan;
  private final List<Value> values = new ArrayList<>();
  private final Map<String, Value> byName = new HashMap<>();
  private final Map<Tensor, List<Summand>> ofTensor = new HashMap<>();
  private final Map<View, List<Summand>> ofView = new HashMap<>();
  private final List<Buffer> readNow = new ArrayList<>();

  PlanReplay(ExecutionPlan plan) {
    this.plan = plan;
  }

  /** Runs the step; returns how many reads were checked. */
  int run() {
    int reads = 0;
    BufferPlanner buffers = plan.buffers();
    List<Buffer> lasting = plan.all().stream().filter(this::lastsForever).toList();
    lasting.forEach(buffer -> write("lasting " + buffer.name() + buffer.index(), buffer, 0));
    List<Tensor> tensors = plan.graph().tensors();
    write(valueOf(tensors.getFirst()), buffers.tensor(tensors.getFirst()), 0);
    for (Node node : plan.graph().stages()) {
      reads += forward(node, plan.forwardTime(node.index()));
    }
    int time = plan.lossTime();
    read(valueOf(plan.graph().logits()), buffers.tensor(plan.graph().logits()), time);
    Buffer lossGradient = required(buffers.lossGradient(), "loss gradient");
    Tensor logits = plan.graph().logits();
    Value loss = write("gradient of the logits", lossGradient, time);
    summands(logits).add(new Summand(loss, Resample.identity(logits.map()), null));
    for (Node node : plan.graph().stages().reversed()) {
      if (!plan.frozen().node(node)) {
        reads += backward(node, plan.backwardTime(node.index()));
      }
    }
    read(valueOf(logits), buffers.tensor(logits), plan.endTime());
    for (Buffer buffer : lasting) {
      read("lasting " + buffer.name() + buffer.index(), buffer, plan.endTime());
    }
    return reads + lasting.size() + 2;
  }

  private boolean lastsForever(Buffer buffer) {
    return switch (buffer.kind()) {
      case WEIGHTS, BATCH, OTHER -> true;
      case STORE, COMMON -> false;
    };
  }

  private int forward(Node node, int time) {
    readNow.clear();
    BufferPlanner buffers = plan.buffers();
    if (node.joins()) {
      // All slices are written; from now on they are one.
      for (Tensor slice : slices(node.output())) {
        read(valueOf(slice), buffers.tensor(node.output()), time);
      }
      write(valueOf(node.output()), buffers.tensor(node.output()), time);
      return 1;
    }
    View input = node.input();
    read(valueOf(input.tensor()), buffers.tensor(input.tensor()), time);
    if (node.factor() != null) {
      read(valueOf(node.factor().tensor()), buffers.tensor(node.factor().tensor()), time);
    }
    View shortcut = node.shortcut();
    Buffer sum = null;
    if (shortcut != null) {
      read(valueOf(shortcut.tensor()), buffers.tensor(shortcut.tensor()), time);
      sum = required(node.transform(), "transform").isIdentity() ? readNow.getLast() : null;
    }
    Buffer store = buffers.store(input);
    FrozenLayers frozen = plan.frozen();
    if (store != null && frozen.owner(input) == node.index()) {
      writeApart("store " + input.index(), store, time, b -> false);
    } else if (store != null && plan.activation(input).naive()) {
      read("store " + input.index(), store, time);
    }
    Buffer saved = buffers.saved(node);
    if (saved != null) {
      writeApart("saved " + node.index(), saved, time, b -> false);
    }
    Buffer inPlace = sum;
    Buffer output = buffers.tensor(node.output());
    // A sum may be made in the shortcut's place, but never in that of the stage's input.
    Buffer operand = buffers.tensor(input.tensor());
    boolean isSlice = node.output().whole() != null;
    List<Value> before = isSlice ? slicesBefore(node) : List.of();
    writeApart(valueOf(node.output()), output, time, b -> b == inPlace && b != operand && !isSlice);
    before.forEach(slice -> slice.overwrittenBy = null); // other channels of the same pixels
    return readNow.size();
  }

  private List<Tensor> slices(Tensor whole) {
    return plan.graph().tensors().stream().filter(t -> t.whole() == whole).toList();
  }

  /** Slices that are written and not yet joined, next to the one that the stage writes. */
  private List<Value> slicesBefore(Node node) {
    List<Value> before = new ArrayList<>();
    for (Tensor slice : slices(Objects.requireNonNull(node.output().whole()))) {
      Value value = byName.get(valueOf(slice));
      if (value != null && value.overwrittenBy == null) {
        before.add(value);
      }
    }
    return before;
  }

  /** The sum of what the readers leave, or what the only one leaves, is each slice's part. */
  private int join(Node node, BackwardPlan backward, int time) {
    readTerms(node.name(), backward.outputTerms(), summands(node.output()), time);
    Buffer gradientOut = backward.gradientOut();
    Value gradient =
        gradientOut == null
            ? summands(node.output()).getFirst().value()
            : writeApart(
                "sum of gradients " + node.index(),
                gradientOut,
                time,
                plainOf(backward.outputTerms()));
    for (Tensor slice : slices(node.output())) {
      if (!plan.frozen().tensor(slice)) {
        summands(slice).add(new Summand(gradient, null, null, slice));
      }
    }
    return readNow.size();
  }

  private int backward(Node node, int time) {
    readNow.clear();
    BufferPlanner buffers = plan.buffers();
    BackwardPlan backward = buffers.backward(node);
    if (node.joins()) {
      return join(node, backward, time);
    }
    View input = node.input();
    Value sum = null;
    readTerms(node.output().name(), backward.outputTerms(), summands(node.output()), time);
    FrozenLayers frozen = plan.frozen();
    if (plan.activation(input).store() == StoreFormat.KEPT) {
      read(valueOf(input.tensor()), buffers.tensor(input.tensor()), time);
    } else if (plan.activation(input).store().isWritten()) {
      Buffer store = required(buffers.store(input), "store of " + node.name());
      read("store " + input.index(), store, time);
    }
    if (buffers.saved(node) != null) {
      read("saved " + node.index(), required(buffers.saved(node), "saved values"), time);
    }
    View factor = node.factor();
    if (factor != null) {
      read(valueOf(factor.tensor()), buffers.tensor(factor.tensor()), time);
    }
    boolean finishes = input.owner() == node.index() && !input.isIdentity();
    List<Summand> rest = finishes ? summands(input) : List.of();
    readTerms("activation of " + node.name(), backward.activationTerms(), rest, time);
    Buffer gradientOut = backward.gradientOut();
    if (gradientOut != null) {
      Predicate<Buffer> ownTerm = plainOf(backward.outputTerms());
      sum = writeApart("sum of gradients " + node.index(), gradientOut, time, ownTerm);
    }
    View shortcut = node.shortcut();
    if (shortcut != null && !frozen.view(shortcut)) {
      Value gradient = sum != null ? sum : summands(node.output()).getFirst().value();
      Summand summand = new Summand(gradient, node.transform(), null);
      (shortcut.isIdentity() ? summands(shortcut.tensor()) : summands(shortcut)).add(summand);
    }
    if (factor != null) {
      Buffer target = required(backward.factorGradient(), "gradient of the factor");
      Value value =
          writeApart("gradient of the factor of " + node.index(), target, time, b -> false);
      if (!frozen.view(factor)) {
        summands(factor.tensor()).add(new Summand(value, Resample.identity(factor.map()), null));
      }
    }
    Buffer dx = backward.dx();
    boolean fromTrained = !frozen.view(input) && !(finishes && frozen.tensor(input.tensor()));
    if ((dx != null) != (fromTrained && input.tensor().producer() >= 0)) {
      throw new AssertionError("What is trained has a gradient, not so before " + node.name());
    }
    if (dx != null) {
      // What a stage copies has the gradient of the copy, which may stay where it is.
      Value copied = copies(node) && rest.isEmpty() ? gradientOf(node, sum) : null;
      if (copied != null && dx == copied.buffer) {
        read(copied.name, dx, time);
        handOn(node, copied, finishes);
        return readNow.size();
      }
      if (dx == gradientOut) {
        throw new AssertionError(node.name() + " writes both gradients to " + dx.name());
      }
      boolean isOutputs = backward.outputTerms().stream().anyMatch(term -> term.buffer() == dx);
      if (isOutputs && !(node.operator() instanceof Resample r && r.isIdentity())) {
        throw new AssertionError(
            node.name() + " writes over its output's gradient, which its weights' gradient reads");
      }
      Predicate<Buffer> ownTerm = plainOf(backward.activationTerms());
      Value value = writeApart("gradient of " + node.index(), dx, time, ownTerm);
      handOn(node, value, finishes);
    }
    return readNow.size();
  }

  private static boolean copies(Node node) {
    return node.operator() instanceof Resample resample
        && resample.isIdentity()
        && node.input().function() instanceof Nonlinearity.Identity;
  }

  /** The gradient of the stage's output, if it lies in one buffer. */
  private @Nullable Value gradientOf(Node node, @Nullable Value sum) {
    List<Summand> terms = summands(node.output());
    if (sum != null || terms.size() != 1) {
      return sum;
    }
    Summand only = terms.getFirst();
    return only.transform() != null && only.transform().isIdentity() ? only.value() : null;
  }

  private void handOn(Node node, Value value, boolean finishes) {
    View input = node.input();
    Resample plain = Resample.identity(input.tensor().map());
    if (input.isIdentity()) {
      summands(input.tensor()).add(new Summand(value, plain, null));
    } else if (!finishes) {
      summands(input).add(new Summand(value, plain, null));
    } else if (input.norm() == null) {
      summands(input.tensor()).add(new Summand(value, plain, null));
    } else {
      summands(input.tensor()).add(new Summand(value, null, input));
    }
  }

  /** Value by value the sum's: a plain term, or one that comes through a batch norm. */
  private static Predicate<Buffer> plainOf(List<Term> terms) {
    return b ->
        terms.stream()
            .anyMatch(term -> term.buffer() == b && (term.isPlain() || term.view() != null));
  }

  private List<Summand> summands(Tensor tensor) {
    return ofTensor.computeIfAbsent(tensor, t -> new ArrayList<>());
  }

  private List<Summand> summands(View view) {
    return ofView.computeIfAbsent(view, v -> new ArrayList<>());
  }

  /** The plan's terms must be the summands, each in the buffer where its value was left. */
  private void readTerms(String what, List<Term> terms, List<Summand> expected, int time) {
    if (terms.size() != expected.size()) {
      throw new AssertionError(
          "%s sums %d gradients, not %d".formatted(what, terms.size(), expected.size()));
    }
    List<Term> left = new ArrayList<>(terms);
    for (Summand summand : expected) {
      // One at a time: a tensor that is added to itself has the same term twice.
      Term found =
          left.stream()
              .filter(
                  term ->
                      term.buffer() == summand.value().buffer
                          && term.view() == summand.view()
                          && term.slice() == summand.slice()
                          && Objects.equals(term.transform(), summand.transform()))
              .findFirst()
              .orElse(null);
      if (found == null) {
        throw new AssertionError("%s does not sum %s".formatted(what, summand.value().name));
      }
      left.remove(found);
      read(summand.value().name, summand.value().buffer, time);
      View view = summand.view();
      if (view != null) {
        Buffer store = required(plan.buffers().store(view), "store of the norm behind " + what);
        read("store " + view.index(), store, time);
      }
    }
  }

  private String valueOf(Tensor tensor) {
    return "tensor " + tensor.index() + " " + tensor.name();
  }

  private void read(String name, Buffer buffer, int time) {
    Value value = byName.get(name);
    if (value == null) {
      throw new AssertionError(name + " is read before it is written, at " + time);
    }
    if (value.buffer != buffer) {
      throw new AssertionError(
          name + " lies in " + value.buffer.name() + ", but is read from " + buffer.name());
    }
    if (value.overwrittenBy != null) {
      throw new AssertionError(name + " was overwritten by " + value.overwrittenBy);
    }
    checkLife(buffer, time);
    readNow.add(buffer);
  }

  /** Writes beside everything the same stage reads, save for the buffers that it may reuse. */
  private Value writeApart(String name, Buffer buffer, int time, Predicate<Buffer> reusable) {
    for (Buffer other : readNow) {
      if (overlap(other, buffer) && !(other == buffer && reusable.test(buffer))) {
        throw new AssertionError(
            "%s is written over %s, which its own stage reads".formatted(name, other.name()));
      }
    }
    return write(name, buffer, time);
  }

  private Value write(String name, Buffer buffer, int time) {
    checkLife(buffer, time);
    for (Value value : values) {
      if (value.overwrittenBy == null && overlap(value.buffer, buffer)) {
        value.overwrittenBy = name;
      }
    }
    Value value = new Value(name, buffer);
    values.add(value);
    if (byName.put(name, value) != null) {
      throw new AssertionError(name + " is written twice");
    }
    return value;
  }

  private void checkLife(Buffer buffer, int time) {
    var request = plan.memory().placements().get(buffer.index()).request();
    if (time < request.firstUse() || time > request.lastUse()) {
      throw new AssertionError("%s is used at %d".formatted(request, time));
    }
  }

  private boolean overlap(Buffer a, Buffer b) {
    long from = plan.memory().placements().get(a.index()).offset();
    long other = plan.memory().placements().get(b.index()).offset();
    return from < other + b.bytes() && other < from + a.bytes();
  }

  private static <T> T required(@Nullable T value, String what) {
    if (value == null) {
      throw new AssertionError("The plan lacks a " + what);
    }
    return value;
  }
}
