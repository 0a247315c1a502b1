package dev.nibble.engine.exec;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.ResNet;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.StoreFormat;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A batch that is not full trains as a full one of as many pictures does. */
class PartialBatchTest {
  private static final Network NETWORK = ResNet.of("resnet8", new FeatureMap(8, 8, 3), 4);

  @ParameterizedTest
  @CsvSource({
    "FP32, 7, 3",
    "INT8, 7, 3",
    "INT4, 16, 2",
    "INT2, 16, 5",
    "TERNARY, 7, 3",
    "FP32, 4, 1"
  })
  void trainsAsAFullOneOfAsManyPictures(StoreFormat store, int room, int count) {
    try (TestSession large = TestSession.training(NETWORK, store, false, room, 5);
        TestSession small = TestSession.training(NETWORK, store, false, count, 5)) {
      for (int i = 0; i < count; i++) {
        large.labels().setAtIndex(JAVA_INT, i, small.labels().getAtIndex(JAVA_INT, i));
      }
      for (int step = 0; step < 3; step++) {
        large.load(); // its first pictures are those of the other
        assertThat(large.session().train(large.labels(), count, 0.05f)).isTrue();
        assertThat(small.step(0.05f)).isTrue();
        assertThat(large.session().lossSum()).isCloseTo(small.session().lossSum(), within(1e-5));
        assertThat(large.session().correct()).isEqualTo(small.session().correct());
      }
      assertSame(large.session().weights(), small.session().weights());
      assertSame(large.session().runningStatistics(), small.session().runningStatistics());
    }
  }

  private static void assertSame(MemorySegment found, MemorySegment expected) {
    assertThat(found.byteSize()).isEqualTo(expected.byteSize());
    for (long i = 0; i < found.byteSize() / 4; i++) {
      float value = expected.getAtIndex(JAVA_FLOAT, i);
      assertThat(found.getAtIndex(JAVA_FLOAT, i))
          .as("value %d", i)
          .isCloseTo(value, within(1e-4f * (1 + Math.abs(value))));
    }
  }
}
