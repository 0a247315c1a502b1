package dev.nibble.engine.exchange.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.api.Assertions.assertTimeout;

import dev.nibble.engine.exchange.ExchangeException;
import dev.nibble.engine.protobuf.MessageWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is not read, or not supported, is told in a sentence. */
class OnnxRefusalsTest {
  @TempDir private Path folder;

  static String refusal(Path file) {
    return String.valueOf(
        catchThrowableOfType(
                ExchangeException.class,
                () -> {
                  try (OnnxImport model = OnnxImport.open(file)) {
                    model.network();
                  }
                })
            .getMessage());
  }

  private String refusal(TestModel test) {
    String sentence = refusal(test.write(folder.resolve("model.onnx")));
    assertThat(sentence).endsWith(".").doesNotContain("\n");
    return sentence;
  }

  private static TestModel model() {
    return TestModel.withInput(17, -1, 3, 8, 8).output("y");
  }

  @Test
  void everythingThatIsNotSupportedIsNamedAtOnce() {
    TestModel test =
        model()
            .weight("w", 4, 3, 2, 2)
            .node("Conv", "x,w", "c")
            .node("LRN", "c", "l", "size", 3L)
            .node("Elu", "l", "e")
            .branch("e", "i")
            .node("GlobalAveragePool", "i", "p")
            .node("Elu", "p", "y");
    assertThat(refusal(test))
        .contains("LRN 'LRN of l' is not supported")
        .contains("If 'branch' holds graphs, branches or loops, of its own")
        .doesNotContain("Conv 'Conv of c'")
        .doesNotContain("Elu 'Elu of e'")
        .contains("replace that in the source and export it again");
  }

  @Test
  void normsOfOtherAxesAreNamed() {
    long[] last = {0, 2, 3, 1};
    assertThat(refusal(model().weight("s", 8).node("LayerNormalization", "x,s", "y")))
        .contains("LayerNormalization of y' normalises another axis than the channels");
    assertThat(
            refusal(model().weight("s", 8, 8).node("LayerNormalization", "x,s", "y", "axis", 2L)))
        .contains("normalises several axes");
    assertThat(
            refusal(
                model().weight("s", 3).node("GroupNormalization", "x,s,s", "y", "num_groups", 2L)))
        .contains("has groups that do not divide its channels");
    assertThat(refusal(model().weight("s", 4).node("InstanceNormalization", "x,s,s", "y")))
        .contains("has parameters that are not one value a channel");
    assertThat(
            refusal(
                model()
                    .node("Transpose", "x", "t", "perm", last)
                    .node("MaxPool", "t", "y", "kernel_shape", new long[] {2, 2})))
        .contains("MaxPool 'MaxPool of y' reads a map N,H,W,C");
    assertThat(
            refusal(
                model()
                    .node("ReduceMean", "x", "m", "axes", new long[] {1})
                    .node("Sub", "x,m", "y")))
        .contains("ReduceMean 'ReduceMean of m' takes the mean of other axes");
  }

  @Test
  void operatorsOfOthersAreNamed() {
    MessageWriter unknown =
        new MessageWriter().text(1, "x").text(2, "y").text(3, "n").text(4, "Op").text(7, "com.me");
    assertThat(refusal(model().raw(1, unknown)))
        .contains("Op 'n' is no operator of the ONNX standard");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 8, 24, 1000})
  void otherOpsetsAreRefused(int opset) {
    TestModel test = TestModel.withInput(opset, -1, 3, 8, 8).output("y").node("Relu", "x", "y");
    assertThat(refusal(test)).contains("opset " + opset + ", but 9 to 23 are read");
  }

  @Test
  void wrongModelsAreRefused() {
    assertThat(refusal(model().node("Relu", "z", "y")))
        .contains("node 'Relu of y' (Relu) reads 'z', which nothing before it gives");
    assertThat(refusal(model().node("Relu", "x", "y").node("Relu", "x", "y")))
        .contains("two nodes give 'y'");
    assertThat(refusal(model().weight("w", 4, 2, 3, 3).node("Conv", "x,w", "y")))
        .contains("reads 3 channels in 1 groups, but its weights are [4, 2, 3, 3]");
    assertThat(refusal(model().weight("w", 4, 3, 30, 3).node("Conv", "x,w", "y")))
        .contains("has a window larger than what it reads");
    assertThat(refusal(model().shape("s", 0, 7, -1).node("Reshape", "x,s", "y")))
        .contains("makes a shape of another size than its input");
    assertThat(refusal(model().input("other", 1, 3, 8, 8).node("Relu", "x", "y")))
        .contains("it has 2 inputs");
    assertThat(refusal(model().shape("c", 1).node("Identity", "c", "y")))
        .contains("does not depend on its input");
    assertThat(
            refusal(
                model()
                    .weight("w", 4, 3, 3, 3)
                    .node("Conv", "x,w", "y", "strides", new long[] {0, 1})))
        .contains("has a kernel, stride or dilation that is not positive, or huge");
  }

  @Test
  void wrongTensorsAreRefused() {
    MessageWriter few = TestModel.described("w", TestModel.FLOAT, 2, 2).bytes(9, new byte[12]);
    assertThat(refusal(model().tensor(few).node("Relu", "x", "y")))
        .contains("tensor 'w' has 12 bytes of data, but shape [2, 2] of FLOAT needs 16");
    MessageWriter negative = TestModel.described("w", TestModel.FLOAT, -2).bytes(9, new byte[8]);
    assertThat(refusal(model().tensor(negative).node("Relu", "x", "y")))
        .contains("has a negative extent");
    MessageWriter huge =
        TestModel.described("w", TestModel.FLOAT, 1L << 40, 1L << 40).bytes(9, new byte[8]);
    assertThat(refusal(model().tensor(huge).node("Relu", "x", "y")))
        .contains("has too many elements");
    MessageWriter claimed = TestModel.described("w", TestModel.FLOAT, 1L << 40);
    assertThat(refusal(model().tensor(claimed).node("Relu", "x", "y")))
        .contains("has fewer values than its shape says");
    MessageWriter alien = TestModel.described("w", 99, 1).bytes(9, new byte[4]);
    assertThat(refusal(model().tensor(alien).node("Relu", "x", "y")))
        .contains("elements of type 99, which ONNX does not know");
  }

  private static MessageWriter external(String location, String offset, String length) {
    MessageWriter tensor = TestModel.described("w", TestModel.FLOAT, 4).integer(14, 1);
    for (List<String> entry :
        List.of(
            List.of("location", location), List.of("offset", offset), List.of("length", length))) {
      if (!entry.get(1).isEmpty()) {
        tensor.message(13, new MessageWriter().text(1, entry.get(0)).text(2, entry.get(1)));
      }
    }
    return tensor;
  }

  private String external(MessageWriter tensor) {
    return refusal(model().tensor(tensor).node("Relu", "x", "y"));
  }

  @Test
  void dataOutsideOfTheFolderIsNotRead() throws IOException {
    Path inside = Files.createDirectory(folder.resolve("inside"));
    Files.write(folder.resolve("secret"), new byte[64]);
    Files.createSymbolicLink(inside.resolve("link"), folder.resolve("secret"));
    Files.createSymbolicLink(inside.resolve("up"), folder);
    for (String location :
        List.of(
            "../secret",
            folder.resolve("secret").toString(),
            "link",
            "up/secret",
            "a/../../secret")) {
      TestModel test = model().tensor(external(location, "", "")).node("Relu", "x", "y");
      assertThat(refusal(test.write(inside.resolve("model.onnx"))))
          .as(location)
          .containsAnyOf("which does not lie in the model's folder", "no such file");
    }
    assertThat(external(external("secret", "60", "16")))
        .contains("should be 16 bytes at 60 of secret, which has 64");
    assertThat(external(external("secret", "0", "8")))
        .contains("has 8 bytes in secret, but its shape needs 16");
    assertThat(external(external("secret", "-4", ""))).contains("that is no number");
    assertThat(external(external("", "", ""))).contains("a file that it does not name");
    assertThat(external(external("missing", "", ""))).contains("no such file or folder");
    assertThat(external(external(".", "", ""))).contains("which is no regular file");
    assertThat(external(external("a\0b", "", "")))
        .contains("which does not lie in the model's folder");
  }

  /** What takes a step for each of the others of its name takes minutes here. */
  @Test
  void manyNodesOfOneNameAreRead() {
    TestModel test = model();
    String before = "x";
    for (int i = 0; i < 60_000; i++) {
      MessageWriter node = new MessageWriter().text(1, before).text(2, "v" + i);
      test.raw(1, node.text(3, "same").text(4, i % 2 == 0 ? "Elu" : "Softsign"));
      before = "v" + i;
    }
    test.node("GlobalAveragePool", before, "y");
    Path file = test.write(folder.resolve("model.onnx"));
    String sentence = assertTimeout(Duration.ofSeconds(15), () -> refusal(file));
    assertThat(sentence)
        .contains("Softsign 'same' is not supported")
        .doesNotContain("Elu 'same' (and");
  }

  @Test
  void whatIsNoFileIsTold() {
    assertThatThrownBy(() -> OnnxImport.open(folder))
        .isInstanceOf(ExchangeException.class)
        .hasMessage(folder + " is no regular file, give an ONNX file.");
    assertThatThrownBy(() -> OnnxImport.open(folder.resolve("none")))
        .isInstanceOf(ExchangeException.class)
        .hasMessageContaining("no such file or folder");
  }
}
