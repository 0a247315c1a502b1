package dev.nibble.engine.exchange.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.nibble.engine.exec.TestSession;
import dev.nibble.engine.model.ModelInfo;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.ResNet;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.kernels.FeatureMap;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The format's own checker, of Debian's package python3-onnx, finds nothing in what is exported.
 */
class OnnxCheckerTest {
  private static final String PYTHON = "/usr/bin/python3";

  private static final String CHECK =
      """
      import sys, onnx
      for path in sys.argv[1:]:
          onnx.checker.check_model(path, full_check=True)
          model = onnx.shape_inference.infer_shapes(onnx.load(path), strict_mode=True)
          print(path, model.ir_version, model.opset_import[0].version)
      """;

  @TempDir private Path folder;

  /** How a process ended, and all that it said. */
  private record Said(int code, String text) {}

  private static Said python(String program, List<String> arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of(PYTHON, "-c", program));
    command.addAll(arguments);
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Said(process.waitFor(), text);
  }

  private static void requireChecker() throws IOException, InterruptedException {
    boolean there =
        Files.isExecutable(Path.of(PYTHON)) && python("import onnx", List.of()).code() == 0;
    if (!there) {
      assertThat(System.getenv("CI"))
          .as("in CI the package python3-onnx must be installed")
          .isNotEqualTo("true");
      abort("no module onnx in " + PYTHON + "; install the package python3-onnx");
    }
  }

  @Test
  void theCheckerFindsNothing() throws IOException, InterruptedException {
    requireChecker();
    Stream<Network> models =
        Stream.of("resnet8", "resnet20", "resnet11", "resnet164")
            .map(model -> ResNet.of(model, new FeatureMap(32, 32, 3), 10));
    List<String> files = new ArrayList<>();
    for (Network network : Stream.concat(models, Stream.of(OnnxExportTest.everything())).toList()) {
      float[] ones = new float[network.input().channels()];
      Arrays.fill(ones, 1);
      ModelInfo info =
          new ModelInfo(
              network.name(),
              network.input(),
              Collections.nCopies(network.classes(), "a"),
              ones,
              ones,
              false);
      try (TestSession test = new TestSession(network, PlanOptions.inference(1), 1, 3)) {
        for (BatchNorms norms : BatchNorms.values()) {
          Path file = folder.resolve(network.name() + norms + ".onnx");
          OnnxExport.write(file, network, test.session()::values, info, norms);
          files.add(file.toString());
        }
      }
    }
    Said said = python(CHECK, files);
    assertThat(said.code()).as(said.text()).isZero();
    assertThat(said.text().lines())
        .containsExactlyElementsOf(files.stream().map(f -> f + " 7 13").toList());
  }
}
