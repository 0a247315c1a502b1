package dev.nibble.bench;

import dev.nibble.bench.BenchmarkCase.Kind;
import dev.nibble.engine.json.JsonException;
import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The programs that Nibble is measured against, as far as they are there: each prints one JSON line
 * of a measurement of its own.
 */
final class Peers {
  /** Environment variable that names the Python with the peers' packages. */
  static final String PYTHON_VARIABLE = "NIBBLE_PEER_PYTHON";

  private final Path folder;
  private final String python;

  /**
   * A program's run.
   *
   * @param name what it measures
   * @param script the program's file
   * @param arguments its arguments
   * @param packages what {@code pip install} has to bring
   */
  record Program(String name, String script, List<String> arguments, String packages) {
    /** Copies the arguments. */
    Program {
      arguments = List.copyOf(arguments);
    }

    String label() {
      return "peer " + name;
    }
  }

  /** How a run ended: with a measurement, or with a sentence that says why there is none. */
  record Outcome(@Nullable JsonObject result, @Nullable String missing) {}

  /**
   * Finds the programs.
   *
   * @param folder where the scripts lie
   * @param environment the process's, for {@link #PYTHON_VARIABLE}
   */
  Peers(Path folder, Map<String, String> environment) {
    this.folder = folder;
    String named = environment.get(PYTHON_VARIABLE);
    Path cached = Path.of(environment.getOrDefault("HOME", "."), ".cache/nibble/venv/bin/python");
    if (named != null) {
      this.python = named;
    } else {
      this.python = Files.isExecutable(cached) ? cached.toString() : "python3";
    }
  }

  /** What is run, whole or quick, with this number of threads. */
  static List<Program> programs(boolean quick, int threads, Pattern only) {
    List<Program> programs = new ArrayList<>();
    for (String model :
        quick ? List.of("resnet20") : List.of("resnet20", "resnet56", "resnet164")) {
      programs.addAll(steps("pytorch_step.py", model, 128, threads, quick ? 5 : 8));
    }
    programs.add(inference("resnet20", 1, threads, quick ? 2 : 5));
    programs.add(inference("resnet20", 128, threads, quick ? 2 : 5));
    if (!quick) {
      String images = "pytorch_image_step.py";
      programs.addAll(steps(images, "resnet18", 32, threads, 5));
      programs.addAll(steps(images, "resnet50", 16, threads, 5));
      programs.addAll(steps(images, MobileNet.NAME, 32, threads, 5));
      programs.add(inference("resnet50", 1, threads, 5));
      programs.add(inference("resnet50", 32, threads, 5));
    }
    return programs.stream().filter(p -> only.matcher(p.label()).find()).toList();
  }

  /** A training step in PyTorch's two settings, of which the faster counts. */
  private static List<Program> steps(
      String script, String model, int batch, int threads, int steps) {
    List<Program> programs = new ArrayList<>();
    for (String setting : List.of("", "--channels-last")) {
      List<String> arguments = arguments(model, batch, threads);
      arguments.addAll(List.of("--steps", "" + steps));
      arguments.addAll(setting.isEmpty() ? List.of() : List.of(setting));
      String name =
          "step %s batch %d PyTorch%s"
              .formatted(model, batch, setting.isEmpty() ? "" : ", channels-last");
      programs.add(new Program(name, script, arguments, "torch numpy"));
    }
    return programs;
  }

  private static Program inference(String model, int batch, int threads, int seconds) {
    List<String> arguments = arguments(model, batch, threads);
    arguments.addAll(List.of("--seconds", "" + seconds));
    return new Program(
        "inference " + model + " batch " + batch + " ONNX Runtime",
        "onnxruntime_inference.py",
        arguments,
        "onnxruntime onnx numpy");
  }

  /** What DJL's PyTorch engine is asked for; it is in the jar if Maven built it so. */
  static List<BenchmarkCase> djl(boolean quick, int threads, Pattern only) {
    Effort effort = quick ? new Effort(0, 2, 2, 3, 1) : new Effort(0, 4, 2, 5, 2);
    Map<String, String> params = Map.of("depth", "20", "batch", "128", "threads", "" + threads);
    StageWork step = NetworkWork.step("resnet20", 128);
    StageWork inference = NetworkWork.inference("resnet20", 128);
    return Stream.of(
            djl("step resnet20 batch 128 DJL", "train", params, step, effort),
            djl("inference resnet20 batch 128 DJL", "predict", params, inference, effort))
        .filter(c -> only.matcher(c.label()).find())
        .toList();
  }

  private static BenchmarkCase djl(
      String name, String method, Map<String, String> params, StageWork work, Effort effort) {
    return new BenchmarkCase(
        Kind.PEER, name, "peers.DjlBenchmark." + method, params, 1, work, effort, 0.5);
  }

  /** Why DJL cannot run, as a sentence; null if it can. */
  static @Nullable String withoutDjl(BenchmarkCase benchmark) {
    try {
      Class.forName("dev.nibble.bench.peers.DjlBenchmark", false, Peers.class.getClassLoader());
      return null;
    } catch (ClassNotFoundException e) {
      return "Skipped %s: it is not built; get it with: mvn -Ppeers -pl bench -am package -DskipTests."
          .formatted(benchmark.label());
    }
  }

  /** A measurement of DJL in the form of the other peers' results. */
  static JsonObject djlResult(Measurement measurement) {
    BenchmarkCase benchmark = measurement.benchmark();
    return JsonObject.builder()
        .put("kind", "peer")
        .put("name", benchmark.name())
        .put("seconds", measurement.seconds())
        .put("peer", "DJL 0.36, PyTorch 2.7")
        .put("model", "resnet20")
        .put("batch", benchmark.pictures())
        .put("threads", benchmark.cores())
        .build();
  }

  private static List<String> arguments(String model, int batch, int threads) {
    return new ArrayList<>(
        List.of("--model", model, "--batch", "" + batch, "--threads", "" + threads));
  }

  /** Runs a program to its end. */
  Outcome run(Program program) throws InterruptedException {
    Path script = folder.resolve(program.script());
    if (!Files.isRegularFile(script)) {
      return missing(program, "the program " + program.script() + " is not there", "");
    }
    List<String> command = new ArrayList<>(List.of(python, script.toString()));
    command.addAll(program.arguments());
    Path err = null;
    try {
      err = Files.createTempFile("nibble-peer", ".txt");
      Process process = new ProcessBuilder(command).redirectError(err.toFile()).start();
      String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      int code = process.waitFor();
      // Without its folder: results tell of no machine's paths.
      String interpreter = String.valueOf(Path.of(python).getFileName());
      String how = "; get it with: " + interpreter + " -m pip install " + program.packages();
      return code == 0
          ? parsed(program, out)
          : missing(program, lastLine(Files.readString(err)), how);
    } catch (IOException e) {
      return missing(
          program, e.getMessage() + "", "; name a Python by the variable " + PYTHON_VARIABLE);
    } finally {
      delete(err);
    }
  }

  private static Outcome parsed(Program program, String out) {
    String line = lastLine(out);
    try {
      return new Outcome(result(program, JsonParser.parse(line).asObject()), null);
    } catch (JsonException e) {
      return missing(program, "it printed no JSON object but '" + line + "'", "");
    }
  }

  /** The program's own members behind those of every result. */
  static JsonObject result(Program program, JsonObject said) {
    JsonObject.Builder json = JsonObject.builder().put("kind", "peer").put("name", program.name());
    JsonValue step = said.find("step_seconds");
    if (step != null && said.find("seconds") == null) {
      json.put("seconds", step);
    }
    said.members()
        .forEach(
            (name, value) -> {
              if (!name.equals("kind") && !name.equals("name")) {
                json.put(name, value);
              }
            });
    return json.build();
  }

  private static Outcome missing(Program program, String why, String how) {
    return new Outcome(null, "Skipped %s: %s%s.".formatted(program.label(), why, how));
  }

  private static String lastLine(String text) {
    String stripped = text.strip();
    return stripped.substring(stripped.lastIndexOf('\n') + 1);
  }

  private static void delete(@Nullable Path file) {
    try {
      if (file != null) {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      file.toFile().deleteOnExit();
    }
  }
}
