package dev.nibble.kernels.cublas;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Libraries that were built are found where they should be, each case in a JVM of its own. */
class LibraryLoadingTest {
  private static final String BLAS = "libcublas.so.13";
  private static final String LIGHT = "libcublasLt.so.13";

  @TempDir private static Path built;
  private static Path complete;
  private static List<String> machine;

  @TempDir private Path folder;

  @BeforeAll
  static void build() throws Exception {
    StandInLibraries.assumeCompiler();
    complete = StandInLibraries.all(built.resolve("complete"));
    machine =
        new CudaChild(built)
            .run(StandInLibraries.DRIVER, "libcublasLt.so.12", LIGHT).stream()
                .filter(line -> line.endsWith(" true"))
                .toList();
  }

  @Test
  void theFolderNamedIsTakenAndEverythingIsGivenBack() throws Exception {
    Path log = folder.resolve("log");
    assertThat(new CudaChild(folder).libdir(complete).with("STANDIN_LOG", log).run("gpu"))
        .containsExactly(available("13.1.0", complete.resolve(BLAS)));
    // cublasLt is not in the linker's path: that cuBLAS loaded proves that it was there first.
    assertThat(Files.readAllLines(log))
        .containsExactly(
            "libcuda", "libcublasLt", "libcublas", "+context", "+handle", "-handle", "-context");
  }

  @Test
  void theFolderNamedComesBeforeWheelsAndThoseBeforeTheLinkersPath() throws Exception {
    Path roots = folder.resolve("site-packages");
    Path newer = copyBlas(roots.resolve("nvidia/cu13/lib"));
    Path older = copyBlas(roots.resolve("nvidia/cublas/lib"));
    Path driver = copyDriver(folder.resolve("driver"));
    Path linker = copyBlas(copyDriver(folder.resolve("linker")));

    CudaChild both = child(linker).libdir(complete).option("-Dnibble.cuda.roots=" + roots);
    assertThat(both.run("gpu")).containsExactly(available("13.1.0", complete.resolve(BLAS)));

    CudaChild wheels = child(linker).libdir(driver).option("-Dnibble.cuda.roots=" + roots);
    assertThat(wheels.run("gpu")).containsExactly(available("13.1.0", newer.resolve(BLAS)));

    Files.delete(newer.resolve(BLAS));
    Files.delete(newer.resolve(LIGHT));
    assertThat(wheels.run("gpu")).containsExactly(available("13.1.0", older.resolve(BLAS)));

    assertThat(child(linker).with("CUDA_HOME", folder).run("gpu"))
        .containsExactly(available("13.1.0", linker.resolve(BLAS)));
  }

  @Test
  void aToolkitComesLast() throws Exception {
    assumeTrue(
        machine.stream().noneMatch(line -> line.startsWith("libcublas")),
        "the system's linker finds a cuBLAS of this machine, which comes first: " + machine);
    Path home = folder.resolve("home");
    Path path = folder.resolve("path");
    Path driver = copyDriver(folder.resolve("driver"));
    Path inHome = copyBlas(home.resolve("lib"));
    Path inPath = copyBlas(path.resolve("lib64"));
    CudaChild child =
        new CudaChild(folder).libdir(driver).with("CUDA_HOME", home).with("CUDA_PATH", path);
    assertThat(child.run("gpu")).containsExactly(available("13.1.0", inHome.resolve(BLAS)));
    Path first = copyBlas(home.resolve("lib64"));
    assertThat(child.run("gpu")).containsExactly(available("13.1.0", first.resolve(BLAS)));
    assertThat(new CudaChild(folder).libdir(driver).with("CUDA_PATH", path).run("gpu"))
        .containsExactly(available("13.1.0", inPath.resolve(BLAS)));
  }

  @Test
  void anOlderDriverGetsTheCublasThatItSupports() throws Exception {
    Path both = copyBlas(StandInLibraries.all(folder.resolve("both")));
    StandInLibraries.blas(both, 12);
    String older =
        new CudaChild(folder).libdir(both).with("STANDIN_DRIVER", 12040).run("gpu").get(0);
    assertThat(older)
        .startsWith("available: ")
        .contains("driver for CUDA 12.4, cuBLAS 12.1.0 from " + both.resolve("libcublas.so.12"))
        .contains(BLAS + " needs a driver for CUDA 13");
    assertThat(new CudaChild(folder).libdir(both).run("gpu"))
        .containsExactly(available("13.1.0", both.resolve(BLAS)));
    assertThat(new CudaChild(folder).libdir(both).with("STANDIN_DRIVER", 14000).run("gpu").get(0))
        .contains("driver for CUDA 14.0, cuBLAS 13.1.0");
  }

  /** Drivers for CUDA 13 still run Volta and Pascal, for which cuBLAS 13 has no code. */
  @Test
  void anOlderDeviceGetsTheCublasThatHasCodeForIt() throws Exception {
    Path both = copyBlas(StandInLibraries.all(folder.resolve("both")));
    StandInLibraries.blas(both, 12);
    assertThat(new CudaChild(folder).libdir(both).with("STANDIN_CAPABILITY", 70).run("gpu").get(0))
        .startsWith("available: ")
        .contains("compute capability 7.0")
        .contains("cuBLAS 12.1.0 from " + both.resolve("libcublas.so.12"));
    assertThat(new CudaChild(folder).libdir(both).with("STANDIN_CAPABILITY", 75).run("gpu").get(0))
        .contains("compute capability 7.5")
        .contains("cuBLAS 13.1.0 from " + both.resolve(BLAS));
    assumeTrue(
        machine.stream().noneMatch(line -> line.startsWith("libcublas")),
        "the system's linker finds a cuBLAS of this machine: " + machine);
    assertThat(new CudaChild(folder).libdir(complete).with("STANDIN_CAPABILITY", 61).run("gpu"))
        .containsExactly(
            "not available: "
                + complete.resolve(BLAS)
                + " needs a device of compute capability 7.5, and this one has 6.1: install"
                + " cuBLAS 12");
    assertThat(child(complete).with("STANDIN_CAPABILITY", 61).run("gpu").get(0))
        .startsWith(
            "not available: the driver supports CUDA 13.0 and the device, of compute capability"
                + " 6.1, cuBLAS 12 at most, but there is no cuBLAS for it (libcublasLt.so.12: ")
        .contains("install cuBLAS 12, or name");
  }

  @Test
  void aDriverTooOldForAllThatIsThereIsToldBothVersions() throws Exception {
    assumeTrue(
        machine.stream().noneMatch(line -> line.startsWith("libcublas")),
        "the system's linker finds a cuBLAS of this machine: " + machine);
    assertThat(new CudaChild(folder).libdir(complete).with("STANDIN_DRIVER", 12040).run("gpu"))
        .containsExactly(
            "not available: "
                + complete.resolve(BLAS)
                + " needs a driver for CUDA 13, and this one supports CUDA 12.4: update the driver"
                + " or install cuBLAS 12");
    assertThat(child(complete).with("STANDIN_DRIVER", 12040).run("gpu").get(0))
        .startsWith("not available: the driver supports CUDA 12.4, but there is no cuBLAS for it")
        .contains("libcublasLt.so.12: cannot open shared object file")
        .contains("-Dnibble.cuda.libdir");
  }

  @Test
  void theCallsDoWhatTheySay() throws Exception {
    Path log = folder.resolve("log");
    List<String> lines =
        new CudaChild(folder).libdir(complete).with("STANDIN_LOG", log).run("work");
    assertThat(lines).hasSize(17);
    assertThat(lines.subList(0, 16)).allMatch(line -> line.endsWith(" right"));
    assertThat(lines.get(16))
        .isEqualTo(
            "cuMemAlloc_v2 failed with CUDA_ERROR_OUT_OF_MEMORY (2): 1 PiB asked for a test,"
                + " 1020 MiB free of 1 GiB [out of memory]");
    assertBalanced(log);
  }

  @Test
  void aFailureNamesStatusCallAndShapes() throws Exception {
    assertThat(failing("cublasSgemm_v2:2:13"))
        .contains(
            "cublasSgemm_v2 failed with CUBLAS_STATUS_EXECUTION_FAILED (13): sgemm N,N of 5x7x11");
    assertThat(failing("cublasSgemmStridedBatched:4:15"))
        .contains("CUBLAS_STATUS_NOT_SUPPORTED (15): sgemm T,T of 5x7x11 times 3");
    assertThat(failing("cublasGemmEx:3:99"))
        .contains("cublasGemmEx failed with an unknown cuBLAS error (99): gemm bf16 N,T of 5x7x11");
    assertThat(failing("cublasCreate_v2:1:3"))
        .contains("cublasCreate_v2 failed with CUBLAS_STATUS_ALLOC_FAILED (3) [out of memory]");
    assertThat(failing("cuStreamSynchronize:1:700"))
        .contains("cuStreamSynchronize failed with CUDA_ERROR_ILLEGAL_ADDRESS (700)");
    assertThat(failing("cuMemcpyHtoDAsync_v2:5:700"))
        .contains("cuMemcpyHtoDAsync_v2 failed with CUDA_ERROR_ILLEGAL_ADDRESS (700): 12 KiB");
    assertThat(failing("cuMemAlloc_v2:1:2,cuMemGetInfo_v2:1+:700"))
        .as("what fails while the message is made does not hide the first failure")
        .contains(
            "cuMemAlloc_v2 failed with CUDA_ERROR_OUT_OF_MEMORY (2): 12 KiB asked for three"
                + " matrices [out of memory]");
  }

  /** What the work says when a call fails; whatever happens, all is given back. */
  private String failing(String spec) throws IOException, InterruptedException {
    Path log = Files.createTempFile(folder, "log", ".txt");
    List<String> lines =
        new CudaChild(folder)
            .libdir(complete)
            .with("STANDIN_LOG", log)
            .with("STANDIN_FAIL", spec)
            .run("work");
    assertBalanced(log);
    return String.join("\n", lines);
  }

  private static void assertBalanced(Path log) throws IOException {
    List<String> lines = Files.readAllLines(log);
    assertThat(lines).contains("+context");
    for (String kind : List.of("context", "memory", "registration", "stream", "event", "handle")) {
      assertThat(lines.stream().filter(line -> line.equals("+" + kind)).count())
          .as("%s given back, of those taken", kind)
          .isEqualTo(lines.stream().filter(line -> line.equals("-" + kind)).count());
    }
  }

  private static String available(String version, Path blas) {
    return "available: Stand-in (compute capability 9.0, 1 GiB), driver for CUDA 13.0, cuBLAS %s from %s"
        .formatted(version, blas);
  }

  private CudaChild child(Path linkersPath) {
    return new CudaChild(folder).with("LD_LIBRARY_PATH", linkersPath);
  }

  private static Path copyDriver(Path to) throws IOException {
    return copy(to, StandInLibraries.DRIVER);
  }

  private static Path copyBlas(Path to) throws IOException {
    copy(to, LIGHT);
    return copy(to, BLAS);
  }

  private static Path copy(Path to, String name) throws IOException {
    Files.createDirectories(to);
    if (Files.notExists(to.resolve(name))) {
      Files.copy(complete.resolve(name), to.resolve(name));
    }
    return to;
  }
}
