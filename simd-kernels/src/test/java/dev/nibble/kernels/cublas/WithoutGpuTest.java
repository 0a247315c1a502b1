package dev.nibble.kernels.cublas;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nibble.kernels.provider.KernelProvider;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A machine without a driver, with or without a toolkit, behaves as before. */
class WithoutGpuTest {
  @TempDir private Path folder;

  @Test
  void onThisMachineWithoutADriverNothingIsLoaded() throws Exception {
    StandInLibraries.assumeLinux();
    assumeTrue(
        new CudaChild(folder).run(StandInLibraries.DRIVER).contains("libcuda.so.1 false"),
        "this machine has an NVIDIA driver");
    assertThat(new CudaChild(folder).run("auto", "gpu", "mapped"))
        .containsExactly(
            KernelProvider.whyNoVector() == null ? "vector" : "scalar",
            "not available: there is no NVIDIA driver (libcuda.so.1: cannot open shared object"
                + " file: No such file or directory)");
  }

  @Test
  void withoutADriverCublasIsLeftAlone() throws Exception {
    StandInLibraries.assumeCompiler();
    assumeTrue(
        new CudaChild(folder).run(StandInLibraries.DRIVER).contains("libcuda.so.1 false"),
        "this machine has an NVIDIA driver");
    Path libdir = StandInLibraries.blas(folder.resolve("libdir"), 13);
    List<String> lines = new CudaChild(folder).libdir(libdir).run("gpu", "auto", "mapped");
    assertThat(lines).hasSize(2);
    assertThat(lines.get(0)).startsWith("not available: there is no NVIDIA driver (");
  }

  @Test
  void withoutNativeAccessNothingIsLoadedAndTheJvmDoesNotWarn() throws Exception {
    StandInLibraries.assumeCompiler();
    Path libdir = StandInLibraries.all(folder.resolve("libdir"));
    assertThat(new CudaChild(folder).libdir(libdir).withoutNativeAccess().run("gpu", "mapped"))
        .containsExactly(
            "not available: native access is off; start java with"
                + " --enable-native-access=dev.nibble.kernels (ALL-UNNAMED on the class path)");
  }

  @Test
  void otherSystemsAreNotSearched() {
    CudaHost windows = new CudaHost("Windows 11", true, name -> null);
    assertThatThrownBy(() -> Cuda.load(CudaOptions.defaults(), windows))
        .isInstanceOf(CudaUnavailableException.class)
        .hasMessage("CUDA is only looked for on Linux, and this is Windows 11");
  }
}
