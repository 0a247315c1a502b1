package dev.nibble.samples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.exchange.SafetensorsWriter;
import dev.nibble.engine.exchange.TensorSource;
import dev.nibble.engine.exchange.onnx.BatchNorms;
import dev.nibble.engine.exchange.onnx.OnnxExport;
import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.engine.model.ModelFile;
import dev.nibble.engine.model.ModelInfo;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.network.ResNet;
import dev.nibble.kernels.FeatureMap;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code nibble inspect} tells of a file what {@code nibble plan} tells of the network in it. */
class InspectCommandTest {
  @TempDir private Path folder;

  private Path model() {
    Network network = ResNet.of("resnet8", new FeatureMap(16, 16, 3), 4);
    Map<String, MemorySegment> values = new HashMap<>();
    for (Parameter parameter : network.parameters()) {
      values.put(parameter.name(), MemorySegment.ofArray(new float[parameter.size()]));
    }
    Function<Parameter, MemorySegment> memory =
        parameter -> Objects.requireNonNull(values.get(parameter.name()));
    float[] ones = {1, 1, 1};
    List<String> classes = Collections.nCopies(4, "a");
    Path file = folder.resolve("model.safetensors");
    ModelFile.save(
        file,
        network,
        memory,
        new ModelInfo("resnet8", network.input(), classes, ones, ones, false));
    return file;
  }

  private static JsonObject inspected(Path file) {
    return inspected(file, 0);
  }

  private static JsonObject inspected(Path file, int code) {
    InProcess result = InProcess.run("inspect", file.toString(), "--batch", "7", "--json");
    assertThat(result.err()).isEmpty();
    assertThat(result.code()).isEqualTo(code);
    return JsonParser.parse(result.out()).asObject();
  }

  /** What a sentence says to do is an option of the command that says it. */
  @Test
  void picturesOfAnotherShapeAreRefusedWithWhatToGive() {
    String model = model().toString();
    InProcess smaller = InProcess.run("plan", "--model", model, "--image-size", "8x12");
    assertThat(smaller.code()).isEqualTo(2);
    assertThat(smaller.err())
        .contains("reads pictures of 16x16x3, not of 8x12x3: give --image-size 16x16.");
    assertThat(InProcess.run("plan", "--model", model, "--image-size", "16x16").code()).isZero();
    InProcess gray = InProcess.run("plan", "--model", model, "--input", "16x16x1");
    assertThat(gray.code()).isEqualTo(2);
    assertThat(gray.err()).contains("not of 16x16x1: give pictures of as many channels.");
  }

  @Test
  void memoryIsThePlans() {
    Path weights = model();
    Path onnx = folder.resolve("model.onnx");
    OnnxExport.write(onnx, weights, BatchNorms.KEPT);
    InProcess planned =
        InProcess.run(
            "plan",
            "--json",
            "--model",
            "resnet8",
            "--input",
            "16x16x3",
            "--classes",
            "4",
            "--batch",
            "7",
            "--activations",
            "int4");
    JsonObject plan = JsonParser.parse(planned.out()).asObject();
    for (Path file : List.of(weights, onnx)) {
      JsonObject json = inspected(file);
      assertThat(json.get("memory_bytes").asObject().get("int4").asLong())
          .isEqualTo(plan.get("total_bytes").asLong());
      assertThat(json.get("parameters").asLong()).isEqualTo(plan.get("parameters").asLong());
      assertThat(json.get("unsupported").asList()).isEmpty();
    }
    assertThat(inspected(onnx).get("multiply_adds").asLong())
        .isEqualTo(inspected(weights).get("multiply_adds").asLong())
        .isPositive();
    assertThat(InProcess.run("inspect", onnx.toString()).out())
        .contains("ONNX, opset 13, by nibble", "stem", "[N,16,16,16]", "int4", "TOTAL");
  }

  @Test
  void whatIsNotSupportedIsListed() throws IOException {
    Path onnx = folder.resolve("model.onnx");
    OnnxExport.write(onnx, model(), BatchNorms.FOLDED);
    assertThat(inspected(onnx).get("unsupported").asList()).isEmpty();
    // Another function of the same length, which networks for pictures do not use.
    String bytes = Files.readString(onnx, StandardCharsets.ISO_8859_1);
    assertThat(bytes).contains("Relu");
    Files.writeString(onnx, bytes.replace("Relu", "Sinh"), StandardCharsets.ISO_8859_1);
    // A script sees by the exit code that this cannot be trained.
    JsonObject json = inspected(onnx, 1);
    assertThat(json.get("unsupported").asList().stream().map(JsonValue::asString))
        .isNotEmpty()
        .allSatisfy(line -> assertThat(line).contains("Sinh"));
    assertThat(json.get("memory_bytes").asObject().members()).isEmpty();
    InProcess printed = InProcess.run("inspect", onnx.toString());
    assertThat(printed.code()).isEqualTo(1);
    assertThat(printed.out()).contains("Not supported, so that it cannot be trained:");
  }

  @Test
  void aBareStateDictIsListedByTensor() {
    Path file = folder.resolve("state.safetensors");
    SafetensorsWriter.write(
        file, Map.of(), List.of(TensorSource.floats("a.weight", new float[6], 2, 3)));
    InProcess result = InProcess.run("inspect", file.toString());
    assertThat(result.code()).isZero();
    assertThat(result.out())
        .contains("a.weight", "F32", "[2,3]", "does not say which network its tensors belong to");
  }

  @Test
  void wrongFilesAreASentence() throws IOException {
    Path damaged = Files.writeString(folder.resolve("damaged.onnx"), "no protobuf at all");
    for (String file :
        List.of(damaged.toString(), folder.resolve("none.onnx").toString(), "model.pth")) {
      InProcess result = InProcess.run("inspect", file);
      assertThat(result.code()).isEqualTo(2);
      assertThat(result.err()).startsWith("nibble: ").contains(file).hasLineCount(1);
    }
  }
}
