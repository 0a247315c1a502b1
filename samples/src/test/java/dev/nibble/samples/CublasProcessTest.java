package dev.nibble.samples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * Training with {@code --kernels cublas} through real shared libraries, built with gcc, whose
 * device is host memory: what it computes, what it says when a device fails, what it loses.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class CublasProcessTest {
  private static final int STEPS = 6;

  /** Vector kernels do what the device does not. They need C2, which costs a short run seconds. */
  private static final List<String> VECTOR = List.of("-XX:TieredStopAtLevel=4");

  @SuppressWarnings("NullAway.Init") // set by build
  private Path folder;

  @BeforeAll
  void build(@TempDir Path place) throws IOException, InterruptedException {
    folder = place;
    PictureFolders.create(folder.resolve("pictures"), 80, 4);
    boolean ci = "true".equals(System.getenv("CI"));
    boolean found =
        List.of(System.getenv().getOrDefault("PATH", "").split(":", -1)).stream()
            .anyMatch(bin -> Files.isExecutable(Path.of(bin, "gcc")));
    assumeTrue(found || ci, "there is no gcc to build stand-in libraries with");
    Path libraries = Files.createDirectory(folder.resolve("libraries"));
    compile(libraries, "libcuda.c", "libcuda.so.1");
    compile(libraries, "libcublasLt.c", "libcublasLt.so.13");
    compile(
        libraries,
        "libcublas.c",
        "libcublas.so.13",
        "-DMAJOR=13",
        "-L" + libraries,
        "-Wl,--no-as-needed",
        "-l:libcublasLt.so.13");
    NibbleProcess.Result model = train("scalar", Map.of(), "scalar");
    assertThat(model.code()).as(model.err()).isZero();
  }

  private void compile(Path libraries, String source, String name, String... flags)
      throws IOException, InterruptedException {
    Path sources = Path.of(System.getProperty("nibble.root", ".."), "simd-kernels/src/test/c");
    List<String> command = new ArrayList<>(List.of("gcc", "-std=c11", "-D_GNU_SOURCE", "-O2"));
    command.addAll(List.of("-fPIC", "-shared", "-fvisibility=hidden", "-pthread"));
    command.addAll(List.of(flags));
    command.addAll(List.of("-Wl,-soname," + name, "-o", libraries.resolve(name).toString()));
    command.add(sources.resolve(source).toString());
    Path log = Files.createTempFile(folder, "gcc", ".txt");
    Process gcc =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    assertThat(gcc.waitFor(60, TimeUnit.SECONDS)).as("gcc ended in time").isTrue();
    assertThat(gcc.exitValue()).as(Files.readString(log)).isZero();
  }

  /** Scalar kernels do what the device does not, if there is any; a warning says so. */
  private NibbleProcess.Result nibble(Map<String, String> environment, String... arguments)
      throws IOException, InterruptedException {
    return nibble(List.of(), environment, arguments);
  }

  private NibbleProcess.Result nibble(
      List<String> more, Map<String, String> environment, String... arguments)
      throws IOException, InterruptedException {
    List<String> options = new ArrayList<>(more);
    options.add("-Dnibble.cuda.libdir=" + folder.resolve("libraries"));
    try (NibbleProcess process =
        NibbleProcess.start(folder, options, environment, List.of(arguments))) {
      return process.await();
    }
  }

  private NibbleProcess.Result train(
      String out, Map<String, String> environment, String kernels, String... more)
      throws IOException, InterruptedException {
    return train(List.of(), out, environment, kernels, more);
  }

  private NibbleProcess.Result train(
      List<String> options,
      String out,
      Map<String, String> environment,
      String kernels,
      String... more)
      throws IOException, InterruptedException {
    List<String> arguments = new ArrayList<>(List.of("train", "--data", "pictures"));
    arguments.addAll(List.of("--model", "resnet8", "--batch", "8", "--steps", "" + STEPS));
    arguments.addAll(List.of("--kernels", kernels, "--checkpoint-every", "2"));
    arguments.addAll(List.of("--activations", "int4", "--out", out));
    arguments.addAll(List.of(more));
    if (!arguments.contains("--threads")) {
      arguments.addAll(List.of("--threads", "2"));
    }
    return nibble(options, environment, arguments.toArray(String[]::new));
  }

  private List<Double> losses(String out) throws IOException {
    return Files.readAllLines(folder.resolve(out).resolve("metrics.jsonl")).stream()
        .filter(line -> !line.contains("test_loss"))
        .map(line -> Double.valueOf(line.replaceAll(".*\"loss\":([^,}]+).*", "$1")))
        .toList();
  }

  private String sum(String out) throws IOException {
    return Fetcher.sha256(folder.resolve(out).resolve("model.safetensors"));
  }

  @Test
  void itTrainsAsTheProcessorDoesAndTheSameForAnyThreads()
      throws IOException, InterruptedException {
    for (String threads : List.of("1", "3")) {
      String out = threads.equals("1") ? "first" : "second";
      NibbleProcess.Result result = train(VECTOR, out, Map.of(), "cublas", "--threads", threads);
      assertThat(result.err()).isEmpty();
      assertThat(result.code()).isZero();
      assertThat(result.out()).contains("cublas, fp32 products on ");
    }
    assertThat(sum("second")).isEqualTo(sum("first"));
    List<Double> expected = losses("scalar");
    List<Double> actual = losses("first");
    assertThat(actual).hasSize(STEPS).hasSameSizeAs(expected);
    for (int i = 0; i < STEPS; i++) {
      assertThat(actual.get(i)).isCloseTo(expected.get(i), within(1e-4 * expected.get(i)));
    }
    assertThat(Files.readString(folder.resolve("first").resolve("plan.json")))
        .contains("cublas, fp32 products on ")
        .contains("staging");
  }

  @Test
  void itEvaluatesAndPredictsAsTheProcessorDoes() throws IOException, InterruptedException {
    String picture;
    try (Stream<Path> files = Files.walk(folder.resolve("pictures"))) {
      picture = files.filter(Files::isRegularFile).sorted().findFirst().orElseThrow().toString();
    }
    String weights = "scalar/model.safetensors";
    for (List<String> command :
        List.of(
            List.of("evaluate", "--weights", weights, "--data", "pictures"),
            List.of("predict", "--weights", weights, picture))) {
      NibbleProcess.Result expected = nibble(Map.of(), with(command, "scalar"));
      NibbleProcess.Result actual = nibble(VECTOR, Map.of(), with(command, "cublas"));
      assertThat(actual.err()).isEmpty();
      assertThat(actual.code()).isZero();
      assertThat(actual.out().lines().findFirst()).isEqualTo(expected.out().lines().findFirst());
    }
  }

  private static String[] with(List<String> command, String kernels) {
    return Stream.concat(command.stream(), Stream.of("--kernels", kernels)).toArray(String[]::new);
  }

  @Test
  void aDeviceThatFailsCostsTheStepsSinceTheLastCheckpointAndAnotherPrecisionIsTold()
      throws IOException, InterruptedException {
    NibbleProcess.Result failed =
        train(VECTOR, "failed", Map.of("STANDIN_FAIL", "cublasSgemm_v2:7000+:14"), "cublas");
    assertThat(failed.code()).as(failed.err() + failed.out()).isEqualTo(1);
    assertThat(failed.err())
        .contains("The GPU failed: cublasSgemm_v2 failed with CUBLAS_STATUS_INTERNAL_ERROR (14)")
        .contains("nibble train --resume failed --kernels vector")
        .doesNotContain("\tat ");
    assertThat(failed.err().strip().lines()).hasSize(1);
    copy("failed", "precise");
    NibbleProcess.Result precise =
        nibble(Map.of(), "train", "--resume", "precise", "--gpu-precision", "bf16");
    assertThat(precise.code()).as(precise.err()).isZero();
    assertThat(precise.out())
        .contains("Going on with bf16 products, where fp32 ones were made before")
        .contains("Kernels cublas, bf16 products on ");
    NibbleProcess.Result resumed =
        nibble(Map.of(), "train", "--resume", "failed", "--kernels", "scalar");
    assertThat(resumed.err()).isEmpty();
    assertThat(resumed.code()).isZero();
    assertThat(resumed.out()).contains("Going on after step").contains("Going on with scalar");
    assertThat(losses("failed")).hasSize(STEPS);
  }

  private void copy(String run, String other) throws IOException {
    Path from = folder.resolve(run);
    List<Path> files;
    try (Stream<Path> all = Files.walk(from)) {
      files = all.toList();
    }
    for (Path file : files) {
      Files.copy(file, folder.resolve(other).resolve(from.relativize(file)));
    }
  }

  @Test
  void memoryThatRunsOutIsToldOrWorkedAround() throws IOException, InterruptedException {
    Map<String, String> small = Map.of("STANDIN_MEMORY", "1000000");
    NibbleProcess.Result refused = train("refused", small, "cublas");
    assertThat(refused.code()).as(refused.err()).isEqualTo(1);
    assertThat(refused.err())
        .contains("CUDA_ERROR_OUT_OF_MEMORY (2)")
        .contains("asked for")
        .contains("free of")
        .contains("--gpu-fallback");
    NibbleProcess.Result done = train(VECTOR, "fallback", small, "cublas", "--gpu-fallback");
    assertThat(done.code()).as(done.err()).isZero();
    assertThat(done.err())
        .containsPattern("The CPU computes (\\d+) of \\1 different convolutions for want of device")
        .contains("asked for")
        .doesNotContain("\tat ");
    // Not even cuBLAS' workspace fits, so that all is the CPU's.
    assertThat(done.out()).contains("Kernels vector").doesNotContain("Kernels cublas");
  }

  @Test
  void withoutADeviceTheReasonIsTold() throws IOException, InterruptedException {
    Map<String, String> none = Map.of("STANDIN_DEVICES", "0");
    NibbleProcess.Result result = train("none", none, "cublas");
    assertThat(result.code()).as(result.err()).isEqualTo(2);
    assertThat(result.err()).contains("The cublas kernels cannot run: ").contains("device");
    NibbleProcess.Result info = nibble(none, "info");
    assertThat(info.code()).isZero();
    assertThat(info.out()).containsPattern("GPU +not available: .*device");
  }

  @Test
  void infoNamesDeviceAndLibraries() throws IOException, InterruptedException {
    NibbleProcess.Result info = nibble(Map.of(), "info", "--kernels", "cublas");
    assertThat(info.code()).as(info.err()).isZero();
    assertThat(info.out())
        .containsPattern("GPU .*compute capability.*driver for CUDA 13.0, cuBLAS 13")
        .contains(folder.resolve("libraries").resolve("libcublas.so.13").toString())
        .contains("cublas, fp32 products on ");
    Map<String, String> override = Map.of("NVIDIA_TF32_OVERRIDE", "1");
    assertThat(nibble(override, "info", "--kernels", "cublas").out())
        .contains("cublas, fp32 products (NVIDIA_TF32_OVERRIDE=1) on ");
  }
}
