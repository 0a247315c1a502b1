package dev.nibble.samples;

import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.engine.json.JsonWriter;
import dev.nibble.engine.train.LearningRateFinder;
import dev.nibble.engine.train.LearningRateFinder.Point;
import dev.nibble.engine.train.LearningRateFinder.Result;
import dev.nibble.memory.MemoryAccount;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code nibble lr-find}: which learning rate suits a training. */
@Command(
    name = "lr-find",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    usageHelpAutoWidth = true,
    description = {
      "Looks for a learning rate.",
      "",
      "It trains for some steps with a rate that rises from step to step, until the loss bursts,"
          + " and",
      "says where it falls fastest. Takes the options of nibble train; leaves nothing but --out."
    },
    footer = {
      "",
      "Examples:",
      "  nibble lr-find --data cifar10 --model resnet20",
      "  nibble lr-find --data photos --model resnet18 --init resnet18.safetensors --out lr.svg"
    })
final class LrFindCommand implements Callable<Integer> {
  @Spec CommandSpec spec = CommandSpec.create();

  @Mixin TrainOptions options = new TrainOptions();

  @Option(names = "--from", paramLabel = "X", description = "First rate. Default: 1e-5.")
  private float from = 1e-5f;

  @Option(names = "--to", paramLabel = "X", description = "Last rate. Default: 1.")
  private float to = 1;

  @Option(
      names = "--out",
      paramLabel = "FILE",
      description = "Draw the curve into a file: .png or .svg.")
  private @Nullable String out;

  @Option(names = "--json", description = "Print the figures as JSON.")
  private boolean json;

  /** What is said of data and model, in order. */
  private final List<String> notes = new ArrayList<>();

  @Override
  public Integer call() {
    Path file = out == null ? null : BadInputException.path(out);
    if (file != null && !LrCurve.isDrawn(file)) {
      throw new BadInputException("--out %s: give a file ending in .png or .svg.".formatted(out));
    }
    if (options.epochs != null || options.lr != null || options.schedule != null) {
      throw new BadInputException(
          "lr-find chooses the rate of every step: give --steps, --from and --to instead of"
              + " --epochs, --lr and --schedule.");
    }
    if (options.workers.workers != null && options.workers.workers > 1) {
      throw new BadInputException("lr-find trains by itself: leave --workers out.");
    }
    long steps = options.steps == null ? 100 : options.steps;
    if (steps < 10 || steps > 1_000_000) {
      throw new BadInputException("--steps is " + steps + ": give 10 to 1000000.");
    }
    if (!(from > 0 && to > from && Float.isFinite(to))) {
      throw new BadInputException(
          "--from is %s and --to %s: give rates above 0, the first below the last."
              .formatted(from, to));
    }
    options.steps = steps;
    Settings settings = Settings.fresh();
    TrainSettings.settle(settings, options);
    PrintWriter console = spec.commandLine().getOut();
    Result result;
    try (TrainSetup setup = TrainSetup.open(settings, options, WorkerGroup.of(options.workers));
        MemoryAccount account = setup.openAccount()) {
      setup.limit().warn(spec.commandLine().getErr());
      setup.notes().forEach(this::note);
      setup.data().notes().forEach(this::note);
      LiveLine line = LiveLine.of(console, json);
      result =
          LearningRateFinder.find(
              setup.network(),
              setup.data(),
              setup.options(),
              setup.kernels(),
              account,
              from,
              to,
              (int) steps,
              TrainSetup.init(settings),
              start -> WarmStartNotes.of(start, settings).forEach(this::note),
              point -> show(line, point));
      line.clear();
    }
    if (result.points().isEmpty()) {
      throw new BadInputException(
          "The loss is no finite number in the first step: give a lower --from than %s."
              .formatted(from));
    }
    if (file != null) {
      draw(
          file,
          result,
          ModelChoice.label(settings.text("model"))
              + " on "
              + Path.of(settings.text("data")).getFileName());
    }
    tell(result, steps, file, console);
    return 0;
  }

  private void note(String sentence) {
    notes.add(sentence);
    if (!json) {
      spec.commandLine().getOut().println(sentence);
    }
  }

  private void show(LiveLine line, Point point) {
    if (!json && line.isDue()) {
      line.show(
          String.format(
              Locale.ROOT, "learning rate %.2g  loss %.4f", point.rate(), point.smoothed()));
    }
  }

  private static void draw(Path file, Result result, String title) {
    try {
      LrCurve.write(file, result, title);
    } catch (IOException e) {
      throw BadInputException.file("write", file, e);
    }
  }

  private void tell(Result result, long steps, @Nullable Path file, PrintWriter console) {
    if (json) {
      console.println(JsonWriter.indented(json(result)));
      return;
    }
    Point last = result.points().getLast();
    console.printf(
        Locale.ROOT,
        "%d of %d steps, learning rates %.2g to %.2g%s%n",
        result.points().size(),
        steps,
        from,
        last.rate(),
        result.diverged()
            ? ": there the loss bursts"
            : "; the loss has not burst: try a higher --to");
    if (Float.isNaN(result.steepest())) {
      console.println("The loss falls nowhere: try more --steps, or a lower --from.");
    } else {
      console.printf(
          Locale.ROOT,
          "The loss falls fastest at %.2g and is lowest at %.2g: try --lr %.2g%n",
          result.steepest(),
          result.lowest(),
          result.steepest());
    }
    if (file != null) {
      console.println("The curve is in " + file);
    }
  }

  private JsonObject json(Result result) {
    List<JsonValue> points = new ArrayList<>();
    for (Point point : result.points()) {
      points.add(
          JsonObject.builder()
              .put("lr", point.rate())
              .put("loss", point.loss())
              .put("smoothed_loss", point.smoothed())
              .build());
    }
    JsonObject.Builder object = JsonObject.builder();
    if (!Float.isNaN(result.steepest())) {
      object.put("suggestion", result.steepest());
    }
    return object
        .put("lowest", result.lowest())
        .put("diverged", result.diverged())
        .put("points", JsonValue.array(points))
        .put("notes", JsonValue.array(notes.stream().map(JsonValue::of).toList()))
        .build();
  }
}
