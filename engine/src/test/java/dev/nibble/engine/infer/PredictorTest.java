package dev.nibble.engine.infer;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.engine.exec.TestKernels;
import dev.nibble.engine.exec.TestSession;
import dev.nibble.engine.model.ModelFile;
import dev.nibble.engine.model.ModelInfo;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.ResNet;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.memory.MemoryAccount;
import dev.nibble.memory.MemoryLimitException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What one thread sees of a predictor: cuts, kinds of memory, bytes, refusals. */
class PredictorTest {
  private static final float[] MEAN = {0.4f, 0.5f, 0.6f};
  private static final float[] STD = {0.2f, 0.25f, 0.3f};

  private static Network network() {
    return ResNet.of("resnet8", new FeatureMap(8, 8, 3), 5);
  }

  @ParameterizedTest
  @CsvSource({"8, 1, 1", "8, 1, 8", "8, 2, 0", "8, 2, 3", "8, 3, 5", "8, 5, 2", "24, 2, 3"})
  void anyCutGivesTheSameBits(int size, int threads, int atOnce) {
    // The wider pictures are large enough for Winograd's convolutions in all three groups.
    Network network = ResNet.of("resnet8", new FeatureMap(size, size, 3), 5);
    try (PredictorFixture single = new PredictorFixture(network, PredictorFixture.options(1, 1));
        PredictorFixture test =
            new PredictorFixture(network, PredictorFixture.options(threads, atOnce))) {
      float[] pictures = single.pictures(41, 1);
      float[] expected = single.oneByOne(pictures, 41);
      assertThat(test.oneByOne(pictures, 41)).isEqualTo(expected);
      for (int count : new int[] {1, 2, 3, 7, 8, 9, 16, 41}) {
        float[] logits = test.predict(pictures, count);
        assertThat(logits).as("%d pictures", count).isEqualTo(Arrays.copyOf(expected, count * 5));
      }
    }
  }

  @Test
  void aPictureIsNotTouchedByItsNeighbours() {
    try (PredictorFixture test = new PredictorFixture(network(), PredictorFixture.options(2, 4))) {
      int values = test.predictor().input().values();
      float[] pictures = test.pictures(8, 2);
      float[] expected = test.predict(pictures, 8);
      Arrays.fill(pictures, 3 * values, 4 * values, Float.NaN);
      Arrays.fill(pictures, 6 * values, 7 * values, Float.POSITIVE_INFINITY);
      float[] logits = test.predict(pictures, 8);
      for (int i : new int[] {0, 1, 2, 4, 5, 7}) {
        assertThat(Arrays.copyOfRange(logits, 5 * i, 5 * i + 5))
            .as("picture %d", i)
            .isEqualTo(Arrays.copyOfRange(expected, 5 * i, 5 * i + 5));
      }
      assertThat(logits[15]).isNaN();
    }
  }

  @Test
  void takesTheLargestBatch() {
    Network network = PredictorFixture.shortNetwork();
    try (PredictorFixture test = new PredictorFixture(network, PredictorFixture.options(2, 0))) {
      float[] pictures = test.pictures(1024, 3);
      assertThat(test.predict(pictures, 1024)).isEqualTo(test.oneByOne(pictures, 1024));
    }
  }

  @Test
  void everyKindOfMemoryGivesTheSame() {
    try (PredictorFixture test = new PredictorFixture(network(), PredictorFixture.options(2, 1));
        Arena confined = Arena.ofConfined();
        Arena shared = Arena.ofShared()) {
      float[] pictures = test.pictures(9, 4);
      float[] expected = test.predict(pictures, 9);
      for (Arena arena : List.of(confined, shared)) {
        // At an odd address: the predictor copies, so nothing has to be aligned.
        MemorySegment from = arena.allocate(4L * pictures.length + 1).asSlice(1);
        MemorySegment to = arena.allocate(4L * expected.length + 1).asSlice(1);
        MemorySegment.copy(pictures, 0, from, JAVA_FLOAT_UNALIGNED, 0, pictures.length);
        test.predictor().predict(from, 9, to);
        assertThat(to.toArray(JAVA_FLOAT_UNALIGNED)).isEqualTo(expected);
      }
      float[] logits = new float[expected.length];
      MemorySegment heap = MemorySegment.ofArray(pictures);
      test.predictor().predict(heap, 9, MemorySegment.ofArray(logits));
      assertThat(logits).isEqualTo(expected);
    }
  }

  @Test
  void laterTrainingDoesNotDisturbIt() {
    PlanOptions options = PlanOptions.training(4, StoreFormat.INT4, false);
    try (MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
        TestSession test = new TestSession(network(), options, 1, 5);
        Predictor predictor =
            PredictorFixture.predictor(test.session(), PredictorFixture.options(1, 2), account)) {
      float[] before = new float[4 * 5];
      predictor.predict(test.pictures(), 4, before);
      assertThat(test.step(0.1f)).isTrue();
      float[] after = new float[4 * 5];
      predictor.predict(test.pictures(), 4, after);
      assertThat(after).isEqualTo(before);
      try (Predictor later =
          PredictorFixture.predictor(test.session(), PredictorFixture.options(1, 2), account)) {
        later.predict(test.pictures(), 4, after);
        assertThat(after).isNotEqualTo(before);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void bytesAreNormalizedAsInTraining(boolean pictureMean) {
    PredictorOptions options =
        PredictorFixture.options(2, 2).withNormalization(MEAN, STD, pictureMean);
    byte[] bytes = new byte[5 * network().input().values()];
    new SplittableRandom(6).nextBytes(bytes);
    try (PredictorFixture test = new PredictorFixture(network(), options);
        Arena arena = Arena.ofConfined()) {
      float[] expected = test.predict(normalized(bytes, 5, pictureMean), 5);
      float[] logits = new float[25];
      test.predictor().predictBytes(bytes, 5, logits);
      for (int i = 0; i < logits.length; i++) {
        assertThat(logits[i]).isCloseTo(expected[i], within(1e-4f));
      }
      MemorySegment to = arena.allocate(100, 4);
      test.predictor().predictBytes(MemorySegment.ofArray(bytes), 5, to);
      assertThat(to.toArray(JAVA_FLOAT)).isEqualTo(logits);
    }
  }

  private static float[] normalized(byte[] bytes, int count, boolean pictureMean) {
    int values = bytes.length / count;
    float[] pictures = new float[bytes.length];
    for (int n = 0; n < count; n++) {
      double sum = 0;
      for (int i = 0; i < values; i++) {
        sum += (bytes[n * values + i] & 0xFF) / 255.0;
      }
      for (int i = 0; i < values; i++) {
        double mean = pictureMean ? sum / values : MEAN[i % 3];
        double value = (bytes[n * values + i] & 0xFF) / 255.0;
        pictures[n * values + i] = (float) ((value - mean) / STD[i % 3]);
      }
    }
    return pictures;
  }

  @Test
  void opensASavedModelWithItsNormalization(@TempDir Path folder) {
    Path file = folder.resolve("model.safetensors");
    List<String> classes = List.of("a", "b", "c", "d", "e");
    ModelInfo info = new ModelInfo("resnet8", network().input(), classes, MEAN, STD, false);
    byte[] bytes = new byte[2 * network().input().values()];
    new SplittableRandom(8).nextBytes(bytes);
    float[] expected = new float[10];
    float[] logits = new float[10];
    try (MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
        TestSession test = new TestSession(network(), PlanOptions.inference(1), 1, 8)) {
      ModelFile.save(file, test.session().network(), test.session()::values, info);
      PredictorOptions options = PredictorFixture.options(1, 0);
      try (Predictor live =
              PredictorFixture.predictor(test.session(), options.withNormalization(info), account);
          Predictor saved = Predictor.open(file, options, TestKernels.chosen(), account)) {
        live.predictBytes(bytes, 2, expected);
        saved.predictBytes(bytes, 2, logits);
        assertThat(logits).isEqualTo(expected);
        assertThat(account.used()).isEqualTo(live.usedBytes() + saved.usedBytes());
      }
      assertThat(account.used()).isZero();
    }
  }

  @Test
  void refusesWhatDoesNotFit() {
    try (PredictorFixture test = new PredictorFixture(network(), PredictorFixture.options(1, 1));
        Arena arena = Arena.ofConfined()) {
      Predictor predictor = test.predictor();
      float[] pictures = test.pictures(2, 1);
      float[] logits = new float[10];
      for (int count : new int[] {0, -1, 1025, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
        assertThatThrownBy(() -> predictor.predict(pictures, count, logits))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessage("A call takes 1 to 1024 pictures, not %d: split the batch.", count);
      }
      assertThatThrownBy(() -> predictor.predict(pictures, 3, logits))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("The pictures hold 384 values, but the call needs 576.");
      assertThatThrownBy(() -> predictor.predict(pictures, 2, new float[9]))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("The logits hold 9 values, but the call needs 10.");
      MemorySegment from = arena.allocate(4L * pictures.length);
      MemorySegment to = arena.allocate(40);
      assertThatThrownBy(() -> predictor.predict(from.asSlice(1), 2, to))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("The pictures hold 1535 bytes, but the call needs 1536.");
      assertThatThrownBy(() -> predictor.predict(from, 2, to.asSlice(0, 39)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("The logits hold 39 bytes, but the call needs 40.");
      assertThatThrownBy(() -> predictor.predict(from, 2, to.asReadOnly()))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("read-only");
      assertThatThrownBy(() -> predictor.predictBytes(new byte[384], 2, logits))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("withNormalization");
      // It still works, and the refused calls have taken no context with them.
      predictor.predict(pictures, 2, logits);
    }
  }

  @Test
  void memoryThatGoesAwayIsAnErrorAndLeavesTheLanesFree() {
    try (PredictorFixture test = new PredictorFixture(network(), PredictorFixture.options(2, 1))) {
      float[] logits = new float[40];
      MemorySegment gone;
      try (Arena arena = Arena.ofShared()) {
        gone = arena.allocate(4L * 8 * network().input().values());
      }
      for (int i = 0; i < 5; i++) {
        assertThatThrownBy(() -> test.predictor().predict(gone, 8, MemorySegment.ofArray(logits)))
            .isInstanceOf(IllegalStateException.class);
      }
      float[] pictures = test.pictures(8, 1);
      assertThat(test.predict(pictures, 8)).isEqualTo(test.oneByOne(pictures, 8));
    }
  }

  @Test
  void needsTheMemoryItAsksForAndNamesWhatItLacks() {
    try (TestSession test = new TestSession(network(), PlanOptions.inference(1), 1, 1);
        MemoryAccount small = MemoryAccount.root("small", 64 << 10)) {
      assertThatThrownBy(
              () ->
                  PredictorFixture.predictor(test.session(), PredictorFixture.options(2, 1), small)
                      .close())
          .isInstanceOf(MemoryLimitException.class)
          .hasMessageContaining("free");
      assertThat(small.used()).isZero();
    }
  }

  @Test
  void refusesOptionsWithoutMeaning() {
    PredictorOptions options = PredictorOptions.defaults();
    assertThatThrownBy(() -> options.withThreads(0)).hasMessageContaining("1 to 1024 threads");
    assertThatThrownBy(() -> options.withPicturesAtOnce(1025)).hasMessageContaining("at once");
    assertThatThrownBy(() -> options.withNormalization(MEAN, new float[2], false))
        .hasMessageContaining("as many values");
    assertThatThrownBy(() -> options.withNormalization(MEAN, new float[3], false))
        .hasMessageContaining("std positive");
    PredictorOptions gray = options.withNormalization(new float[1], new float[] {1}, false);
    try (TestSession test = new TestSession(network(), PlanOptions.inference(1), 1, 1);
        MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED)) {
      assertThatThrownBy(() -> PredictorFixture.predictor(test.session(), gray, account).close())
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("3 channels");
    }
  }

  @Test
  void aClosedPredictorSaysSo() {
    PredictorFixture test = new PredictorFixture(network(), PredictorFixture.options(2, 1));
    float[] pictures = test.pictures(1, 1);
    test.close();
    assertThatThrownBy(() -> test.predict(pictures, 1))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("The predictor is closed: open another one.");
    test.predictor().close(); // the second time does nothing
  }
}
