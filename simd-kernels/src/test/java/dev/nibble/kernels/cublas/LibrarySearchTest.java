package dev.nibble.kernels.cublas;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LibrarySearchTest {
  @TempDir private Path folder;

  @Test
  void placesComeInTheirOrderAndNewerVersionsFirst() {
    Path libdir = folder.resolve("libdir");
    CudaOptions options =
        new CudaOptions(
            libdir, List.of(folder.resolve("a"), folder.resolve("b")), Precision.FP32, false);
    Map<String, String> environment =
        Map.of("CUDA_HOME", folder + "/home", "CUDA_PATH", folder + "/path");
    LibrarySearch search = new LibrarySearch(options, environment::get);

    assertThat(search.driver()).containsExactly(libdir + "/libcuda.so.1", "libcuda.so.1");
    assertThat(search.blas().stream().map(LibrarySearch.Candidate::blas))
        .containsExactly(
            libdir + "/libcublas.so.13",
            libdir + "/libcublas.so.12",
            folder + "/a/nvidia/cu13/lib/libcublas.so.13",
            folder + "/a/nvidia/cu13/lib/libcublas.so.12",
            folder + "/a/nvidia/cublas/lib/libcublas.so.13",
            folder + "/a/nvidia/cublas/lib/libcublas.so.12",
            folder + "/b/nvidia/cu13/lib/libcublas.so.13",
            folder + "/b/nvidia/cu13/lib/libcublas.so.12",
            folder + "/b/nvidia/cublas/lib/libcublas.so.13",
            folder + "/b/nvidia/cublas/lib/libcublas.so.12",
            "libcublas.so.13",
            "libcublas.so.12",
            folder + "/home/lib64/libcublas.so.13",
            folder + "/home/lib64/libcublas.so.12",
            folder + "/home/lib/libcublas.so.13",
            folder + "/home/lib/libcublas.so.12",
            folder + "/path/lib64/libcublas.so.13",
            folder + "/path/lib64/libcublas.so.12",
            folder + "/path/lib/libcublas.so.13",
            folder + "/path/lib/libcublas.so.12");
    assertThat(search.blas())
        .allSatisfy(
            candidate ->
                assertThat(candidate.light())
                    .isEqualTo(candidate.blas().replace("libcublas.", "libcublasLt.")));
  }

  @Test
  void withoutSettingsOnlyTheLinkerIsAsked() {
    LibrarySearch search =
        new LibrarySearch(CudaOptions.defaults(), name -> name.equals("CUDA_HOME") ? " " : null);
    assertThat(search.driver()).containsExactly("libcuda.so.1");
    assertThat(search.blas().stream().map(LibrarySearch.Candidate::light))
        .containsExactly("libcublasLt.so.13", "libcublasLt.so.12");
  }

  @Test
  void aRelativeFolderIsMadeAbsoluteAndABadVariablePassedOver() {
    CudaOptions options = new CudaOptions(Path.of("libs"), List.of(), Precision.FP32, false);
    LibrarySearch search = new LibrarySearch(options, name -> "/no\0path");
    assertThat(search.driver().get(0))
        .isEqualTo(Path.of("libs").toAbsolutePath() + "/libcuda.so.1");
    assertThat(search.blas()).hasSize(4);
  }
}
