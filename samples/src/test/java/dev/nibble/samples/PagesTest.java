package dev.nibble.samples;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/**
 * The commands on the pages work as they stand there: those of {@code nibble} are run in the order
 * of their page, trainings cut short; those that need the network or never end are checked against
 * the command line's own rules.
 */
class PagesTest {
  private static final Path ROOT = Path.of(System.getProperty("nibble.root", ".."));
  private static final Pattern LINK = Pattern.compile("]\\(([^)#:]+)\\)");
  private static final Pattern PROFILE = Pattern.compile("-P ([a-z,]+)");
  private static final Pattern FENCED = Pattern.compile("(?:mpirun .*?)?nibble (.+)");
  private static final String NIBBLE = "samples/nibble ";

  /** How a program ends that SIGTERM ended, as a shell says it. */
  private static final int TERMINATED = 143;

  /** Verbs that a build of a few seconds runs to their end. */
  private static final Set<String> RUN =
      Set.of("train", "evaluate", "predict", "export", "plan", "info", "gradients", "serve");

  /** As the launcher starts it, with the machine's own kernels. */
  private static final List<String> OPTIONS =
      List.of("-Dnibble.kernels=auto", "-XX:TieredStopAtLevel=4", "-Xmx512m");

  @TempDir private Path folder;

  private static List<Path> pages() throws IOException {
    List<Path> pages = new ArrayList<>(List.of(ROOT.resolve("README.md")));
    for (String module : List.of("memory", "simd-kernels", "engine", "bench", "samples")) {
      Path page = ROOT.resolve(module).resolve("README.md");
      if (Files.exists(page)) {
        pages.add(page);
      }
    }
    pages.add(ROOT.resolve("samples/FINE-TUNE.md"));
    pages.add(ROOT.resolve("CONTRIBUTING.md"));
    pages.add(ROOT.resolve("bench/results/README.md"));
    return pages;
  }

  /** The lines of indented blocks without what stands behind a #. */
  private static List<String> commands(Path page) throws IOException {
    List<String> commands = new ArrayList<>();
    String before = "";
    boolean fenced = false;
    for (String line : Files.readAllLines(page)) {
      fenced ^= line.startsWith("```");
      boolean indented = !fenced && line.startsWith("    ") && !line.isBlank();
      if (indented && (before.isBlank() || (!commands.isEmpty() && before.startsWith("    ")))) {
        commands.add(line.replaceAll("\\s+#\\s.*", "").strip());
      }
      before = line;
    }
    return commands;
  }

  /** Words as a shell makes them of a line without variables. */
  private static List<String> words(String line) {
    List<String> words = new ArrayList<>();
    Matcher word = Pattern.compile("'([^']*)'|\"([^\"]*)\"|(\\S+)").matcher(line);
    while (word.find()) {
      words.add(word.group().replaceAll("^['\"]|['\"]$", ""));
    }
    return words;
  }

  @Test
  void theCommandsRun() throws Exception {
    prepare();
    Set<String> run = new HashSet<>();
    List<List<String>> sequence = new ArrayList<>();
    int checked = 0;
    for (Path page : List.of(ROOT.resolve("samples/README.md"), ROOT.resolve("README.md"))) {
      for (String command : commands(page)) {
        if (!command.startsWith(NIBBLE)) {
          continue;
        }
        List<String> words = words(command.substring(NIBBLE.length()));
        if (!RUN.contains(words.getFirst()) && !words.contains("--list")) {
          parse(words);
          checked++;
        } else if (run.add(command)) {
          if (words.getFirst().equals("serve")) {
            runSequence(sequence);
            sequence.clear();
            serve(bounded(words));
          } else {
            sequence.add(bounded(words));
          }
        }
      }
    }
    runSequence(sequence);
    assertThat(run).hasSizeGreaterThan(6);
    assertThat(checked).isPositive();
  }

  /** Those that a launcher of workers starts, or that another machine runs, stand in fences. */
  @Test
  void thoseOfSeveralWorkersAreSpelledRight() throws IOException {
    int count = 0;
    for (Path page : pages()) {
      boolean fenced = false;
      for (String line : Files.readAllLines(page)) {
        fenced ^= line.startsWith("```");
        Matcher command = FENCED.matcher(line.replaceAll("\\s+#\\s.*", "").strip());
        if (fenced && command.matches()) {
          parse(words(command.group(1)));
          count++;
        }
      }
    }
    assertThat(count).isGreaterThan(3);
  }

  /** Other pages' commands are spelled right, and what is no command of nibble exists. */
  @Test
  void theyAreSpelledRight() throws IOException {
    int count = 0;
    for (Path page : pages()) {
      for (String command : commands(page)) {
        String plain = command.replaceFirst("^([A-Z_]+=\\S+ )+", "");
        if (plain.startsWith(NIBBLE)) {
          parse(words(plain.substring(NIBBLE.length())));
          count++;
        } else if (plain.startsWith("mvn ")) {
          checkMaven(plain);
          count++;
        }
      }
    }
    assertThat(count).isGreaterThan(15);
  }

  private static void checkMaven(String command) throws IOException {
    String poms =
        Files.readString(ROOT.resolve("pom.xml"))
            + Files.readString(ROOT.resolve("samples/pom.xml"));
    Matcher profile = PROFILE.matcher(command);
    while (profile.find()) {
      for (String id : profile.group(1).split(",", -1)) {
        assertThat(poms).as(command).contains("<id>" + id + "</id>");
      }
    }
    List<String> words = words(command);
    int modules = words.indexOf("-pl");
    if (modules >= 0) {
      assertThat(ROOT.resolve(words.get(modules + 1))).as(command).isDirectory();
    }
  }

  /** Every file that a page points to is there. */
  @Test
  void theLinksLeadSomewhere() throws IOException {
    for (Path page : pages()) {
      Matcher link = LINK.matcher(Files.readString(page));
      while (link.find()) {
        Path parent = page.toAbsolutePath().getParent();
        assertThat(parent).isNotNull();
        if (parent != null) {
          assertThat(parent.resolve(link.group(1))).as("%s: %s", page, link.group(1)).exists();
        }
      }
    }
  }

  private static void parse(List<String> words) {
    new CommandLine(Nibble.class).parseArgs(words.toArray(new String[0]));
  }

  /** The words of a command that is run, cut short where it would take long. */
  private static List<String> bounded(List<String> words) {
    List<String> all = new ArrayList<>(words);
    switch (words.getFirst()) {
      case "train" -> all.addAll(bounds(words));
      case "gradients" -> all.addAll(List.of("--batch", "4", "--batches", "1"));
      case "serve" -> all.addAll(List.of("--port", "0", "--home", "home"));
      default -> {}
    }
    return all;
  }

  /** Runs those that end by themselves in one process, in their order. */
  private void runSequence(List<List<String>> commands) throws Exception {
    if (commands.isEmpty()) {
      return;
    }
    try (NibbleProcess process =
        NibbleProcess.startSequence(folder, OPTIONS, environment(), commands)) {
      NibbleProcess.Result result = process.await(commands.size());
      assertThat(result.code()).as(result.out() + result.err()).isZero();
      assertThat(result.out().lines()).last().isEqualTo(CommandSequence.said(commands.size()));
    }
  }

  private void serve(List<String> words) throws Exception {
    try (NibbleProcess process = NibbleProcess.start(folder, OPTIONS, environment(), words)) {
      process.awaitOutput("Serving at http://127.0.0.1:");
      process.terminate();
      NibbleProcess.Result result = process.await();
      assertThat(result.code())
          .as("%s: %s%s", words, result.out(), result.err())
          .isEqualTo(TERMINATED);
    }
  }

  private Map<String, String> environment() {
    return Map.of("NIBBLE_DATA", folder.resolve("data").toString());
  }

  /** What cuts a training short. A resumed one has its options from its run. */
  private static List<String> bounds(List<String> words) {
    if (words.contains("--resume")) {
      return List.of();
    }
    List<String> bounds = new ArrayList<>(List.of("--steps", "2"));
    if (!words.contains("--batch")) {
      bounds.addAll(List.of("--batch", "4"));
    }
    return bounds;
  }

  /** The data and files that the pages speak of, small. */
  private void prepare() throws IOException {
    BufferedImage image = new BufferedImage(32, 32, BufferedImage.TYPE_INT_RGB);
    assertThat(ImageIO.write(image, "png", folder.resolve("picture.png").toFile())).isTrue();
    Path cifar = Files.createDirectories(folder.resolve("data/cifar-10-batches-bin"));
    SplittableRandom random = new SplittableRandom(7);
    List<String> names =
        Stream.concat(
                Stream.of(1, 2, 3, 4, 5).map(i -> "data_batch_" + i + ".bin"),
                Stream.of("test_batch.bin"))
            .toList();
    for (String name : names) {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      for (int label = 0; label < 10; label++) {
        byte[] record = new byte[1 + 3 * 32 * 32];
        random.nextBytes(record);
        record[0] = (byte) label;
        out.write(record);
      }
      Files.write(cifar.resolve(name), out.toByteArray());
    }
    List<String> classes =
        Arrays.asList(
            "airplane",
            "automobile",
            "bird",
            "cat",
            "deer",
            "dog",
            "frog",
            "horse",
            "ship",
            "truck");
    Files.write(cifar.resolve("batches.meta.txt"), classes);
  }
}
