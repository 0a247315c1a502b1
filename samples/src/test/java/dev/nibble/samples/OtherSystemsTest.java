package dev.nibble.samples;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where the system is not Linux, nothing of Linux is asked for, and all else works. */
class OtherSystemsTest {
  @TempDir private Path folder;

  private NibbleProcess.Result run(String system, String... arguments) throws Exception {
    List<String> options = List.of("-Dos.name=" + system);
    try (NibbleProcess process =
        NibbleProcess.start(folder, options, Map.of(), List.of(arguments))) {
      return process.await();
    }
  }

  @Test
  void saysWhatItFinds() throws Exception {
    String system = "Mac OS X";
    NibbleProcess.Result info = run(system, "info");
    assertThat(info.code()).as(info.err()).isZero();
    assertThat(info.out()).contains("CUDA is only looked for on Linux, and this is " + system);
  }

  @Test
  void trainsAndPredicts() throws Exception {
    String system = "Windows 11";
    Path data = PictureFolders.create(folder.resolve("data"), 8, 4);
    NibbleProcess.Result trained =
        run(
            system,
            "train",
            "--model",
            "resnet8",
            "--data",
            data.toString(),
            "--batch",
            "8",
            "--steps",
            "2",
            "--out",
            "run");
    assertThat(trained.code()).as(trained.err()).isZero();
    assertThat(trained.err()).isEmpty();
    assertThat(folder.resolve("run/model.safetensors")).isRegularFile();

    NibbleProcess.Result predicted =
        run(system, "predict", "--weights", "run/model.safetensors", "run/curves.png");
    assertThat(predicted.code()).as(predicted.err()).isZero();
    assertThat(predicted.out()).contains("curves.png");
  }
}
