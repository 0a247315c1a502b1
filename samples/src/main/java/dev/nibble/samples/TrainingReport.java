package dev.nibble.samples;

import dev.nibble.engine.data.Task;
import dev.nibble.engine.infer.Metrics;
import dev.nibble.engine.train.Trainer;
import dev.nibble.engine.train.TrainingListener;
import dev.nibble.memory.ByteSize;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Tells a run's course: to the user, to metrics.jsonl, and in curves.png. */
final class TrainingReport implements TrainingListener {
  /** Weight of the newest step in the figures shown. */
  private static final double NEWEST = 0.1;

  /** Epochs may be shorter than it takes to draw them. */
  private static final double DRAWING_SECONDS = 10;

  private final Trainer trainer;
  private final RunFolder folder;
  private final MetricsFile metrics;
  private final History history;
  private final LiveLine line;
  private final PrintWriter err;
  private final String title;
  private final long planned;
  private final Task task;
  private final boolean classMetrics;
  private final long start = System.nanoTime();
  private double loss = Double.NaN;
  private double accuracy;
  private final RecentSteps recent = new RecentSteps();
  private double pictures;
  private double testSeconds;
  private double lastDrawing = Double.NEGATIVE_INFINITY;
  private boolean curvesFailed;

  TrainingReport(
      Trainer trainer,
      RunFolder folder,
      MetricsFile metrics,
      History history,
      LiveLine line,
      PrintWriter err,
      String title,
      long planned,
      Task task,
      boolean classMetrics) {
    this.trainer = trainer;
    this.folder = folder;
    this.metrics = metrics;
    this.history = history;
    this.line = line;
    this.err = err;
    this.title = title;
    this.planned = planned;
    this.task = task;
    this.classMetrics = classMetrics;
    history.scoredBy(TaskWords.score(task));
  }

  @Override
  public void onStep(Step step) {
    metrics.write(step);
    history.addStep(step.step(), step.loss(), step.accuracy());
    double share = Double.isNaN(loss) ? 1 : NEWEST;
    loss = mix(loss, step.loss(), share);
    accuracy = mix(accuracy, step.accuracy(), share);
    recent.add(step.stepSeconds());
    pictures = step.imagesPerSecond() * step.stepSeconds();
    if (line.isDue()) {
      line.show(progress(step));
    }
  }

  private static double mix(double old, double newest, double share) {
    return share == 1 ? newest : old + share * (newest - old);
  }

  private String progress(Step step) {
    long perEpoch = trainer.stepsPerEpoch();
    long total = trainer.totalSteps();
    long left = total - step.step();
    double stepSeconds = recent.typical();
    String speed =
        Double.isNaN(stepSeconds)
            ? "starting"
            : String.format(
                Locale.ROOT,
                "%.0f images/s  %s left",
                pictures / stepSeconds,
                time(left * stepSeconds + Math.ceilDiv(left, perEpoch) * testSeconds));
    return String.format(
        Locale.ROOT,
        "epoch %d/%d  step %d/%d  loss %.3f%s  %s  memory %s of %s",
        step.epoch(),
        Math.ceilDiv(total, perEpoch),
        step.step(),
        total,
        loss,
        task == Task.CLASSIFICATION
            ? String.format(Locale.ROOT, "  accuracy %.1f %%", 100 * accuracy)
            : "",
        speed,
        ByteSize.format(trainer.usedBytes()),
        ByteSize.format(planned));
  }

  @Override
  public void onEpoch(Epoch epoch) {
    testSeconds = epoch.seconds();
    metrics.write(epoch, classMetrics);
    history.addTest(epoch.step(), epoch.testLoss(), epoch.testAccuracy());
    String evaluated = epoch.onValidation() ? "validation" : "test";
    history.evaluatedOn(evaluated);
    line.print(
        String.format(
            Locale.ROOT,
            "epoch %d/%d done at step %d: training loss %.4f%s; %s loss %.4f, %s%s (%s)",
            epoch.epoch(),
            Math.ceilDiv(trainer.totalSteps(), trainer.stepsPerEpoch()),
            epoch.step(),
            epoch.trainLoss(),
            TaskWords.training(task, epoch.trainAccuracy()),
            evaluated,
            epoch.testLoss(),
            TaskWords.score(task, epoch.testAccuracy()),
            more(epoch.metrics()),
            time(seconds())));
    Metrics metrics = epoch.metrics();
    if (classMetrics && metrics != null) {
      metrics
          .byName()
          .forEach(
              (name, figures) ->
                  line.print(
                      String.format(Locale.ROOT, "  %-20s %s", name, TaskReport.text(figures))));
    }
    trainer.saveModel(folder.file(RunFolder.MODEL));
    if (seconds() - lastDrawing >= DRAWING_SECONDS) {
      drawCurves();
    }
  }

  /** What is told beside the score: where there are more than five classes, top-5. */
  private String more(@Nullable Metrics metrics) {
    if (metrics == null || task != Task.CLASSIFICATION) {
      return metrics == null ? "" : rest(metrics);
    }
    return metrics.byName().size() > 5
        ? String.format(
            Locale.ROOT,
            ", top-5 %.2f %%",
            100 * metrics.figures().getOrDefault("top5_accuracy", Double.NaN))
        : "";
  }

  private static String rest(Metrics metrics) {
    Map<String, Double> figures = new LinkedHashMap<>(metrics.figures());
    figures.remove(metrics.figures().firstEntry().getKey());
    return ", " + TaskReport.text(figures);
  }

  @Override
  public void onWarning(String sentence) {
    line.clear();
    err.println("nibble: " + sentence);
  }

  /** Draws the curves; a machine that cannot draw gets a warning, once, and keeps its run. */
  void drawCurves() {
    if (history.isEmpty() || curvesFailed) {
      return;
    }
    lastDrawing = seconds();
    try {
      Curves.write(folder.file(RunFolder.CURVES), title, history);
    } catch (IOException | RuntimeException | LinkageError | InternalError e) {
      curvesFailed = true;
      onWarning("The curves cannot be drawn here: " + e.getMessage() + ".");
    }
  }

  /** Takes the progress line away. */
  void end() {
    line.clear();
  }

  /** Seconds since the report was made. */
  double seconds() {
    return (System.nanoTime() - start) / 1e9;
  }

  /** Seconds as people write them: {@code 2:05} or {@code 1:02:05}. */
  static String time(double seconds) {
    long whole = Math.round(seconds);
    return whole < 3600
        ? String.format(Locale.ROOT, "%d:%02d", whole / 60, whole % 60)
        : String.format(Locale.ROOT, "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60);
  }
}
