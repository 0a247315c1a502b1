package dev.nibble.samples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.checkpoint.CheckpointStore;
import dev.nibble.engine.checkpoint.LoadedCheckpoint;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.data.sources.PictureFiles;
import dev.nibble.engine.data.sources.ShapesDataset;
import dev.nibble.engine.exchange.SafetensorsFile;
import dev.nibble.engine.infer.Predictor;
import dev.nibble.engine.infer.PredictorOptions;
import dev.nibble.engine.json.JsonException;
import dev.nibble.engine.json.JsonLimits;
import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonWriter;
import dev.nibble.engine.network.ResNet;
import dev.nibble.engine.train.Trainer;
import dev.nibble.engine.train.TrainingListener;
import dev.nibble.engine.train.TrainingOptions;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.provider.KernelProvider;
import dev.nibble.memory.MemoryAccount;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.io.TempDir;

/** Every file that a user may hand over is read, or refused in one sentence. */
@TestInstance(Lifecycle.PER_CLASS)
class ReadersFuzzTest {
  private static final int SHA_BYTES = 32;
  private static final int MOST_PIXELS = 1 << 17;

  /** Noise of 8x8 pixels. */
  private static final String LOSSLESS_WEBP =
      "UklGRlgAAABXRUJQVlA4TEsAAAAvB8ABAD8gFkyGlf8V4iCLBZNh5X+FNf+BbBAJbIBtbe1JlcUzQE56g96h"
          + "1wG0dmgdIvof8kia6gJ/z996H0Sv1xO5ytufrF5BSnwA";

  private static final String LOSSY_WEBP =
      "UklGRoAAAABXRUJQVlA4IHQAAADwAQCdASoIAAgAAoBCJZgCdH8AFbMZmiAA/r/J5eopb9Uf/FnAg/E65WnQ"
          + "M0d69Pp+Lz/3XkYdz1/sLnDgw0RijEk5f/DGIS18HUkjwffx4yXws3Y03zENbD3VDXY9dHxyG/Z3+/mn"
          + "Ez+TXCD+P/0NkAAAAA==";

  private Path folder = Path.of("");
  private final Kernels kernels = KernelProvider.choose("scalar");
  private byte[] model = {};
  private byte[] checkpoint = {};

  /** A model and a checkpoint as a short training leaves them. */
  @BeforeAll
  void train(@TempDir Path temporary) throws Exception {
    folder = temporary;
    Path checkpoints = folder.resolve("checkpoints");
    try (MemoryAccount memory = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
        DataSplits data =
            new DataSplits(ShapesDataset.train(1, 8), ShapesDataset.test(1, 4), "shapes");
        Trainer trainer =
            Trainer.open(
                ResNet.of("resnet8", new FeatureMap(32, 32, 3), 10),
                data,
                TrainingOptions.builder().steps(1).build(),
                kernels,
                memory)) {
      trainer.checkpointTo(new CheckpointStore(checkpoints));
      trainer.run(new TrainingListener() {});
      trainer.saveModel(folder.resolve("model.safetensors"));
    }
    model = Files.readAllBytes(folder.resolve("model.safetensors"));
    try (Stream<Path> files = Files.list(checkpoints)) {
      checkpoint = Files.readAllBytes(files.findFirst().orElseThrow());
    }
  }

  private static boolean isSentence(Throwable e) {
    String sentence = BadInputException.sentenceOf(e);
    return sentence != null && !sentence.isBlank() && !sentence.contains("Exception");
  }

  private Path file(byte[] input) {
    try {
      return Files.write(folder.resolve("input"), input);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void safetensors() throws Exception {
    byte[] small =
        ("{\"a\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]},"
                + "\"b\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[8,9]}}")
            .getBytes(StandardCharsets.UTF_8);
    byte[] file = new byte[8 + small.length + 9];
    file[0] = (byte) small.length;
    System.arraycopy(small, 0, file, 8, small.length);
    Fuzz.run(
        "safetensors",
        List.of(file, Arrays.copyOf(model, model.length)),
        ReadersFuzzTest::isSentence,
        input -> {
          try (SafetensorsFile read = SafetensorsFile.open(file(input))) {
            for (String name : read.names()) {
              assertThat(read.shape(name)).isNotNull();
              switch (read.dtype(name)) {
                case F32, F16, BF16 -> assertThat(read.readFloats(name)).isNotNull();
                default -> assertThat(read.info(name)).isNotNull();
              }
            }
          }
        });
  }

  @Test
  void models() throws Exception {
    Fuzz.run(
        "models",
        List.of(model),
        ReadersFuzzTest::isSentence,
        input -> {
          try (MemoryAccount memory = MemoryAccount.root("test", 64L << 20);
              Predictor predictor = BadInputException.check(() -> open(input, memory))) {
            assertThat(predictor.classes()).isPositive();
          }
        });
  }

  private Predictor open(byte[] input, MemoryAccount memory) {
    PredictorOptions options = PredictorOptions.defaults().withThreads(1);
    return Predictor.open(file(input), options, kernels, memory);
  }

  /** Half of them with a right checksum: what a fault before the writing would leave. */
  @Test
  void checkpoints() throws Exception {
    Fuzz.run(
        "checkpoints",
        List.of(checkpoint),
        ReadersFuzzTest::isSentence,
        input -> {
          byte[] bytes = input.clone();
          if (Arrays.hashCode(bytes) % 2 == 0) {
            sign(bytes);
          }
          try (LoadedCheckpoint read = LoadedCheckpoint.open(file(bytes))) {
            assertThat(read.meta()).isNotNull();
            for (Map.Entry<String, Long> section : read.sections().entrySet()) {
              byte[] data = new byte[Math.toIntExact(section.getValue())];
              read.copySection(section.getKey(), MemorySegment.ofArray(data));
            }
          }
        });
  }

  private static void sign(byte[] bytes) throws NoSuchAlgorithmException {
    if (bytes.length > SHA_BYTES) {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update(bytes, 0, bytes.length - SHA_BYTES);
      System.arraycopy(digest.digest(), 0, bytes, bytes.length - SHA_BYTES, SHA_BYTES);
    }
  }

  /** What is read is written and read again as the same. */
  @Test
  void json() throws Exception {
    List<byte[]> corpus =
        Stream.of(
                "{\"label\":\"caf\u00e9\",\"n\":[1,-2.5e3,true,null],\"o\":{\"\\u0041\":\"\\n\"}}",
                "[[[]],{},\"\",0,-0.0,1e-7,12345678901234567890]",
                "{\"step\":12,\"epoch\":3,\"last_loss\":0.25,\"sections\":{\"weights\":1024}}")
            .map(text -> text.getBytes(StandardCharsets.UTF_8))
            .toList();
    Fuzz.run(
        "json",
        corpus,
        e -> e instanceof JsonException && e.getMessage() != null,
        input -> {
          JsonValue value = JsonParser.parseUtf8(input, JsonLimits.DEFAULT);
          assertThat(JsonParser.parse(JsonWriter.compact(value))).isEqualTo(value);
          assertThat(JsonParser.parse(JsonWriter.indented(value))).isEqualTo(value);
        });
  }

  /** Files of options, in both forms. */
  @Test
  void options() throws Exception {
    List<byte[]> corpus =
        Stream.of(
                """
                # a run
                model: resnet20
                lr: 0.2
                augment: [crop-flip, "color-jitter"]
                out: 'café 1' # where
                no-shuffle: true
                """,
                "{\"model\": \"resnet20\", \"lr\": 0.2, \"freeze\": [\"stem\"], \"pictures\": 12}")
            .map(text -> text.getBytes(StandardCharsets.UTF_8))
            .toList();
    Fuzz.run(
        "options",
        corpus,
        ReadersFuzzTest::isSentence,
        input ->
            assertThat(BadInputException.check(() -> ConfigFile.read(file(input)))).isNotNull());
  }

  /** With the library that the command brings along; other pictures: the engine's own tests. */
  @Test
  void webp() throws Exception {
    List<byte[]> corpus =
        List.of(Base64.getDecoder().decode(LOSSLESS_WEBP), Base64.getDecoder().decode(LOSSY_WEBP));
    MemorySegment target = MemorySegment.ofArray(new byte[4 * 4 * 3]);
    Fuzz.run(
        "webp",
        corpus,
        ReadersFuzzTest::isSentence,
        input -> {
          // What a header claims is paid for, up to a limit of its own: this is about the rest.
          PictureSize size = PictureFiles.size(input, "the picture");
          if (size.height() * size.width() <= MOST_PIXELS) {
            PictureFiles.read(input, "the picture", new PictureSize(4, 4), 3, target, 0);
          }
        });
  }
}
