package dev.nibble.engine.data.views;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.FakeDataset;
import dev.nibble.engine.data.sources.InMemoryDataset;
import dev.nibble.kernels.FeatureMap;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The laws of the combinators. */
class DatasetsTest {
  private static final FakeDataset DATA = new FakeDataset(23, -1);
  private static final List<String> CLASSES = List.of("a", "b", "c");

  /** Each picture's index in DATA, which its bytes say, and its label. */
  private static List<String> contents(Dataset dataset) {
    List<String> contents = new ArrayList<>();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment picture = arena.allocate(dataset.pictureBytes() + 1L);
      for (int i = 0; i < dataset.size(); i++) {
        dataset.read(i, picture, 1);
        contents.add(picture.get(JAVA_BYTE, 1) + ":" + dataset.label(i));
      }
    }
    return contents;
  }

  private static List<String> sorted(Dataset... parts) {
    List<String> all = new ArrayList<>();
    for (Dataset part : parts) {
      all.addAll(contents(part));
    }
    return all.stream().sorted().toList();
  }

  @Test
  void concatIsOneAfterTheOtherAndAssociative() {
    FakeDataset five = new FakeDataset(5, -1);
    FakeDataset two = new FakeDataset(2, -1);
    List<String> expected = new ArrayList<>(contents(five));
    expected.addAll(contents(two));
    expected.addAll(contents(DATA));
    assertThat(contents(Datasets.concat(five, two, DATA))).isEqualTo(expected);
    assertThat(contents(Datasets.concat(Datasets.concat(five, two), DATA))).isEqualTo(expected);
    assertThat(contents(Datasets.concat(List.of(five, Datasets.concat(two, DATA)))))
        .isEqualTo(expected);
    assertThat(contents(Datasets.concat(five))).isEqualTo(contents(five));
  }

  @Test
  void subsetOfSubsetIsTheCompositionOfTheIndices() {
    Dataset outer = Datasets.subset(DATA, 20, 3, 7, 3);
    assertThat(contents(outer)).containsExactly("20:2", "3:0", "7:1", "3:0");
    assertThat(contents(Datasets.subset(outer, 2, 0))).containsExactly("7:1", "20:2");
    assertThat(contents(Datasets.subset(DATA, IntStream.range(0, 23).toArray())))
        .isEqualTo(contents(DATA));
  }

  @Test
  void aSubsetKeepsItsOwnCopyOfTheIndices() {
    int[] indices = {1, 2};
    Dataset subset = Datasets.subset(DATA, indices);
    indices[0] = 9;
    assertThat(contents(subset)).containsExactly("1:1", "2:2");
  }

  @Test
  void shuffledHasThePicturesInAnotherOrderForEachSeed() {
    Dataset one = Datasets.shuffled(DATA, 1);
    assertThat(sorted(one)).isEqualTo(sorted(DATA));
    assertThat(contents(one))
        .isEqualTo(contents(Datasets.shuffled(DATA, 1)))
        .isNotEqualTo(contents(Datasets.shuffled(DATA, 2)))
        .isNotEqualTo(contents(DATA));
  }

  @ParameterizedTest
  @ValueSource(doubles = {1e-9, 0.1, 0.5, 0.8, 0.999})
  void splitPartsThePicturesAsTheShareSays(double share) {
    for (boolean byClass : new boolean[] {false, true}) {
      for (long seed = 0; seed < 3; seed++) {
        DataSplits parts = split(DATA, byClass, share, seed);
        assertThat(sorted(parts.train(), parts.test())).isEqualTo(sorted(DATA));
        int least = byClass ? 3 : 1;
        assertThat(parts.train().size()).isCloseTo((int) Math.round(23 * share), within(least));
        assertThat(contents(parts.train()))
            .isEqualTo(contents(split(DATA, byClass, share, seed).train()));
        assertThat(parts.name()).isEqualTo("mine");
      }
    }
  }

  private static DataSplits split(Dataset data, boolean byClass, double share, long seed) {
    return byClass
        ? Datasets.splitByClass(data, share, seed, "mine")
        : Datasets.split(data, share, seed, "mine");
  }

  @Test
  void splitDependsOnTheSeed() {
    assertThat(contents(split(DATA, false, 0.5, 1).train()))
        .isNotEqualTo(contents(split(DATA, false, 0.5, 2).train()));
    assertThat(contents(split(DATA, true, 0.5, 1).train()))
        .isNotEqualTo(contents(split(DATA, true, 0.5, 2).train()));
  }

  @Test
  void splitByClassTakesItsShareOfEveryClass() {
    // 90 pictures of a, 6 of b, 1 of c.
    InMemoryDataset.Builder builder = InMemoryDataset.builder(new FeatureMap(1, 1, 1), CLASSES);
    for (int i = 0; i < 97; i++) {
      builder.add(new byte[] {(byte) i}, i < 90 ? 0 : i < 96 ? 1 : 2);
    }
    try (Dataset uneven = builder.build()) {
      for (long seed = 0; seed < 5; seed++) {
        DataSplits parts = Datasets.splitByClass(uneven, 0.9, seed, "mine");
        assertThat(counts(parts.train())).containsExactly(81, 5, 1);
        assertThat(counts(parts.test())).containsExactly(9, 1, 0);
      }
    }
  }

  private static int[] counts(Dataset dataset) {
    int[] counts = new int[3];
    for (int i = 0; i < dataset.size(); i++) {
      counts[dataset.label(i)]++;
    }
    return counts;
  }

  @Test
  void withClassesMovesLabelsWithTheirNames() {
    Dataset longer = Datasets.withClasses(DATA, List.of("c", "new", "a", "b"));
    assertThat(longer.classNames()).containsExactly("c", "new", "a", "b");
    assertThat(contents(longer)).startsWith("0:2", "1:3", "2:0", "3:2");
    assertThat(contents(Datasets.withClasses(longer, List.of("a", "b", "c", "new"))))
        .isEqualTo(contents(DATA));
  }

  @Test
  void newPicturesWithANewClassJoinTheOldOnes() {
    InMemoryDataset.Builder builder =
        InMemoryDataset.builder(new FeatureMap(2, 1, 2), List.of("a", "d"));
    try (Dataset fresh = builder.add(new byte[] {9, 9, 9, 9}, 1).build()) {
      List<String> all = List.of("a", "b", "c", "d");
      Dataset joined =
          Datasets.concat(Datasets.withClasses(DATA, all), Datasets.withClasses(fresh, all));
      assertThat(joined.size()).isEqualTo(24);
      assertThat(contents(joined)).startsWith("0:0").endsWith("22:1", "9:3");
    }
  }

  /** Four pictures of one pixel. */
  private static InMemoryDataset four() {
    InMemoryDataset.Builder builder = InMemoryDataset.builder(new FeatureMap(1, 1, 1), CLASSES);
    return builder.addAll(new byte[] {1, 2, 3, 4}, new int[] {0, 1, 2, 0}).build();
  }

  private static List<Dataset> views(Dataset source) {
    return List.of(
        Datasets.subset(source, 1),
        Datasets.concat(source, source),
        Datasets.shuffled(source, 1),
        Datasets.withClasses(source, CLASSES));
  }

  @Test
  void closingAViewLeavesItsSourceOpen() {
    Dataset subset;
    try (Dataset source = four()) {
      subset = Datasets.subset(source, 1);
      views(source).forEach(Dataset::close);
      Datasets.split(source, 0.5, 1, "mine").close();
      assertThat(contents(source)).containsExactly("1:0", "2:1", "3:2", "4:0");
      assertThat(contents(subset)).containsExactly("2:1");
    }
    assertThatThrownBy(() -> contents(subset)).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void viewsHaveTheirSourcesShape() {
    for (Dataset view : views(DATA)) {
      assertThat(view.pictureBytes()).isEqualTo(4);
      assertThat(List.of(view.height(), view.width(), view.channels())).containsExactly(2, 1, 2);
      assertThat(view.classNames()).isEqualTo(CLASSES);
      assertThat(view.skipped()).isZero();
    }
  }

  @Test
  void thereIsNoPictureBeyondAView() {
    MemorySegment target = MemorySegment.ofArray(new byte[1]);
    try (Dataset source = four()) {
      for (Dataset view : views(source)) {
        for (int index : new int[] {-1, view.size()}) {
          assertThatThrownBy(() -> view.label(index)).isInstanceOf(IndexOutOfBoundsException.class);
          assertThatThrownBy(() -> view.read(index, target, 0))
              .isInstanceOf(IndexOutOfBoundsException.class);
        }
      }
    }
  }

  @Test
  void misuseIsOneSentence() {
    assertRefused(() -> Datasets.concat(List.of()), "at least 1 data set");
    assertRefused(() -> Datasets.subset(DATA), "at least 1 picture");
    assertRefused(() -> Datasets.subset(DATA, 0, 23), "no picture 23 in a data set of 23");
    assertRefused(() -> Datasets.subset(DATA, -1), "no picture -1");
    assertRefused(
        () -> Datasets.withClasses(DATA, List.of("a", "b")), "lack 'c', which the data set has");
    assertRefused(
        () -> Datasets.withClasses(DATA, List.of("a", "b", "c", "a")), "Two classes are named 'a'");
    assertRefused(
        () -> Datasets.concat(DATA, Datasets.withClasses(DATA, List.of("c", "b", "a"))),
        "Datasets.withClasses");
    assertRefused(() -> Datasets.split(new FakeDataset(1, -1), 0.5, 1, "mine"), "too few");
    InMemoryDataset.Builder builder = InMemoryDataset.builder(new FeatureMap(1, 2, 2), CLASSES);
    try (Dataset turned = builder.add(new byte[4], 0).build()) {
      assertRefused(() -> Datasets.concat(DATA, turned), "2x1x2 and of 1x2x2");
    }
    for (double share : new double[] {0, 1, -0.5, 1.5, Double.NaN}) {
      assertThatThrownBy(() -> Datasets.split(DATA, share, 1, "mine"))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("between 0 and 1");
      assertThatThrownBy(() -> Datasets.splitByClass(DATA, share, 1, "mine"))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  private static void assertRefused(ThrowingCallable action, String part) {
    assertThatThrownBy(action).isInstanceOf(DataException.class).hasMessageContaining(part);
  }
}
