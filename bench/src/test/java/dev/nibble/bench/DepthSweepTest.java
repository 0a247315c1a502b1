package dev.nibble.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.kernels.provider.KernelProvider;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DepthSweepTest {
  @TempDir Path folder = Path.of("");

  private JsonObject measure(DepthCase row) throws Exception {
    Peers peers = new Peers(folder, Map.of(Peers.PYTHON_VARIABLE, "sh"));
    return new DepthRunner(1, KernelProvider.choose("scalar"), peers).measure(row);
  }

  @Test
  void rowsCoverAllDepthsModesAndPyTorchOnce() {
    assertThat(DepthCase.all()).extracting(DepthCase::name).doesNotHaveDuplicates().hasSize(26);
    assertThat(DepthCase.all())
        .extracting(DepthCase::name)
        .contains(
            "resnet1001 int4 batch 64", "resnet110 fp32 batch 128", "resnet164 pytorch batch 128");
  }

  @Test
  void aRowHoldsItsPlanAndItsTime() throws Exception {
    JsonObject row = measure(new DepthCase(8, 2, StoreFormat.INT4));
    assertThat(row.get("name").asString()).isEqualTo("resnet8 int4 batch 2");
    assertThat(row.get("seconds").asDouble()).isPositive();
    double bytes =
        NetworkWork.memory("resnet8", 2, StoreFormat.INT4, 1, KernelProvider.choose("scalar"))
            .planBytes();
    assertThat(row.get("plan_mib").asDouble())
        .isBetween(bytes / (1 << 20) - 0.006, bytes / (1 << 20) + 0.006);
  }

  @Test
  void theFasterSettingOfPyTorchCounts() throws Exception {
    Files.writeString(
        folder.resolve("pytorch_step.py"),
        """
        case "$*" in
          *channels-last*) echo '{"peer": "pytorch 2", "channels_last": true, "step_seconds": 0.2, "saved_mib": 9}' ;;
          *) echo '{"peer": "pytorch 2", "channels_last": false, "step_seconds": 0.3, "saved_mib": 8}' ;;
        esac
        """);
    JsonObject row = measure(new DepthCase(20, 128, null));
    assertThat(row.get("seconds").asDouble()).isEqualTo(0.2);
    assertThat(row.get("saved_mib").asDouble()).isEqualTo(9);
    assertThat(row.get("params").asObject().get("channels_last").asBoolean()).isTrue();
  }

  @Test
  void aMissingPyTorchIsAReason() throws Exception {
    JsonObject row = measure(new DepthCase(20, 128, null));
    assertThat(row.find("seconds")).isNull();
    JsonValue reason = row.get("params").asObject().get("skipped");
    assertThat(reason.asString()).startsWith("Skipped peer resnet20 pytorch batch 128:");
  }

  @Test
  void whatNeedsMoreThanTheMachineHasIsNotRun() throws Exception {
    JsonObject pytorch = measure(new DepthCase(1001, 1 << 20, null));
    assertThat(pytorch.get("params").asObject().get("skipped").asString())
        .startsWith("it would keep about ");
    JsonObject nibble = measure(new DepthCase(1001, 1 << 18, StoreFormat.FP32));
    assertThat(nibble.find("seconds")).isNull();
    assertThat(nibble.get("plan_mib").asDouble()).isGreaterThan(1e6);
    assertThat(nibble.get("params").asObject().get("skipped").asString())
        .contains("too many for this machine's");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "--only x; Name the JSON file first",
        "FILE --fast; Unknown argument '--fast'",
        "FILE --only; The option --only needs a value",
        "FILE --only (; is no regular expression",
        "FILE --threads 0; --threads takes 1 to 1024, not '0'",
        "FILE --only resnet21; No row's name contains a match of 'resnet21'",
        "FILE/deeper/x.json; name a file in a folder that exists"
      })
  void badInputIsOneSentence(String arguments, String sentence) throws Exception {
    String[] words =
        arguments.replace("FILE", folder.resolve("depth.json").toString()).split(" ", -1);
    PrintStream before = System.err;
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
    try {
      assertThat(DepthSweep.run(words)).isEqualTo(2);
    } finally {
      System.setErr(before);
    }
    assertThat(err.toString(StandardCharsets.UTF_8))
        .startsWith("nibble: ")
        .contains(sentence)
        .hasLineCount(1);
  }
}
