package dev.nibble.samples;

import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonArray;
import dev.nibble.engine.json.JsonValue.JsonObject;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code nibble evidence}: trains a grid of ways and seeds, and shows what few bits cost. */
@Command(
    name = "evidence",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    usageHelpAutoWidth = true,
    description = {
      "Shows what few bits cost in accuracy.",
      "",
      "Trains a network with every way to store activations on several seeds, beside the exact run",
      "and the naive way, two deeper networks with some of them, and compares gradients by layer.",
      "On fashion-mnist, one network with fp32, int4, int2 and naive int4.",
      "",
      "It takes many hours. Whatever ends it, the same command goes on from the last checkpoints;",
      "what is done is not done again. The page shows what is known so far."
    },
    footer = {
      "",
      "Examples:",
      "  nibble evidence --data cifar10 --list",
      "  nibble evidence --data cifar10",
      "  nibble evidence --data photos --model resnet18 --epochs 5 --seeds 1 --only 'int4|fp32'",
      "  nibble evidence --data cifar10 --quick --runs quick --out quick/evidence.json"
    })
final class EvidenceCommand implements Callable<Integer> {
  private static final int CANCELLED = 130;

  @Spec CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--data",
      paramLabel = "NAME|FOLDER",
      description = "shapes, fashion-mnist, cifar10, cifar100 or a folder. Default: cifar10.")
  private String data = "cifar10";

  @Option(
      names = "--model",
      paramLabel = "NAME",
      description =
          "What is trained in every way. Default: resnet20, then resnet56 and resnet164; for"
              + " fashion-mnist resnet20 alone.")
  private @Nullable String model;

  @Option(names = "--seeds", paramLabel = "N", description = "Default: 3.")
  private int seeds = 3;

  @Option(
      names = "--epochs",
      paramLabel = "N",
      description = "Of the network that is trained in every way. Default: 10; fashion-mnist 3.")
  private int epochs;

  @Option(names = "--batch", paramLabel = "N", description = "Pictures a step. Default: 128.")
  private int batch = 128;

  @Option(names = "--steps", paramLabel = "N", description = "Steps of every training, instead.")
  private long steps;

  @Option(
      names = "--quick",
      description = "A tenth of it all, on one seed: shows that it works, and nothing else.")
  private boolean quick;

  @Option(
      names = "--only",
      paramLabel = "REGEX",
      description = {
        "Only trainings whose name contains a match (--list prints the names), and reports on",
        "them; the page shows the others as far as they are done."
      })
  private @Nullable String only;

  @Option(names = "--list", description = "Print what there is to do, and do nothing.")
  private boolean list;

  @Option(
      names = "--jobs",
      paramLabel = "N",
      description = "Trainings at once, of one thread each. Default: a core each.")
  private @Nullable Integer jobs;

  @Option(
      names = "--runs",
      paramLabel = "FOLDER",
      description = "Where the trainings lie. Default: runs/evidence-DATA.")
  private @Nullable String runs;

  @Option(
      names = "--out",
      paramLabel = "FILE",
      description =
          "The figures; the page lies beside them as .html. What the file holds of the same"
              + " trainings, maybe made on another machine, is kept and not done again. Default:"
              + " bench/results/evidence.json in a checkout, else evidence.json in --runs.")
  private @Nullable String out;

  @Option(names = "--no-progress", description = "Print a line a training and nothing between.")
  private boolean noProgress;

  @Override
  public Integer call() {
    String source = Inputs.data(data);
    EvidenceGrid grid = grid(source);
    EvidenceGrid chosen = only == null ? grid : only(grid, only);
    PrintWriter console = spec.commandLine().getOut();
    if (list) {
      chosen.names().forEach(console::println);
      return 0;
    }
    PrintWriter err = spec.commandLine().getErr();
    Path folder = BadInputException.path(runs == null ? "runs/evidence-" + name(source) : runs);
    Path file = out == null ? standardFile(folder) : BadInputException.path(out);
    RunFolder.make(folder);
    RunFolder.make(file.toAbsolutePath().resolveSibling("."));
    int atOnce = Inputs.threads(jobs);
    LiveLine line = LiveLine.of(console, noProgress);
    EvidenceWork[] made = new EvidenceWork[1];
    EvidenceWork work =
        new EvidenceWork(
            grid,
            chosen,
            EvidenceRecord.read(file),
            folder,
            atOnce,
            quick || steps > 0 ? 1 : 4,
            line,
            warning -> err.println("nibble: " + warning),
            () -> write(file, made[0], atOnce));
    made[0] = work;
    work.find();
    console.printf(
        "%d trainings and %d gradient reports, of which %d are done; %d at once%n",
        grid.cells().size(), grid.reports().size(), work.done(), atOnce);
    console.println("Trainings lie in " + folder + ", figures in " + file);
    try (StopOnSignal stop = new StopOnSignal(err)) {
      stop.begin(
          work::cancel,
          () ->
              "nibble: Stopped in the middle of a step; the same command goes on from before it.");
      work.run();
    } finally {
      line.clear();
    }
    write(file, work, atOnce);
    String page = EvidencePage.beside(file).toString();
    console.printf("%d of %d done: %s, %s%n", work.done(), work.size(), file, page);
    if (work.isCancelled()) {
      console.println("Stopped; the same command goes on.");
      console.flush();
      return CANCELLED;
    }
    return 0;
  }

  private EvidenceGrid grid(String source) {
    if (seeds < 1 || batch < 1 || epochs < 0 || steps < 0) {
      throw new BadInputException(
          "Give 1 or more --seeds and pictures a --batch, and no negative --epochs or --steps.");
    }
    boolean deep = model == null && !EvidenceGrid.isFashion(source);
    String name = model == null ? "resnet20" : Inputs.modelName(model);
    return EvidenceGrid.of(
        new EvidenceGrid.Request(
            source,
            name,
            deep,
            quick ? 1 : seeds,
            batch,
            epochs,
            steps,
            quick,
            quick ? pictures(source) : 0));
  }

  private static EvidenceGrid only(EvidenceGrid grid, String only) {
    try {
      EvidenceGrid chosen = grid.only(Pattern.compile(only));
      if (chosen.cells().isEmpty()) {
        throw new BadInputException(
            "--only '" + only + "' matches no training: --list prints their names.");
      }
      return chosen;
    } catch (PatternSyntaxException e) {
      throw new BadInputException("--only '" + only + "' is no regular expression.", e);
    }
  }

  private static int pictures(String source) {
    try (DataSplits splits = Inputs.open(source, null, false)) {
      return splits.train().size();
    }
  }

  private static String name(String source) {
    Path last = Path.of(source).getFileName();
    return last == null ? "data" : last.toString();
  }

  private static Path standardFile(Path folder) {
    String home = System.getProperty(BenchCommand.HOME_PROPERTY, "");
    Path results = Path.of(home, "bench", "results");
    return (home.isEmpty() || !Files.isDirectory(results) ? folder : results)
        .resolve("evidence.json");
  }

  private void write(Path file, EvidenceWork work, int atOnce) {
    JsonObject figures =
        JsonObject.builder()
            .put("command", "nibble " + String.join(" ", arguments()))
            .put("commit", Machine.commit(System.getProperty(BenchCommand.HOME_PROPERTY, "")))
            .put("processor", Machine.processor())
            .put("jdk", System.getProperty("java.vendor") + " " + Runtime.version())
            .put("trainings_at_once", atOnce)
            .put("quick", quick)
            .put("complete", work.isComplete())
            .put("done", work.done())
            .put("of", work.size())
            .put("summary", EvidenceSummary.of(work.results(), work.ways()))
            .put("runs", array(work.results()))
            .put("gradients", array(work.reports()))
            .build();
    EvidenceRun.write(file, figures);
    EvidencePage.write(EvidencePage.beside(file), figures);
  }

  private List<String> arguments() {
    return spec.root().commandLine().getParseResult().originalArgs();
  }

  private static JsonArray array(List<JsonObject> objects) {
    return new JsonArray(List.<JsonValue>copyOf(objects));
  }
}
