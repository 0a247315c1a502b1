package dev.nibble.bench.page;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PageTest {
  private static final String OLD = "2026-01-01T00:00:00Z";
  private static final String NEW = "2026-01-02T00:00:00Z";

  @TempDir Path home;
  private Path results;

  @BeforeEach
  void makeFolder() throws IOException {
    results = Files.createDirectory(home.resolve("results"));
  }

  private String page() throws IOException {
    Path file = home.resolve("README.md");
    Page.write(results, file);
    return Files.readString(file);
  }

  private void run(String... rows) throws IOException {
    Fixture.run(results, "suite.json", NEW, List.of(rows));
  }

  @Test
  void stepsAreRatedAgainstTheFasterPyTorchOfTheSameRun() throws IOException {
    Fixture.run(
        results,
        "old.json",
        OLD,
        List.of(
            Fixture.peer(
                "step", "pytorch 2", "resnet20", 128, ", \"channels_last\": true", 0.001)));
    run(
        Fixture.step("resnet20", "fp32", 0.2),
        Fixture.step("resnet20", "int4", 0.1),
        Fixture.peer("step", "pytorch 2", "resnet20", 128, ", \"channels_last\": false", 0.5),
        Fixture.peer(
            "step",
            "pytorch 2",
            "resnet20",
            128,
            ", \"channels_last\": true, \"saved_mib\": 300",
            0.4),
        Fixture.peer("step", "pytorch 2", "resnet20", 128, ", \"bf16\": true", 0.01),
        Fixture.peer("step", "pytorch 2", "resnet20", 64, "", 0.02),
        Fixture.peer("step", "DJL 0.36", "resnet20", 128, "", 0.25),
        Fixture.peer("inference", "pytorch 2", "resnet20", 128, "", 0.01));
    assertThat(page())
        .contains(
            "| ResNet-20, 128 | int4 | 100 ms | 1,280 | 50 % | 50 MiB | 300 MiB | 200 MiB | 0.50 | 0.25 | 24 B |")
        .contains(
            "| ResNet-20, 128 | fp32 | 200 ms | 640 | 25 % | 50 MiB | 300 MiB | 200 MiB | 1.00 | 0.50 | 24 B |")
        .contains(
            "| ResNet-20, 128 | *PyTorch 2, channels-last* | 400 ms | 320 | - | 300 MiB | - | - | - | - | - |")
        .contains("| ResNet-20, 128 | *DJL 0.36* | 250 ms | 512 | - | - | - | - | - | - | - |")
        .doesNotContain("PyTorch was not measured");
  }

  @Test
  void aMissingPeerLeavesALineThatSaysHowToGetIt() throws IOException {
    run(Fixture.step("resnet20", "int4", 0.1), Fixture.inference("resnet20", 1, 0.001));
    assertThat(page())
        .contains("| 200 MiB | - | - | 24 B |")
        .contains("PyTorch was not measured in the same run for ResNet-20, 128: `pip install torch")
        .contains(
            "ONNX Runtime was not measured in the same run for ResNet-20, 1: `pip install onnx")
        .contains("suite.json: Skipped peer step resnet56: no torch.");
  }

  @Test
  void stagesAndCodesAreSharesOfTheRoofsForTheirThreads() throws IOException {
    run(
        Fixture.stage("16x16x32-3x3-s1-32", "int4", "forward", 0.1),
        Fixture.stage("16x16x32-3x3-s1-32", "fp32", "forward", 0.2),
        Fixture.codes("int4", 1));
    assertThat(page())
        .contains(
            "| 3×3, 32 → 32, 16×16 | int4 | forward | 100 ms | 100 | 50 % | 10.0 | 50 % | 0 B |")
        .contains("<details><summary>Other stores</summary>")
        .contains("| int4 pack in cache | 1.00 s | 2.00 | 8.00 | 50 % | - |");
  }

  @Test
  void inferenceIsRatedAgainstOnnxRuntime() throws IOException {
    run(
        Fixture.inference("resnet20", 128, 0.025),
        Fixture.peer("inference", "onnxruntime 1.30", "resnet20", 128, "", 0.05));
    assertThat(page())
        .contains("|  | time | images/s | of FMA peak | to ONNX Runtime | heap a call |")
        .contains("| ResNet-20, 128 | Nibble | 25.0 ms | 5,120 | 20 % | 0.50 | - |")
        .contains("| ResNet-20, 128 | *ONNX Runtime 1.30* | 50.0 ms | 2,560 | - | - | - |");
  }

  @Test
  void theNewestOfTwoMeasurementsCounts() throws IOException {
    Fixture.run(results, "zz.json", OLD, List.of(Fixture.step("resnet20", "int4", 0.9)));
    run(Fixture.step("resnet20", "int4", 0.1));
    assertThat(page()).contains("| int4 | 100 ms |").doesNotContain("900 ms");
  }

  @Test
  void rooflineIsDrawnAndSaysWhatLiesAboveTheRoofs() throws IOException {
    run(
        Fixture.stage("16x16x32-3x3-s1-32", "int4", "forward", 0.1),
        Fixture.stage("16x16x32-3x3-s1-32", "int4", "backward", 0.2));
    assertThat(page()).contains("(results/roofline.png)").doesNotContain("Winograd");
    BufferedImage image = ImageIO.read(results.resolve("roofline.png").toFile());
    assertThat(image.getWidth()).isEqualTo(2 * Roofline.WIDTH);
    assertThat(image.getHeight()).isEqualTo(2 * Roofline.HEIGHT);
    assertThat(colors(image)).contains(0x1C7ED6, 0xE8590C); // a circle and a square

    // 10 GFLOP in 0.04 s are 250 GFLOP/s, and 1 GB in 0.04 s are 25 GB/s: above both roofs.
    run(Fixture.stage("16x16x32-3x3-s1-32", "int4", "forward", 0.04));
    assertThat(page()).contains("Winograd").contains("within the caches");
  }

  @Test
  void depthIsDrawnAndTabulatedWithReasonsForHoles() throws IOException {
    run(
        Fixture.depth(164, 128, "int4", ", \"plan_mib\": 240, \"seconds\": 1.62"),
        Fixture.depth(1001, 128, "int4", ", \"plan_mib\": 1200, \"seconds\": 9.99"),
        Fixture.depth(
            1001, 64, "int4", ", \"plan_mib\": 640, \"seconds\": 5, \"commit\": \"fff0000\""),
        Fixture.depth(164, 128, "pytorch", ", \"saved_mib\": 4608, \"seconds\": 3"),
        Fixture.depth(1001, 128, "pytorch", "")
            .replace("\"store\"", "\"skipped\": \"too big\", \"store\""));
    assertThat(page())
        .contains("| ResNet-164 | - | - | 240 MiB | - | 4,608 MiB |")
        .contains("| ResNet-1001 | - | - | 9.99 s | - | - |")
        .contains("No time for resnet1001 pytorch batch 128: too big.")
        .contains("| ResNet-1001, 64 | int4 | 640 MiB | - | 5.00 s |")
        .contains("rows of commits abc1234, fff0000")
        .contains("10.0 ms in ResNet-164, 10.0 ms in ResNet-1001: 1.00 of it");
    BufferedImage image = ImageIO.read(results.resolve("depth.png").toFile());
    assertThat(image.getWidth()).isEqualTo(4 * DepthChart.PANEL);
    assertThat(image.getHeight()).isEqualTo(2 * DepthChart.HEIGHT);
    assertThat(colors(image)).contains(0xE8590C, 0x343A40);
  }

  @Test
  void aPlanWithoutTimesIsDrawn() throws IOException {
    run(Fixture.depth(20, 128, "int4", ", \"plan_mib\": 44"));
    assertThat(page()).contains("| ResNet-20 | - | - | 44 MiB | - | - |");
    assertThat(ImageIO.read(results.resolve("depth.png").toFile())).isNotNull();
  }

  @Test
  void otherFilesArePassedOverAndEarlierFiguresLinked() throws IOException {
    run();
    Files.writeString(results.resolve("steps.json"), "{\"runs\": []}");
    Files.writeString(results.resolve("jmh.json"), "[]");
    Files.writeString(results.resolve("README.md"), "# Results\n");
    assertThat(page())
        .contains("[results/README.md](results/README.md)")
        .contains("| processor | Some CPU \\| 2 cores |")
        .doesNotContain("steps.json |");
  }

  @Test
  void aBrokenFileIsNamed() throws IOException {
    run();
    Files.writeString(results.resolve("half.json"), "{\"results\": [");
    assertThatThrownBy(this::page)
        .isInstanceOf(ResultsException.class)
        .hasMessageContaining("half.json")
        .hasMessageContaining("column")
        .hasMessageEndingWith("measure it again or take it away.");
  }

  @Test
  void figuresThatCannotBeAreRefused() throws IOException {
    run(Fixture.step("resnet20", "int4", -0.1));
    assertThatThrownBy(this::page)
        .isInstanceOf(ResultsException.class)
        .hasMessageContaining("suite.json")
        .hasMessageContaining("'seconds' of 'resnet20 int4 batch 128' is -0.1");
  }

  @Test
  void anEmptyFolderSaysWhatToRun() {
    assertThatThrownBy(this::page)
        .isInstanceOf(ResultsException.class)
        .hasMessageContaining("samples/nibble bench --json");
  }

  private static List<Integer> colors(BufferedImage image) {
    return Arrays.stream(
            image.getRGB(0, 0, image.getWidth(), image.getHeight(), null, 0, image.getWidth()))
        .map(rgb -> rgb & 0xFFFFFF)
        .distinct()
        .boxed()
        .toList();
  }
}
