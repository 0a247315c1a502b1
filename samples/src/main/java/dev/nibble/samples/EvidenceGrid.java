package dev.nibble.samples;

import dev.nibble.kernels.StoreFormat;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What is trained to show that few bits do: every format beside the exact one and the naive way, on
 * several seeds; deeper networks with fewer of both; and whose gradients are reported.
 *
 * @param cells the trainings, in the order in which they are begun
 * @param reports the gradient reports, which come after all trainings
 */
record EvidenceGrid(List<EvidenceCell> cells, List<Report> reports) {
  private static final String EXACT = "fp32";

  /** Bits at which the naive way is shown. */
  private static final List<String> NAIVE = List.of("int4", "int2");

  /** Bits at which the paper's codes are trained with, too. */
  private static final List<String> BOTH_CODES = List.of("int4", "int2");

  private static final String UNIFORM = "uniform";

  /** What a deep network is trained with. */
  private static final List<String> DEEP = List.of(EXACT, "int4", "int2");

  /** Small grey pictures, on which all but the naive way do nearly as well: a check, no contest. */
  private static final String FASHION = "fashion-mnist";

  /** Coded formats that such pictures are trained with, beside the exact run and naive int4. */
  private static final List<String> FASHION_FORMATS = List.of("int4", "int2");

  /** The beginning, a third and the end of a run. */
  private static final List<Double> STATES = List.of(0.0, 1 / 3.0, 1.0);

  /** A tenth is enough to see that the program works. */
  private static final int QUICK = 10;

  /**
   * A gradient report.
   *
   * @param cell the training whose weights are taken
   * @param state at which share of it
   * @param activations of the gradients that are compared with the exact ones
   */
  record Report(EvidenceCell cell, double state, String activations) {
    /** A name that no other report has; for a file. */
    String id() {
      return cell.id() + "-state" + Math.round(100 * state) + "-" + activations;
    }
  }

  /**
   * What the user asks for.
   *
   * @param data a data set's name or a folder
   * @param model the network with every format
   * @param deep whether the deeper networks are trained, too
   * @param seeds how many
   * @param batch pictures a step
   * @param epochs of the network with every format, or 0 for the usual number
   * @param steps steps of every training instead, or 0
   * @param quick whether a tenth is made of it all
   * @param picturesAnEpoch training pictures, to make a tenth of
   */
  record Request(
      String data,
      String model,
      boolean deep,
      int seeds,
      int batch,
      int epochs,
      long steps,
      boolean quick,
      int picturesAnEpoch) {}

  EvidenceGrid {
    cells = List.copyOf(cells);
    reports = List.copyOf(reports);
  }

  /** Lays the grid out. */
  static EvidenceGrid of(Request request) {
    boolean fashion = isFashion(request.data());
    int usual = fashion ? 3 : 10;
    int epochs = request.epochs() > 0 ? request.epochs() : usual;
    List<EvidenceCell> cells = new ArrayList<>();
    for (int seed = 0; seed < request.seeds(); seed++) {
      cells.addAll(fashion ? fewWays(request, epochs, seed) : everyWay(request, epochs, seed));
      if (seed == 0 && request.deep()) {
        for (String activations : DEEP) {
          cells.add(cell(request, "resnet56", activations, null, false, 0, 5, List.of()));
        }
        cells.add(cell(request, "resnet164", "int4", null, false, 0, 3, STATES));
      }
    }
    List<Report> reports = new ArrayList<>();
    for (EvidenceCell cell : cells) {
      List<String> formats =
          !cell.model().equals(request.model())
              ? NAIVE
              : fashion ? FASHION_FORMATS : codedFormats();
      for (double state : cell.states()) {
        formats.forEach(format -> reports.add(new Report(cell, state, format)));
      }
    }
    return new EvidenceGrid(cells, reports);
  }

  /** Whether it is Fashion-MNIST, by name or as a folder of that name. */
  static boolean isFashion(String data) {
    return data.equals(FASHION) || Path.of(data).endsWith(FASHION);
  }

  private static List<EvidenceCell> fewWays(Request request, int epochs, long seed) {
    List<EvidenceCell> cells = new ArrayList<>();
    List<Double> states = seed == 0 ? STATES : List.of();
    cells.add(cell(request, request.model(), EXACT, null, false, seed, epochs, states));
    for (String format : FASHION_FORMATS) {
      cells.add(cell(request, request.model(), format, null, false, seed, epochs, List.of()));
    }
    cells.add(
        cell(request, request.model(), NAIVE.getFirst(), null, true, seed, epochs, List.of()));
    return cells;
  }

  private static List<EvidenceCell> everyWay(Request request, int epochs, long seed) {
    List<EvidenceCell> cells = new ArrayList<>();
    List<Double> states = seed == 0 ? STATES : List.of();
    cells.add(cell(request, request.model(), EXACT, null, false, seed, epochs, states));
    for (String format : codedFormats()) {
      cells.add(cell(request, request.model(), format, null, false, seed, epochs, List.of()));
      if (BOTH_CODES.contains(format)) {
        cells.add(cell(request, request.model(), format, UNIFORM, false, seed, epochs, List.of()));
      }
    }
    for (String format : NAIVE) {
      cells.add(cell(request, request.model(), format, null, true, seed, epochs, List.of()));
    }
    return cells;
  }

  private static EvidenceCell cell(
      Request request,
      String model,
      String activations,
      @Nullable String codes,
      boolean naive,
      long seed,
      int epochs,
      List<Double> states) {
    long steps = request.steps();
    if (steps == 0 && request.quick()) {
      long all = (long) epochs * Math.ceilDiv(request.picturesAnEpoch(), request.batch());
      steps = Math.max(2, all / QUICK);
    }
    return new EvidenceCell(
        model,
        request.data(),
        activations,
        codes,
        naive,
        seed,
        request.batch(),
        epochs,
        steps,
        states);
  }

  private static List<String> codedFormats() {
    return Inputs.FORMATS.stream().filter(StoreFormat::isCodes).map(Inputs::name).toList();
  }

  /** The cells whose name contains a match, and the reports on them. */
  EvidenceGrid only(Pattern pattern) {
    List<EvidenceCell> kept = cells.stream().filter(c -> pattern.matcher(c.id()).find()).toList();
    return new EvidenceGrid(kept, reports.stream().filter(r -> kept.contains(r.cell())).toList());
  }

  /** The ways of storing activations, each once, in order. */
  List<String> ways() {
    return cells.stream().map(EvidenceCell::way).distinct().toList();
  }

  /** Names of everything, in order. */
  Stream<String> names() {
    return Stream.concat(
        cells.stream().map(EvidenceCell::id), reports.stream().map(r -> "gradients of " + r.id()));
  }
}
