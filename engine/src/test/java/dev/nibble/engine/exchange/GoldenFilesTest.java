package dev.nibble.engine.exchange;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Reads every golden file, which another implementation has written. */
class GoldenFilesTest {
  @Test
  void everyGoldenFileReads() throws IOException {
    Path golden = Path.of(System.getProperty("nibble.shared", "../../shared"), "golden");
    if (!Files.isDirectory(golden)) {
      assertThat(System.getenv("CI"))
          .as("in CI the golden vectors must lie in %s", golden.toAbsolutePath())
          .isNotEqualTo("true");
      abort("no golden vectors in " + golden.toAbsolutePath() + "; set -Dnibble.shared=FOLDER");
    }
    List<Path> files;
    try (Stream<Path> list = Files.list(golden)) {
      files = list.filter(f -> f.toString().endsWith(".safetensors")).sorted().toList();
    }
    assertThat(files).as("golden vectors in %s", golden).isNotEmpty();
    for (Path path : files) {
      try (SafetensorsFile file = SafetensorsFile.open(path);
          Arena arena = Arena.ofConfined()) {
        assertThat(file.names()).as("tensors of %s", path).isNotEmpty();
        for (String name : file.names()) {
          TensorInfo info = file.info(name);
          assertThat(file.read(name, arena).data().byteSize()).isEqualTo(info.bytes());
          if (info.dtype() == DType.F32) {
            double sum = 0;
            for (float value : file.readFloats(name)) {
              sum += Math.abs(value);
            }
            assertThat(sum).as("sum over %s in %s", name, path).isFinite();
          }
        }
      }
    }
  }
}
