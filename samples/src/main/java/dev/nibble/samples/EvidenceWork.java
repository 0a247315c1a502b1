package dev.nibble.samples;

import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.gradients.GradientOptions;
import dev.nibble.engine.gradients.GradientReport;
import dev.nibble.engine.json.JsonException;
import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.provider.KernelProvider;
import dev.nibble.memory.MemoryAccount;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Works through a grid: several trainings at once, each on one thread, then the gradient reports.
 * What was done before is not done again. The thread that runs it waits, and tells how far it is.
 */
final class EvidenceWork {
  private static final long LOOK_MILLIS = 200;

  private final EvidenceGrid grid;
  private final EvidenceGrid chosen;
  private final EvidenceRecord record;
  private final Path runs;
  private final int jobs;
  private final int batches;
  private final LiveLine line;
  private final Runnable changed;
  private final Map<String, EvidenceRun> trainings = new LinkedHashMap<>();
  private final Map<String, JsonObject> results = new LinkedHashMap<>();
  private final Map<String, JsonObject> reports = new LinkedHashMap<>();
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
  private volatile boolean cancelled;

  /**
   * Prepares the work.
   *
   * @param grid all that is shown, as far as it is done
   * @param chosen the part of it that is worked through
   * @param record what was written before, maybe on another machine
   * @param runs folder with a folder for each training
   * @param jobs trainings at once
   * @param batches of each gradient report
   * @param changed called, by one thread at a time, when something more is known
   */
  EvidenceWork(
      EvidenceGrid grid,
      EvidenceGrid chosen,
      EvidenceRecord record,
      Path runs,
      int jobs,
      int batches,
      LiveLine line,
      Consumer<String> warnings,
      Runnable changed) {
    this.grid = grid;
    this.chosen = chosen;
    this.record = record;
    this.runs = runs;
    this.jobs = jobs;
    this.batches = batches;
    this.line = line;
    this.changed = changed;
    for (EvidenceCell cell : grid.cells()) {
      trainings.put(cell.id(), new EvidenceRun(cell, runs, warnings));
    }
  }

  /** Finds what is done already. */
  void find() {
    for (EvidenceRun training : trainings.values()) {
      JsonObject own = training.result();
      JsonObject result = own == null ? record.run(training.cell()) : own;
      if (result != null) {
        results.put(training.cell().id(), result);
      }
    }
    for (EvidenceGrid.Report report : grid.reports()) {
      JsonObject own = read(file(report));
      JsonObject json = own == null ? record.report(report) : own;
      if (json != null) {
        reports.put(report.id(), json);
      }
    }
  }

  private static @Nullable JsonObject read(Path file) {
    try {
      return Files.exists(file) ? JsonParser.parse(Files.readString(file)).asObject() : null;
    } catch (IOException e) {
      throw BadInputException.file("read", file, e);
    } catch (JsonException e) {
      throw new BadInputException(
          file + " is damaged (" + e.getMessage() + "): delete it, and it is made anew.", e);
    }
  }

  private Path file(EvidenceGrid.Report report) {
    return runs.resolve("gradients-" + report.id() + ".json");
  }

  /** Results of the trainings that are done, in the grid's order. */
  synchronized List<JsonObject> results() {
    return trainings.keySet().stream().filter(results::containsKey).map(results::get).toList();
  }

  /** The gradient reports that are done, in the grid's order. */
  synchronized List<JsonObject> reports() {
    return grid.reports().stream()
        .filter(report -> reports.containsKey(report.id()))
        .map(report -> reports.get(report.id()))
        .toList();
  }

  /** The ways of the whole grid, in its order. */
  List<String> ways() {
    return grid.ways();
  }

  /** Whether everything is done. */
  synchronized boolean isComplete() {
    return results.size() == grid.cells().size() && reports.size() == grid.reports().size();
  }

  /** Whether it was told to stop. */
  boolean isCancelled() {
    return cancelled;
  }

  /** Trainings and reports that are done. */
  synchronized int done() {
    return results.size() + reports.size();
  }

  /** Trainings and reports in all. */
  int size() {
    return grid.cells().size() + grid.reports().size();
  }

  /** Asks everything to stop after the step at hand; what is done of a training is saved. */
  void cancel() {
    cancelled = true;
    trainings.values().forEach(EvidenceRun::cancel);
  }

  /** Works until all is done, or cancelled; what fails cancels the rest, and is thrown. */
  void run() {
    List<Runnable> first = new ArrayList<>();
    for (EvidenceCell cell : chosen.cells()) {
      EvidenceRun training = Objects.requireNonNull(trainings.get(cell.id()));
      first.add(() -> train(training));
    }
    inParallel(first);
    List<Runnable> second = new ArrayList<>();
    for (EvidenceGrid.Report report : chosen.reports()) {
      second.add(() -> report(report));
    }
    inParallel(second);
    Throwable thrown = failure.get();
    if (thrown instanceof RuntimeException e) {
      throw e;
    }
    if (thrown instanceof Error e) {
      throw e;
    }
  }

  private void inParallel(List<Runnable> tasks) {
    Queue<Runnable> queue = new ConcurrentLinkedQueue<>(tasks);
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < Math.min(jobs, tasks.size()); i++) {
      threads.add(Thread.ofPlatform().name("nibble-evidence-" + i).start(() -> workThrough(queue)));
    }
    for (Thread thread : threads) {
      await(thread);
    }
  }

  private void await(Thread thread) {
    while (thread.isAlive()) {
      try {
        thread.join(LOOK_MILLIS);
      } catch (InterruptedException e) {
        cancel(); // the trainings end after their step, and their threads with them
      }
      if (line.isDue()) {
        line.show(progress());
      }
    }
  }

  private void workThrough(Queue<Runnable> queue) {
    for (Runnable task = queue.poll(); task != null && !cancelled; task = queue.poll()) {
      try {
        task.run();
      } catch (RuntimeException | Error e) {
        failure.compareAndSet(null, e);
        cancel();
      }
    }
  }

  private void train(EvidenceRun training) {
    boolean known;
    synchronized (this) {
      known = results.containsKey(training.cell().id());
      if (known && !lacksStates(training)) {
        return;
      }
    }
    JsonObject result = training.run();
    if (result != null && !known) {
      synchronized (this) {
        results.put(training.cell().id(), result);
        changed.run();
        line.print(said(training.cell(), result));
      }
    }
  }

  /** Whether a training that is done elsewhere is made again, for the weights of its reports. */
  private boolean lacksStates(EvidenceRun training) {
    return chosen.reports().stream()
        .filter(report -> report.cell().equals(training.cell()))
        .filter(report -> !reports.containsKey(report.id()))
        .anyMatch(report -> !Files.exists(training.state(report.state())));
  }

  private static String said(EvidenceCell cell, JsonObject result) {
    if (result.find("diverged") != null) {
      return cell.id() + ": " + result.get("diverged").asString();
    }
    return String.format(
        Locale.ROOT,
        "%s: test accuracy %.2f %%",
        cell.id(),
        100 * result.get("test_accuracy").asDouble());
  }

  private void report(EvidenceGrid.Report report) {
    EvidenceRun training = trainings.get(report.cell().id());
    boolean known;
    synchronized (this) {
      known = reports.containsKey(report.id());
    }
    if (training == null || known || !Files.exists(training.state(report.state()))) {
      return; // no state where the training diverged before it
    }
    JsonObject json = compare(report, training.state(report.state()));
    synchronized (this) {
      EvidenceRun.write(file(report), json);
      reports.put(report.id(), json);
      changed.run();
      line.print("gradients of " + report.id() + " compared");
    }
  }

  private JsonObject compare(EvidenceGrid.Report report, Path weights) {
    Kernels kernels = KernelProvider.choose(null);
    GradientOptions options =
        GradientOptions.of(Inputs.activations(report.activations()))
            .withBatches(batches, report.cell().batch())
            .withThreads(1);
    try (DataSplits data = Inputs.open(report.cell().data(), null, false);
        MemoryAccount account = MemoryAccount.root("gradients", MemoryAccount.UNLIMITED)) {
      GradientReport gradients =
          GradientReport.ofModel(weights, data.train(), options, kernels, account);
      return JsonObject.builder()
          .put("id", report.id())
          .put("weights_of", report.cell().id())
          .put("state", report.state())
          .put("report", GradientTable.json(gradients, data.name()))
          .build();
    }
  }

  private String progress() {
    StringBuilder text = new StringBuilder();
    text.append(done()).append(" of ").append(size()).append(" done");
    for (EvidenceRun training : trainings.values()) {
      if (training.share() > 0 && training.share() < 1) {
        text.append(
            String.format(
                Locale.ROOT, ", %s %.0f %%", training.cell().id(), 100 * training.share()));
      }
    }
    return text.toString();
  }
}
