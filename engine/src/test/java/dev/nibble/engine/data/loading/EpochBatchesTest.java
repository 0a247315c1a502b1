package dev.nibble.engine.data.loading;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.data.loading.EpochBatches.Rest;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EpochBatchesTest {
  private static List<Integer> sizes(int size, int batch, Rest rest) {
    EpochBatches batches = new EpochBatches(size, batch, rest);
    List<Integer> sizes = new ArrayList<>();
    int next = 0;
    for (long i = 0; i < batches.count(); i++) {
      assertThat(batches.first(i)).isEqualTo(next);
      sizes.add(batches.size(i));
      next += batches.size(i);
    }
    assertThat(next).isEqualTo(rest == Rest.DROPPED ? size / batch * batch : size);
    return sizes;
  }

  @ParameterizedTest
  @CsvSource({
    "12, 4, '[4, 4, 4]'",
    "11, 4, '[4, 4, 3]'",
    "10, 4, '[4, 4, 2]'",
    "9, 4, '[4, 3, 2]'",
    "5, 4, '[3, 2]'",
    "4, 4, '[4]'",
    "4, 3, '[2, 2]'",
    "3, 2, '[2, 1]'",
    "3, 1, '[1, 1, 1]'",
    "1, 1, '[1]'"
  })
  void trainsEveryPictureAndNoneAlone(int size, int batch, String expected) {
    assertThat(sizes(size, batch, Rest.KEPT_TOGETHER)).hasToString(expected);
  }

  @ParameterizedTest
  @CsvSource({"9, 4, KEPT, '[4, 4, 1]'", "9, 4, DROPPED, '[4, 4]'", "3, 4, KEPT, '[3]'"})
  void evaluatesOrDropsTheRest(int size, int batch, Rest rest, String expected) {
    assertThat(sizes(size, batch, rest)).hasToString(expected);
  }
}
