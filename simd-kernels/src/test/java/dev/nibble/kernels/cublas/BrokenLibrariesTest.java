package dev.nibble.kernels.cublas;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Libraries that are there and do not do are told, each case in a JVM of its own. */
class BrokenLibrariesTest {
  private static final String BLAS = "libcublas.so.13";
  private static final String LIGHT = "libcublasLt.so.13";
  private static final String NOT_AVAILABLE = "not available: ";

  @TempDir private static Path built;
  private static Path complete;
  private static List<String> machine;

  @TempDir private Path folder;
  private Path libdir;

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

  @BeforeEach
  void copy() throws IOException {
    assumeTrue(machine.isEmpty(), "the system's linker finds this machine's own: " + machine);
    libdir = Files.createDirectory(folder.resolve("libdir"));
    for (String name : List.of(StandInLibraries.DRIVER, LIGHT, BLAS)) {
      Files.copy(complete.resolve(name), libdir.resolve(name));
    }
  }

  @Test
  void aMissingFunctionIsNamed() throws Exception {
    StandInLibraries.blas(libdir, 13, "-DcublasGemmEx=cublasGemmExOmitted");
    assertThat(gpu())
        .isEqualTo(
            NOT_AVAILABLE
                + libdir.resolve(BLAS)
                + " lacks cublasGemmEx: install a complete cuBLAS");
    StandInLibraries.driver(libdir, "-DcuMemGetInfo_v2=cuMemGetInfo");
    assertThat(gpu())
        .isEqualTo(
            NOT_AVAILABLE
                + libdir.resolve(StandInLibraries.DRIVER)
                + " lacks cuMemGetInfo_v2: update the NVIDIA driver");
  }

  @Test
  void withoutNamesOfStatusesThereAreOnesOwn() throws Exception {
    StandInLibraries.blas(libdir, 13, "-DcublasGetStatusName=cublasGetStatusNameOmitted");
    assertThat(child().with("STANDIN_FAIL", "cublasSgemm_v2:1:14").run("work"))
        .contains(
            "cublasSgemm_v2 failed with CUBLAS_STATUS_INTERNAL_ERROR (14): sgemm N,N of 5x7x11");
  }

  @Test
  void aFileThatIsNoLibraryIsToldInTheLinkersWords() throws Exception {
    Files.writeString(
        libdir.resolve(BLAS), "version https://git-lfs.github.com/spec/v1\n".repeat(9));
    assertThat(gpu())
        .startsWith(NOT_AVAILABLE + libdir.resolve(BLAS) + " does not load (")
        .contains("invalid ELF header");
    Files.writeString(libdir.resolve(LIGHT), "");
    assertThat(gpu())
        .startsWith(NOT_AVAILABLE + libdir.resolve(LIGHT) + " does not load (")
        .contains("file too short");
    Files.writeString(libdir.resolve(StandInLibraries.DRIVER), "text\n".repeat(99));
    assertThat(gpu())
        .startsWith(NOT_AVAILABLE + libdir.resolve(StandInLibraries.DRIVER) + " does not load (")
        .contains("invalid ELF header");
    Files.delete(libdir.resolve(StandInLibraries.DRIVER));
    Files.createDirectory(libdir.resolve(StandInLibraries.DRIVER));
    assertThat(gpu()).endsWith(StandInLibraries.DRIVER + " does not load: it is not a file");
  }

  @Test
  void aLibraryForAnotherProcessorIsTold() throws Exception {
    ByteBuffer header =
        ByteBuffer.wrap(Files.readAllBytes(libdir.resolve(BLAS))).order(ByteOrder.LITTLE_ENDIAN);
    header.putShort(18, (short) 8); // MIPS
    Files.write(libdir.resolve(BLAS), header.array());
    assertThat(gpu())
        .isEqualTo(
            NOT_AVAILABLE
                + libdir.resolve(BLAS)
                + " does not load: it is built for another processor");
    header.put(4, (byte) 1); // 32 bits
    Files.write(libdir.resolve(BLAS), header.array());
    assertThat(gpu()).contains(" does not load (").contains("wrong ELF class");
  }

  @Test
  void aLibraryThatWasCutOffIsNotMapped() throws Exception {
    byte[] whole = Files.readAllBytes(libdir.resolve(LIGHT));
    Files.write(libdir.resolve(LIGHT), Arrays.copyOf(whole, whole.length / 4));
    assertThat(gpu())
        .startsWith(NOT_AVAILABLE + libdir.resolve(LIGHT) + " does not load: it is cut off, with ")
        .contains(whole.length / 4 + " bytes");
  }

  @Test
  void neitherIsOneThatTheLinkerWouldFind() throws Exception {
    Path driver = libdir.resolve(StandInLibraries.DRIVER);
    byte[] whole = Files.readAllBytes(driver);
    Files.write(driver, Arrays.copyOf(whole, whole.length / 4));
    CudaChild child = new CudaChild(folder).with("LD_LIBRARY_PATH", folder + "::" + libdir);
    assertThat(child.run("gpu", "auto").get(0))
        .startsWith(NOT_AVAILABLE + driver + " does not load: it is cut off, with ");
  }

  @Test
  void aMissingDependencyIsToldInTheLinkersWords() throws Exception {
    StandInLibraries.empty(libdir, "libstandin.so.1");
    StandInLibraries.blas(libdir, 13, "-Wl,--no-as-needed", "-l:libstandin.so.1");
    Files.delete(libdir.resolve("libstandin.so.1"));
    assertThat(gpu())
        .startsWith(NOT_AVAILABLE + libdir.resolve(BLAS) + " does not load (libstandin.so.1: ")
        .contains("cannot open shared object file");
  }

  @Test
  void halfACublasIsTold() throws Exception {
    Files.delete(libdir.resolve(LIGHT));
    assertThat(gpu())
        .isEqualTo(
            NOT_AVAILABLE + libdir.resolve(LIGHT) + " is missing beside " + libdir.resolve(BLAS));
  }

  @Test
  void aLaterPlaceIsTakenAndTheBrokenOneToldAllTheSame() throws Exception {
    Files.writeString(libdir.resolve(BLAS), "no library\n".repeat(99));
    Path lib = Files.createDirectories(folder.resolve("toolkit/lib64"));
    Files.copy(complete.resolve(LIGHT), lib.resolve(LIGHT));
    Files.copy(complete.resolve(BLAS), lib.resolve(BLAS));
    Path log = folder.resolve("log");
    String line =
        child()
            .with("CUDA_HOME", folder.resolve("toolkit"))
            .with("STANDIN_LOG", log)
            .run("gpu")
            .get(0);
    assertThat(line)
        .contains("cuBLAS 13.1.0 from " + lib.resolve(BLAS) + " (")
        .contains(libdir.resolve(BLAS) + " does not load (");
    assertThat(Files.readAllLines(log))
        .as("cublasLt of the same place is loaded, not the one that was there first")
        .startsWith("libcuda", "libcublasLt", "libcublasLt", "libcublas");
  }

  @Test
  void aFolderThatIsNotThereIsTold() throws Exception {
    Path wrong = folder.resolve("wrong");
    String told = wrong + ", which -Dnibble.cuda.libdir names, is not a folder";
    CudaChild nowhere = new CudaChild(folder).libdir(wrong);
    assertThat(nowhere.run("gpu").get(0))
        .startsWith(NOT_AVAILABLE + "there is no NVIDIA driver (" + told + "; libcuda.so.1: ");
    assertThat(nowhere.with("LD_LIBRARY_PATH", libdir).run("gpu").get(0))
        .endsWith("cuBLAS 13.1.0 from " + libdir.resolve(BLAS) + " (" + told + ")");
    Files.delete(libdir.resolve(BLAS));
    Files.delete(libdir.resolve(LIGHT));
    assertThat(child().option("-Dnibble.cuda.roots=" + wrong).run("gpu"))
        .containsExactly(
            NOT_AVAILABLE + wrong + ", which -Dnibble.cuda.roots names, is not a folder");
    assertThat(
            child().option("-Dnibble.cuda.roots=" + wrong + ":/a/b:" + folder + ":/c").run("gpu"))
        .containsExactly(
            NOT_AVAILABLE
                + wrong
                + ", which -Dnibble.cuda.roots names, is not a folder, nor are 2 others");
  }

  @Test
  void noCublasAtAllIsToldWithAdvice() throws Exception {
    Files.delete(libdir.resolve(LIGHT));
    Files.delete(libdir.resolve(BLAS));
    assertThat(gpu())
        .startsWith(NOT_AVAILABLE + "the driver supports CUDA 13.0, but there is no cuBLAS for it")
        .contains("none in " + libdir + "; libcublasLt.so.13: ")
        .contains("libcublasLt.so.13: cannot open shared object file")
        .contains("libcublasLt.so.12: cannot open shared object file")
        .contains("-Dnibble.cuda.libdir");
  }

  @Test
  void aDriverThatDoesNotStartSaysWhyAndNothingOfCublasIsLoaded() throws Exception {
    assertThat(refused("STANDIN_FAIL", "cuInit:1:100"))
        .isEqualTo("the driver finds no device (CUDA_ERROR_NO_DEVICE)");
    assertThat(refused("STANDIN_DEVICES", "0")).isEqualTo("the driver finds no device");
    assertThat(refused("STANDIN_FAIL", "cuInit:1:34"))
        .isEqualTo(
            libdir.resolve(StandInLibraries.DRIVER)
                + " is a CUDA toolkit's stub, which only links programs (CUDA_ERROR_STUB_LIBRARY):"
                + " install the NVIDIA driver");
    assertThat(refused("STANDIN_DRIVER", "11040"))
        .isEqualTo(
            "the driver supports CUDA 11.4, but cuBLAS 12 or newer is needed: update the driver");
    assertThat(refused("STANDIN_FAIL", "cuInit:1:999"))
        .isEqualTo(
            "the driver does not start: cuInit failed with CUDA_ERROR_UNKNOWN (999): unknown"
                + " error");
  }

  private String refused(String variable, String value) throws Exception {
    List<String> lines = child().with(variable, value).run("gpu", "mapped");
    assertThat(lines.subList(1, lines.size()))
        .containsExactly("mapped " + libdir.resolve(StandInLibraries.DRIVER));
    return lines.get(0).substring(NOT_AVAILABLE.length());
  }

  @Test
  void aDeviceThatFailsIsNotAvailableAndKeepsNothing() throws Exception {
    Path log = folder.resolve("log");
    CudaChild child = child().with("STANDIN_LOG", log);
    assertThat(child.with("STANDIN_FAIL", "cublasGetVersion_v2:1:3").run("gpu"))
        .containsExactly(
            NOT_AVAILABLE + "cublasGetVersion_v2 failed with CUBLAS_STATUS_ALLOC_FAILED (3)");
    assertThat(Files.readAllLines(log)).contains("-handle", "-context");
  }

  private CudaChild child() {
    return new CudaChild(folder).libdir(libdir);
  }

  private String gpu() throws IOException, InterruptedException {
    List<String> lines = child().run("gpu");
    assertThat(lines).hasSize(1);
    return lines.get(0);
  }
}
