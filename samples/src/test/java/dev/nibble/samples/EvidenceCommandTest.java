package dev.nibble.samples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonBoolean;
import dev.nibble.engine.json.JsonValue.JsonObject;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.xml.sax.InputSource;
import org.xml.sax.SAXException;

/** A grid far smaller than the quick one: begun, stopped, gone on with, and shown. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class EvidenceCommandTest {
  @SuppressWarnings("NullAway.Init") // set by workThrough
  private Path folder;

  @SuppressWarnings("NullAway.Init") // set by workThrough
  private InProcess first;

  @BeforeAll
  void workThrough(@TempDir Path place) throws IOException {
    folder = place;
    PictureFolders.create(folder.resolve("pictures"), 8, 4);
    first = evidence("--only", "fp32-seed|naive-int4-seed0");
  }

  private InProcess evidence(String... more) {
    return evidenceIn(folder, more);
  }

  private InProcess evidenceIn(Path place, String... more) {
    List<String> words = new ArrayList<>(List.of("evidence", "--data"));
    words.add(folder.resolve("pictures").toString());
    words.addAll(List.of("--model", "resnet8", "--batch", "8", "--steps", "4", "--seeds", "2"));
    words.addAll(List.of("--jobs", "2", "--runs", place.resolve("runs").toString()));
    words.addAll(List.of("--out", place.resolve("evidence.json").toString()));
    words.addAll(List.of(more));
    return InProcess.run(words.toArray(String[]::new));
  }

  private JsonObject figures() throws IOException {
    return JsonParser.parse(Files.readString(folder.resolve("evidence.json"))).asObject();
  }

  @Test
  void everyTrainingIsThereWithItsCommandAndFigures() throws IOException {
    assertThat(first.err()).isEmpty();
    assertThat(first.code()).isZero();
    JsonObject figures = figures();
    assertThat(figures.get("complete")).isEqualTo(new JsonBoolean(false));
    assertThat(figures.get("done").asLong()).isLessThan(figures.get("of").asLong());
    List<JsonObject> runs = figures.get("runs").asList().stream().map(JsonValue::asObject).toList();
    assertThat(runs)
        .extracting(r -> r.get("way").asString())
        .containsExactly("fp32", "naive int4", "fp32");
    for (JsonObject run : runs) {
      assertThat(run.get("command").asString()).startsWith("nibble train --data ");
      assertThat(run.get("test_accuracy").asDouble()).isBetween(0.0, 1.0);
      assertThat(run.get("step_ms").asDouble()).isPositive();
      assertThat(run.get("planned_bytes").asLong()).isGreaterThan(run.get("stored_bytes").asLong());
    }
    List<JsonObject> rows =
        figures.get("summary").asList().stream().map(JsonValue::asObject).toList();
    JsonObject exact =
        rows.stream().filter(r -> r.get("way").asString().equals("fp32")).findFirst().orElseThrow();
    assertThat(exact.get("seeds").asLong()).isEqualTo(2);
    assertThat(exact.get("lost_points").asDouble()).isZero();
    assertThat(exact.find("deviation")).isNotNull();
    assertThat(figures.get("command").asString()).startsWith("nibble evidence --data ");
    assertThat(figures.get("gradients").asList())
        .hasSize(3 * (int) Inputs.FORMATS.stream().filter(f -> f.isCodes()).count());
  }

  /** A step of the same options, data and seed leaves the same accuracy, wherever it is made. */
  @Test
  void theCommandOfATrainingMakesTheSameRun() throws IOException {
    JsonObject run = figures().get("runs").asList().getFirst().asObject();
    String command = run.get("command").asString().replaceFirst("^nibble ", "");
    Path out = folder.resolve("again");
    InProcess again = InProcess.run((command + " --no-progress --out " + out).split(" ", -1));
    assertThat(again.code()).as(again.err()).isZero();
    Path model = folder.resolve("runs").resolve(run.get("id").asString());
    assertThat(out.resolve("model.safetensors"))
        .hasSameBinaryContentAs(model.resolve("model.safetensors"));
    assertThat(model.resolve(EvidenceCell.stateFile(1))).exists();
  }

  @Test
  void thePageShowsTablesAndPlotsAndIsSound() throws Exception {
    String page = Files.readString(folder.resolve("evidence.html"));
    assertThat(page)
        .contains("naive int4", "points lost", "Gradients of resnet8-fp32-seed0", "<circle")
        .contains("<polyline")
        .contains("Not complete")
        .doesNotContain("NaN", "Infinity");
    parse(page);
  }

  private static void parse(String page)
      throws ParserConfigurationException, IOException, SAXException {
    // The page is written so that XML's stricter grammar holds, but for these two.
    String xml = page.replace("<!doctype html>", "").replace("<meta charset=\"utf-8\">", "");
    DocumentBuilderFactory.newInstance()
        .newDocumentBuilder()
        .parse(new InputSource(new StringReader(xml.replace("<br>", "<br/>").strip())));
  }

  @Test
  void whatIsDoneIsNotDoneAgain() throws IOException {
    Path result = folder.resolve("runs/resnet8-fp32-seed1/metrics.jsonl");
    var before = Files.getLastModifiedTime(result);
    InProcess again = evidence("--only", "fp32-seed");
    assertThat(again.code()).as(again.err()).isZero();
    assertThat(again.out()).contains(" done; 2 at once").doesNotContain("test accuracy");
    assertThat(Files.getLastModifiedTime(result)).isEqualTo(before);
  }

  /** As on another machine, which has the file of the first one and no folder of its trainings. */
  @Test
  void whatTheFileHoldsIsNotDoneAgain() throws IOException {
    Path elsewhere = folder.resolve("elsewhere");
    Path file = Files.createDirectories(elsewhere).resolve("evidence.json");
    Files.copy(folder.resolve("evidence.json"), file);
    JsonObject before = figures();
    InProcess again = evidenceIn(elsewhere, "--only", "fp32-seed|naive-int4-seed0");
    assertThat(again.code()).as(again.err()).isZero();
    assertThat(again.out()).doesNotContain("test accuracy", "compared");
    JsonObject after = JsonParser.parse(Files.readString(file)).asObject();
    assertThat(after.get("runs")).isEqualTo(before.get("runs"));
    assertThat(after.get("gradients")).isEqualTo(before.get("gradients"));

    InProcess more = evidenceIn(elsewhere, "--only", "int1-seed1");
    assertThat(more.out()).contains("resnet8-int1-seed1: test accuracy");
    after = JsonParser.parse(Files.readString(file)).asObject();
    assertThat(after.get("summary").asList())
        .as("in the grid's order, whatever was done first")
        .extracting(row -> row.asObject().get("way").asString())
        .containsExactly("fp32", "int1", "naive int4");
    assertThat(after.get("runs").asList())
        .containsAll(before.get("runs").asList())
        .hasSize(before.get("runs").asList().size() + 1);

    Files.writeString(file, "{}");
    InProcess damaged = evidenceIn(elsewhere, "--only", "int1-seed1");
    assertThat(damaged.code()).isEqualTo(2);
    assertThat(damaged.err()).contains("holds no figures of nibble evidence", "another --out");
    assertThat(file).hasContent("{}");
  }

  /** Neither its results nor its gradients, which have the same names. */
  @Test
  void whatTheFileHoldsOfOtherOptionsIsNotTaken() throws IOException {
    EvidenceRecord record = EvidenceRecord.read(folder.resolve("evidence.json"));
    for (int steps : new int[] {4, 5}) {
      EvidenceGrid grid =
          EvidenceGrid.of(
              new EvidenceGrid.Request(
                  folder.resolve("pictures").toString(),
                  "resnet8",
                  false,
                  2,
                  8,
                  0,
                  steps,
                  false,
                  0));
      assertThat(grid.reports()).isNotEmpty();
      for (EvidenceGrid.Report report : grid.reports()) {
        assertThat(record.run(report.cell()) != null).isEqualTo(steps == 4);
        assertThat(record.report(report) != null).isEqualTo(steps == 4);
      }
    }
  }

  @Test
  void aTrainingThatIsStoppedGoesOnToTheSameBytes() throws InterruptedException {
    EvidenceCell cell =
        new EvidenceCell(
            "resnet8",
            folder.resolve("pictures").toString(),
            "int4",
            null,
            false,
            5,
            4,
            0,
            40,
            List.of(0.0, 0.25, 1.0));
    EvidenceRun whole = new EvidenceRun(cell, folder.resolve("whole"), w -> {});
    JsonObject expected = Objects.requireNonNull(whole.run());
    EvidenceRun stopped = new EvidenceRun(cell, folder.resolve("stopped"), w -> {});
    Thread thread = Thread.ofPlatform().start(stopped::run);
    while (stopped.share() < 0.1 && thread.isAlive()) {
      Thread.onSpinWait();
    }
    stopped.cancel();
    thread.join(60_000);
    assertThat(thread.isAlive()).isFalse();
    EvidenceRun second = new EvidenceRun(cell, folder.resolve("stopped"), w -> {});
    JsonObject result = Objects.requireNonNull(second.run());
    assertThat(result.get("test_accuracies")).isEqualTo(expected.get("test_accuracies"));
    for (String name : new String[] {"state-025.safetensors", "model.safetensors"}) {
      assertThat(folder.resolve("stopped").resolve(cell.id()).resolve(name))
          .hasSameBinaryContentAs(folder.resolve("whole").resolve(cell.id()).resolve(name));
    }
  }

  @Test
  void anotherRunsFolderIsRefused() {
    List<String> words = new ArrayList<>(List.of("evidence", "--only", "fp32-seed0", "--data"));
    words.add(folder.resolve("pictures").toString());
    words.addAll(List.of("--model", "resnet8", "--batch", "8", "--steps", "7"));
    words.addAll(List.of("--runs", folder.resolve("runs").toString()));
    InProcess other = InProcess.run(words.toArray(String[]::new));
    assertThat(other.code()).isEqualTo(2);
    assertThat(other.err()).contains("holds another run");
  }

  @Test
  void whatCannotBeIsRefused() {
    assertThat(evidence("--only", "no such").err()).contains("--list prints their names");
    assertThat(evidence("--only", "(").err()).contains("no regular expression");
    assertThat(evidence("--seeds", "0").code()).isEqualTo(2);
    assertThatThrownBy(
            () -> {
              Files.writeString(folder.resolve("broken.jsonl"), "{\"step\":");
              EvidenceMetrics.read(folder.resolve("broken.jsonl"));
            })
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("damaged");
  }

  @Test
  void theGridOfTheRecordIsListed() {
    InProcess list = InProcess.run("evidence", "--data", "cifar10", "--list");
    assertThat(list.out().lines())
        .contains(
            "resnet20-fp32-seed2",
            "resnet20-int4-uniform-seed0",
            "resnet20-int2-uniform-seed2",
            "resnet20-naive-int2-seed0",
            "resnet56-int4-seed0",
            "gradients of resnet164-int4-seed0-state33-int2")
        .doesNotHaveDuplicates();
  }

  /** Three seeds of four ways, whether the data set is named or its folder is given. */
  @Test
  void fashionMnistHasAGridOfItsOwn(@TempDir Path place) throws IOException {
    Path own = Files.createDirectories(place.resolve("fashion-mnist"));
    for (String data : List.of("fashion-mnist", own.toString())) {
      List<String> names =
          InProcess.run("evidence", "--data", data, "--list").out().lines().toList();
      assertThat(names.stream().filter(n -> n.endsWith("seed1")))
          .as(data)
          .containsExactly(
              "resnet20-fp32-seed1",
              "resnet20-int4-seed1",
              "resnet20-int2-seed1",
              "resnet20-naive-int4-seed1");
      assertThat(names.stream().filter(n -> n.startsWith("gradients"))).hasSize(6);
      assertThat(names).hasSize(3 * 4 + 6);
    }
  }
}
