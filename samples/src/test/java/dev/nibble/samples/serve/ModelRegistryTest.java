package dev.nibble.samples.serve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.metrics.NibbleMetrics;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.provider.KernelProvider;
import dev.nibble.memory.MemoryAccount;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Once a version serves, no error takes its model away. */
class ModelRegistryTest {
  private static final FeatureMap INPUT = new FeatureMap(8, 8, 3);

  /** Its errors are what is tested. Held, or the setting would be lost. */
  private static final Logger LOGGER = Logger.getLogger(ModelRegistry.class.getName());

  @TempDir private Path home;
  private Path weights = Path.of("");

  @BeforeEach
  void train() throws IOException {
    LOGGER.setLevel(Level.OFF);
    try (Tiny tiny = Tiny.trained(Tiny.options(home.resolve("other")))) {
      weights = home.resolve("weights.safetensors");
      Files.write(weights, tiny.client.bytes("/model/file"));
    }
    Files.createDirectories(home.resolve("models"));
  }

  @AfterEach
  void logAgain() {
    LOGGER.setLevel(null);
  }

  @Test
  void servesOnWhereTheListenerFails() throws IOException {
    Kernels kernels = KernelProvider.choose("scalar");
    try (MemoryAccount account = MemoryAccount.root("test", Tiny.LIMIT);
        ModelRegistry registry =
            new ModelRegistry(
                new ModelFolder(home.resolve("models")),
                3,
                1,
                kernels,
                account,
                new NibbleMetrics(account),
                line -> {},
                new ServiceLog(System.getLogger(ServiceLog.NAME)))) {
      FirstVersion.take(registry, weights, INPUT);
      registry.begin(
          List.of("rows", "columns"),
          INPUT,
          model -> {
            throw new IllegalStateException("the listener fails");
          });
      Files.copy(weights, registry.candidate());
      Serving next = registry.open(registry.candidate(), registry.nextNumber());
      assertThat(registry.accept(registry.candidate(), next, 1L, null, 0)).isTrue();
      assertServes(registry, 2);
      registry.rollback();
      assertServes(registry, 1);
      registry.activate(2);
      assertServes(registry, 2);
    }
  }

  private static void assertServes(ModelRegistry registry, long version) {
    Serving serving = Objects.requireNonNull(registry.hold());
    try {
      assertThat(serving.version()).isEqualTo(version);
      float[] logits = new float[2];
      serving.predictor().predictBytes(new byte[INPUT.values()], 1, logits);
      assertThat(HeldOut.isFinite(logits, 0, 2)).isTrue();
    } finally {
      serving.release();
    }
  }

  @Test
  void servesOnAsBeforeWhereTheDiskDoesNotTakeTheChange() throws IOException {
    try (Tiny tiny = Tiny.trained(Tiny.options(home))) {
      tiny.client.post("/retrain");
      tiny.client.awaitTraining();
      // The name under which the change would be written is taken by a folder with something in it.
      Path taken = Files.createDirectories(home.resolve("models/current.json.tmp/full"));
      assertThat(tiny.client.post("/model/versions/1/activate").status()).isEqualTo(507);
      assertThat(tiny.client.get("/model").json().get("current").asLong()).isEqualTo(2);
      assertThat(tiny.client.post("/predict", Tiny.picture(true, 1)).status()).isEqualTo(200);
      Files.delete(taken);
      Files.delete(taken.resolveSibling(""));
      assertThat(tiny.client.post("/model/versions/1/activate").status()).isEqualTo(200);
    }
  }
}
