package dev.nibble.engine.gradients;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.loading.Augmentation;
import dev.nibble.engine.data.loading.BatchSlot;
import dev.nibble.engine.data.loading.PrefetchingDataLoader;
import dev.nibble.engine.exec.BackwardWalk;
import dev.nibble.engine.exec.FormatMeter;
import dev.nibble.engine.exec.Session;
import dev.nibble.engine.exec.SessionOptions;
import dev.nibble.engine.model.ModelInfo;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.FormatBudget;
import dev.nibble.engine.plan.FormatErrors;
import dev.nibble.engine.plan.Lowering;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.engine.plan.StageGraph;
import dev.nibble.engine.plan.StageGraph.Node;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.memory.MemoryAccount;
import dev.nibble.memory.Slab;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Walks the exact pass and the others back in step, so that one buffer of each holds the gradient
 * that is compared.
 */
final class GradientComparison implements AutoCloseable {
  private final Network network;
  private final GradientOptions options;
  private final int batch;
  private final List<Session> sessions = new ArrayList<>();
  private final List<Slab> probes = new ArrayList<>();
  private final LayerSums sums;
  private final Map<String, StoreFormat> formats;

  private GradientComparison(
      Network network,
      ModelInfo info,
      Consumer<Session> weights,
      Dataset pictures,
      int batch,
      GradientOptions options,
      Kernels kernels,
      MemoryAccount account) {
    this.network = network;
    this.options = options;
    this.batch = batch;
    Consumer<Session> prepare =
        session -> {
          weights.accept(session);
          session.setNormalization(info.mean(), info.std(), info.pictureMean());
        };
    this.formats = formats(prepare, pictures, kernels, account);
    try {
      open(StoreFormat.FP32, false, kernels, account);
      open(options.store(), false, kernels, account);
      if (options.naive() && options.store().isCodes()) {
        open(options.store(), true, kernels, account);
      }
      sessions.forEach(prepare);
      this.sums = new LayerSums(exact().plan(), sessions.size() - 1);
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  private Map<String, StoreFormat> formats(
      Consumer<Session> prepare, Dataset pictures, Kernels kernels, MemoryAccount account) {
    if (options.averageBits() == 0) {
      return Map.of();
    }
    StageGraph graph = Lowering.lower(network);
    PlanOptions planned = PlanOptions.training(batch, options.store(), false);
    int few = Math.min(batch, FormatMeter.PICTURES);
    FormatErrors errors =
        FormatMeter.measure(
            graph,
            planned.withBatch(few),
            SessionOptions.of(options.threads()),
            kernels,
            account,
            prepare,
            (slots, start, end) -> loader(pictures, few, slots, end),
            options.averageBits());
    if (errors != null) {
      return errors.mixture();
    }
    FormatBudget budget = FormatBudget.of(graph, planned);
    return budget.after(budget.within(options.averageBits()));
  }

  private PrefetchingDataLoader loader(
      Dataset pictures, int count, List<BatchSlot> slots, long batches) {
    return new PrefetchingDataLoader(
        pictures, count, Augmentation.NONE, true, options.seed(), slots, 0, batches, true);
  }

  @SuppressWarnings("MustBeClosedChecker") // closed with the comparison
  private void open(StoreFormat store, boolean naive, Kernels kernels, MemoryAccount account) {
    PlanOptions planned = PlanOptions.training(batch, store, naive);
    ExecutionPlan plan =
        ExecutionPlan.of(network, store.isCodes() ? planned.withFormats(formats) : planned);
    sessions.add(Session.open(plan, SessionOptions.of(options.threads()), kernels, account));
    long most = plan.graph().tensors().stream().mapToLong(t -> t.map().bytes()).max().orElse(0);
    probes.add(Slab.allocate(account, Slab.sizeFor(batch * most), "a gradient that is compared"));
  }

  /** Compares; see {@link GradientReport}. */
  static GradientReport run(
      Network network,
      ModelInfo info,
      Consumer<Session> weights,
      Dataset pictures,
      GradientOptions options,
      Kernels kernels,
      MemoryAccount account) {
    checkFits(network, pictures);
    int batch = Math.min(options.batch(), pictures.size());
    try (GradientComparison comparison =
        new GradientComparison(
            network, info, weights, pictures, batch, options, kernels, account)) {
      return comparison.run(pictures);
    }
  }

  private static void checkFits(Network network, Dataset pictures) {
    FeatureMap map = network.input();
    if (pictures.height() != map.height()
        || pictures.width() != map.width()
        || pictures.channels() != map.channels()) {
      throw new DataException(
          "The network reads pictures of %s, but these are %dx%dx%d"
              .formatted(map, pictures.height(), pictures.width(), pictures.channels()));
    }
    if (pictures.classNames().size() != network.classes()) {
      throw new DataException(
          "The network has %d outputs, but the pictures have %d %s"
              .formatted(network.classes(), pictures.classNames().size(), pictures.task().names()));
    }
    if (pictures.classNames().size() < 2) {
      throw new DataException(
          "The pictures have a single class, '%s', and nothing to tell it from: give some of at least 2 classes"
              .formatted(pictures.classNames().getFirst()));
    }
  }

  private Session exact() {
    return sessions.getFirst();
  }

  private GradientReport run(Dataset pictures) {
    double loss = 0;
    long count = 0;
    try (PrefetchingDataLoader loader =
        loader(pictures, batch, exact().slots(), options.batches())) {
      for (BatchSlot slot = loader.take(); slot != null; slot = loader.take()) {
        exact().load(slot);
        for (Session session : sessions.subList(1, sessions.size())) {
          session.input().copyFrom(exact().input());
          session.slots().getFirst().labels().copyFrom(slot.labels());
        }
        compare(slot);
        if (!Double.isFinite(exact().lossSum())) {
          throw new DataException(
              "The loss of %s on these pictures is not finite: there is no gradient to compare."
                  .formatted(network.name()));
        }
        loss += exact().lossSum();
        count += slot.count();
        loader.release(slot);
      }
    }
    return new GradientReport(
        network.name(),
        options.store(),
        batch,
        options.batches(),
        sums.layers(),
        sums.total(),
        loss / count,
        formats);
  }

  private void compare(BatchSlot slot) {
    int count = slot.count();
    List<BackwardWalk> walks = new ArrayList<>();
    for (Session session : sessions) {
      BatchSlot own = session == exact() ? slot : session.slots().getFirst();
      walks.add(session.walkBack(own.labels(), count));
    }
    while (walks.getFirst().hasNext()) {
      Node node = walks.getFirst().node();
      for (int i = 0; i < walks.size(); i++) {
        walks.get(i).copyOutputGradient(probes.get(i).segment());
        walks.get(i).step();
      }
      long values = (long) count * node.output().map().values();
      for (int i = 1; i < walks.size(); i++) {
        sums.addTensor(
            i - 1, node.output(), probes.getFirst().segment(), probes.get(i).segment(), values);
      }
    }
    for (int i = 1; i < sessions.size(); i++) {
      sums.addParameters(i - 1, exact()::gradient, sessions.get(i)::gradient);
    }
    sums.addNoise(exact()::gradient);
  }

  @Override
  public void close() {
    probes.reversed().forEach(Slab::close);
    sessions.reversed().forEach(Session::close);
  }
}
