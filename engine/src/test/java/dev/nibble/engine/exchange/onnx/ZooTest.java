package dev.nibble.engine.exchange.onnx;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nibble.engine.exchange.SafetensorsFile;
import dev.nibble.engine.exec.Session;
import dev.nibble.engine.exec.SessionOptions;
import dev.nibble.engine.exec.TestKernels;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.optim.Optimizer;
import dev.nibble.engine.optim.UpdateRule;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.memory.MemoryAccount;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Networks of many kinds, imported from ONNX files, against what PyTorch computes for them: logits,
 * first gradients, five losses, and where the weights arrive.
 *
 * <p>The scalar kernels compute logits, first loss and first gradients of all networks, unless
 * {@code -Dnibble.long=true} asks for all else, too, which takes them minutes.
 */
class ZooTest {
  private static final Path FOLDER =
      Path.of(System.getProperty("nibble.shared", "../../shared"), "zoo");
  private static final int BATCH = 8;

  /** Whether all is run, not only what fits into every build. */
  private static final boolean IS_WHOLE =
      Boolean.getBoolean("nibble.long") || !TestKernels.chosen().name().equals("scalar");

  private static void requireWhole() {
    assumeTrue(IS_WHOLE, "takes the scalar kernels too long: give -Dnibble.long=true");
  }

  /** Length of a gradient that is 0 but for rounding. */
  private static final double ROUNDING = 1e-5;

  @BeforeAll
  static void requireTheFiles() {
    if (!Files.isDirectory(FOLDER)) {
      assertThat(System.getenv("CI"))
          .as("in CI the zoo must lie in %s", FOLDER.toAbsolutePath())
          .isNotEqualTo("true");
      abort("no zoo in " + FOLDER.toAbsolutePath() + "; set -Dnibble.shared=FOLDER");
    }
  }

  /**
   * Rounding alone moves PyTorch's own losses by {@code drift} within five steps in some of these
   * runs, and the weights by {@code way}: three times that is allowed there, else a hundredth.
   *
   * <p>The first gradients of a network are PyTorch's within 2e-3. In the recording of mobilenetv2
   * one value of 786,432 (-1.7e-7 in double precision) lies on the other side of ReLU6's edge,
   * which moves three tensors before it by up to {@code edge} from PyTorch's own gradients in
   * double precision, with which these agree. In that of resnet-basic one value of 524,288 (1.6e-7)
   * lies on the other side of the first ReLU's edge, which moves a gradient by 1.7e-3. In that of
   * resnet-bottleneck no value does in the first two steps; what begins its drift was not traced.
   * PyTorch's two runs end 4.3e-2 (resnet-basic), 3.0e-2 (resnet-bottleneck) and 1.2e-3
   * (mobilenetv2) apart.
   */
  @ParameterizedTest
  @CsvSource({
    "densenet, 0, 0, 0",
    "dilated-leaky, 0, 0, 0",
    "efficientnet, 0, 0, 0",
    "inception, 0, 0, 0",
    "mobilenetv2, 5e-4, 4e-3, 3.2e-3",
    "mobilenetv3, 0, 0, 0",
    "resnet-basic, 6e-3, 5e-2, 0",
    "resnet-bottleneck, 9e-3, 4e-2, 0",
    "resnext, 0, 0, 0",
    "squeezenet, 0, 0, 0",
    "vgg-bias, 0, 0, 0"
  })
  void whatPyTorchComputesIsComputed(String name, double drift, double way, double edge) {
    try (Run run = new Run(name, StoreFormat.FP32)) {
      run.compareLogits();
      float[] losses = run.zoo.readFloats("losses");
      int steps = IS_WHOLE ? losses.length : 1;
      for (int step = 0; step < steps; step++) {
        double loss = run.step();
        double allowed = step == 0 ? 2e-4 : drift > 0 ? 3 * drift : 1e-2;
        assertThat(Math.abs(loss - losses[step]) / losses[step])
            .as("relative error of loss %d, which is %s", step, loss)
            .isLessThan(allowed);
        if (step == 0) {
          run.compareGradients(Math.max(2e-3, edge));
        }
      }
      if (IS_WHOLE) {
        run.compareWeights(way > 0 ? 3 * way : 1e-2);
      }
    }
  }

  /**
   * Codes of 4 bits leave the forward pass as it is, and make gradients approximate: within a tenth
   * of their length, or where many derivatives are taken at restored arguments (SiLU, hard swish)
   * three tenths.
   *
   * <p>Where a run is stable, the losses stay within 5 % (0.5 % was measured). Four are not, on
   * eight pictures at a learning rate of 0.01. PyTorch's own losses in fp32, with noise of 0.1 % of
   * a gradient's length added to each, stray further than that within five steps in 9 of 12 runs of
   * mobilenetv3, 5 of 12 of resnext and 9 of 12 of resnet-bottleneck; with normalised values
   * restored to 0.1 % of a deviation in the backward pass, which is ten bits, in 9 of 10 of resnext
   * and 6 of 10 of resnet-bottleneck; to 6 %, which is four bits, by up to 5.9 % in resnet-basic.
   * No codes of few bits can follow these: they must lower the loss.
   */
  @ParameterizedTest
  @CsvSource({
    "densenet, 0.1, true",
    "dilated-leaky, 0.1, true",
    "efficientnet, 0.3, true",
    "inception, 0.1, true",
    "mobilenetv2, 0.1, true",
    "mobilenetv3, 0.3, false",
    "resnet-basic, 0.1, false",
    "resnet-bottleneck, 0.1, false",
    "resnext, 0.1, false",
    "squeezenet, 0.1, true",
    "vgg-bias, 0.1, true"
  })
  void fourBitsTrainAsWell(String name, double gradients, boolean isStable) {
    requireWhole();
    try (Run run = new Run(name, StoreFormat.INT4)) {
      float[] losses = run.zoo.readFloats("losses");
      double loss = Double.NaN;
      for (int step = 0; step < losses.length; step++) {
        loss = run.step();
        if (step == 0) {
          assertThat(run.gradientError())
              .as("relative error of all gradients")
              .isLessThan(gradients);
        }
        if (step == 0 || isStable) {
          assertThat(Math.abs(loss - losses[step]) / losses[step])
              .as("relative error of loss %d, which is %s", step, loss)
              .isLessThan(step == 0 ? 2e-4 : 5e-2);
        }
      }
      assertThat(loss).isLessThan(losses[0]);
    }
  }

  /** As exporters for inference write it: batch norm folded, names lost. */
  @ParameterizedTest
  @ValueSource(strings = {"mobilenetv3", "resnet-basic"})
  void foldedNetworksPredictTheSame(String name) {
    requireWhole();
    try (Run run = new Run(name, name + "-folded", StoreFormat.FP32)) {
      run.compareLogits();
      assertThat(run.session.network().parameters())
          .allMatch(parameter -> parameter.kind().trainable());
      double loss = run.step();
      assertThat(run.step()).isLessThan(loss);
    }
  }

  /** A network in training. */
  private static final class Run implements AutoCloseable {
    private final MemoryAccount account = MemoryAccount.root("zoo", MemoryAccount.UNLIMITED);
    private final Arena arena = Arena.ofConfined();
    private final SafetensorsFile zoo;
    private final Session session;
    private final float[] pictures;
    private final MemorySegment labels;

    Run(String name, StoreFormat store) {
      this(name, name, store);
    }

    Run(String name, String file, StoreFormat store) {
      zoo = SafetensorsFile.open(FOLDER.resolve(name + ".safetensors"));
      try (OnnxImport model = OnnxImport.open(FOLDER.resolve(file + ".onnx"))) {
        UpdateRule rule = UpdateRule.of(Optimizer.sgd(0.9, 0));
        PlanOptions options = PlanOptions.training(BATCH, store, false).withUpdate(rule);
        ExecutionPlan plan = ExecutionPlan.of(model.network(), options);
        session = Session.open(plan, SessionOptions.of(2), TestKernels.chosen(), account);
        model.load(session::values);
      }
      byte[] bytes = zoo.read("pictures", arena).data().toArray(JAVA_BYTE);
      pictures = new float[bytes.length];
      for (int i = 0; i < bytes.length; i++) {
        pictures[i] = (float) (((bytes[i] & 0xff) / 255.0 - 0.5) / 0.25);
      }
      labels = zoo.read("labels", arena).data();
    }

    private void load() {
      MemorySegment.copy(pictures, 0, session.input(), JAVA_FLOAT, 0, pictures.length);
    }

    double step() {
      load();
      assertThat(session.train(labels, BATCH, 0.01f)).isTrue();
      return session.lossSum() / BATCH;
    }

    void compareLogits() {
      load();
      session.predict(BATCH);
      float[] expected = zoo.readFloats("eval_logits");
      float[] logits = session.logits().asSlice(0, 4L * expected.length).toArray(JAVA_FLOAT);
      float largest = 0;
      for (float value : expected) {
        largest = Math.max(largest, Math.abs(value));
      }
      for (int i = 0; i < logits.length; i++) {
        assertThat(Math.abs(logits[i] - expected[i]))
            .as("error of logit %d", i)
            .isLessThan(1e-4f * largest);
      }
    }

    /**
     * What is 0 but for rounding, as a shift that a batch norm takes away again, is not compared.
     */
    void compareGradients(double tolerance) {
      for (Parameter parameter : session.network().parameters()) {
        if (parameter.kind().trainable()) {
          float[] actual = session.gradient(parameter).toArray(JAVA_FLOAT);
          float[] expected = zoo.readFloats("grad." + parameter.name());
          if (length(expected) > ROUNDING) {
            assertThat(relative(parameter.inFileOrder(actual), expected))
                .as("relative error of the gradient of %s", parameter.name())
                .isLessThan(tolerance);
          } else {
            assertThat(length(actual)).as(parameter.name()).isLessThan(10 * ROUNDING);
          }
        }
      }
    }

    /** Of all tensors as one. */
    double gradientError() {
      double difference = 0;
      double length = 0;
      for (Parameter parameter : session.network().parameters()) {
        if (parameter.kind().trainable()) {
          float[] actual = parameter.inFileOrder(session.gradient(parameter).toArray(JAVA_FLOAT));
          float[] expected = zoo.readFloats("grad." + parameter.name());
          for (int i = 0; i < actual.length; i++) {
            difference += Math.pow((double) actual[i] - expected[i], 2);
            length += (double) expected[i] * expected[i];
          }
        }
      }
      return Math.sqrt(difference / length);
    }

    void compareWeights(double tolerance) {
      for (Parameter parameter : session.network().parameters()) {
        float[] actual =
            session.values(parameter).asSlice(0, 4L * parameter.size()).toArray(JAVA_FLOAT);
        float[] expected = zoo.readFloats("final." + parameter.name());
        assertThat(relative(parameter.inFileOrder(actual), expected))
            .as("relative error of %s after five steps", parameter.name())
            .isLessThan(tolerance);
      }
    }

    @Override
    public void close() {
      session.close();
      zoo.close();
      arena.close();
      account.close();
    }
  }

  private static double length(float[] values) {
    double sum = 0;
    for (float value : values) {
      sum += (double) value * value;
    }
    return Math.sqrt(sum);
  }

  private static double relative(float[] actual, float[] expected) {
    assertThat(actual).hasSameSizeAs(expected);
    double difference = 0;
    double length = 0;
    for (int i = 0; i < actual.length; i++) {
      difference += Math.pow((double) actual[i] - expected[i], 2);
      length += (double) expected[i] * expected[i];
    }
    return Math.sqrt(difference / length);
  }
}
