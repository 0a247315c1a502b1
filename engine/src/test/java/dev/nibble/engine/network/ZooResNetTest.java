package dev.nibble.engine.network;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.nibble.engine.exchange.SafetensorsFile;
import dev.nibble.engine.exec.Session;
import dev.nibble.engine.exec.SessionOptions;
import dev.nibble.engine.exec.TestKernels;
import dev.nibble.engine.network.ResNetFamily.Design;
import dev.nibble.engine.optim.Optimizer;
import dev.nibble.engine.optim.UpdateRule;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.memory.MemoryAccount;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Two small networks of {@link ResNetFamily}'s design against what PyTorch computes for them:
 * logits, first gradients, five losses, and where the weights arrive.
 */
class ZooResNetTest {
  private static final Path FOLDER =
      Path.of(System.getProperty("nibble.shared", "../../shared"), "zoo");
  private static final int BATCH = 8;
  private static final int CLASSES = 4;
  private static final FeatureMap PICTURES = new FeatureMap(64, 64, 3);

  @BeforeAll
  static void requireTheFiles() {
    if (!Files.isDirectory(FOLDER)) {
      assertThat(System.getenv("CI"))
          .as("in CI the zoo must lie in %s", FOLDER.toAbsolutePath())
          .isNotEqualTo("true");
      abort("no zoo in " + FOLDER.toAbsolutePath() + "; set -Dnibble.shared=FOLDER");
    }
  }

  private static Network network(String name) {
    Design design =
        name.equals("resnet-basic")
            ? new Design(List.of(1, 1, 1, 1), List.of(16, 24, 32, 48), false, 1)
            : new Design(List.of(1, 2, 1, 1), List.of(8, 16, 24, 32), true, 1);
    return ResNetFamily.build(name, PICTURES, CLASSES, design);
  }

  /**
   * These runs are chaotic: rounding alone moves PyTorch's own losses by {@code drift} within five
   * steps, and the weights by {@code way}; three times that is allowed. With codes of 4 bits the
   * weights' gradients are approximate: logits and the first loss are the same, and the loss must
   * fall by half as much at least.
   */
  @ParameterizedTest
  @CsvSource({
    "resnet-basic, FP32, 6e-3, 5e-2",
    "resnet-bottleneck, FP32, 9e-3, 4e-2",
    "resnet-basic, INT4, 0, 0",
    "resnet-bottleneck, INT4, 0, 0"
  })
  void whatPyTorchComputesIsComputed(String name, StoreFormat store, double drift, double way)
      throws Exception {
    Network network = network(name);
    Map<String, float[]> initial = OnnxWeights.read(FOLDER.resolve(name + ".onnx"));
    UpdateRule rule = UpdateRule.of(Optimizer.sgd(0.9, 0));
    PlanOptions options = PlanOptions.training(BATCH, store, false).withUpdate(rule);
    try (MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
        Session session =
            Session.open(
                ExecutionPlan.of(network, options),
                SessionOptions.of(2),
                TestKernels.chosen(),
                account);
        SafetensorsFile zoo = SafetensorsFile.open(FOLDER.resolve(name + ".safetensors"));
        Arena arena = Arena.ofConfined()) {
      for (Parameter parameter : network.parameters()) {
        float[] values = Objects.requireNonNull(initial.get(parameter.name()), parameter.name());
        float[] ordered = parameter.inMemoryOrder(values);
        MemorySegment.copy(ordered, 0, session.values(parameter), JAVA_FLOAT, 0, ordered.length);
      }
      float[] pictures = pictures(zoo, arena);
      MemorySegment labels = zoo.read("labels", arena).data();
      load(session, pictures);
      session.predict(BATCH);
      float[] expected = zoo.readFloats("eval_logits");
      float[] logits = session.logits().asSlice(0, 4L * expected.length).toArray(JAVA_FLOAT);
      float largest = 0;
      for (float value : expected) {
        largest = Math.max(largest, Math.abs(value));
      }
      for (int i = 0; i < logits.length; i++) {
        assertThat(Math.abs(logits[i] - expected[i])).isLessThan(1e-4f * largest);
      }
      boolean exact = store == StoreFormat.FP32;
      float[] losses = zoo.readFloats("losses");
      double loss = 0;
      for (int step = 0; step < losses.length; step++) {
        load(session, pictures);
        assertThat(session.train(labels, BATCH, 0.01f)).isTrue();
        loss = session.lossSum() / BATCH;
        if (step == 0 || exact) {
          assertThat(Math.abs(loss - losses[step]) / losses[step])
              .as("relative error of loss %d, which is %s", step, loss)
              .isLessThan(step == 0 ? 2e-4 : 3 * drift);
        }
        if (step == 0 && exact) {
          compareGradients(session, zoo);
        }
      }
      if (exact) {
        compareWeights(session, zoo, 3 * way);
      }
      double fall = losses[0] - losses[losses.length - 1];
      assertThat(losses[0] - loss).as("how far the loss fell").isGreaterThan(fall / 2);
    }
  }

  private static void compareGradients(Session session, SafetensorsFile zoo) {
    float[] gradients = session.gradients().toArray(JAVA_FLOAT);
    for (Parameter parameter : session.network().parameters()) {
      if (parameter.kind().trainable()) {
        float[] actual = new float[parameter.size()];
        System.arraycopy(gradients, parameter.offset(), actual, 0, actual.length);
        float[] expected = zoo.readFloats("grad." + parameter.name());
        assertThat(relative(parameter.inFileOrder(actual), expected))
            .as("relative error of the gradient of %s", parameter.name())
            .isLessThan(2e-3);
      }
    }
  }

  private static void compareWeights(Session session, SafetensorsFile zoo, double tolerance) {
    for (Parameter parameter : session.network().parameters()) {
      float[] actual =
          session.values(parameter).asSlice(0, 4L * parameter.size()).toArray(JAVA_FLOAT);
      float[] expected = zoo.readFloats("final." + parameter.name());
      assertThat(relative(parameter.inFileOrder(actual), expected))
          .as("relative error of %s after five steps", parameter.name())
          .isLessThan(tolerance);
    }
  }

  private static float[] pictures(SafetensorsFile zoo, Arena arena) {
    byte[] bytes = zoo.read("pictures", arena).data().toArray(JAVA_BYTE);
    float[] pictures = new float[bytes.length];
    for (int i = 0; i < bytes.length; i++) {
      pictures[i] = (float) (((bytes[i] & 0xff) / 255.0 - 0.5) / 0.25);
    }
    return pictures;
  }

  private static void load(Session session, float[] pictures) {
    MemorySegment.copy(pictures, 0, session.input(), JAVA_FLOAT, 0, pictures.length);
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
