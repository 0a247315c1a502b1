package dev.nibble.engine.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.checkpoint.CheckpointException;
import dev.nibble.engine.checkpoint.CheckpointStore;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.sources.ShapesDataset;
import dev.nibble.engine.data.views.Datasets;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** A run goes on with the data that it had, and with no other. */
class OtherDataTest extends ShortRun {
  private static Dataset otherLabels(Dataset source) {
    return (Dataset)
        Proxy.newProxyInstance(
            Dataset.class.getClassLoader(),
            new Class<?>[] {Dataset.class},
            (proxy, method, arguments) ->
                method.getName().equals("label") && arguments[0].equals(47)
                    ? (source.label(47) + 1) % 10
                    : method.invoke(source, arguments));
  }

  private void assertRefused(CheckpointStore store, DataSplits other, String why) {
    try (Trainer trainer = open(other, options())) {
      byte[][] fresh = bytes(trainer);
      assertThatThrownBy(() -> resume(trainer, store))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("trained on other data: " + why);
      assertThat(bytes(trainer)).isDeepEqualTo(fresh);
    }
  }

  @Test
  void aRunDoesNotGoOnWithOtherData() {
    CheckpointStore store = new CheckpointStore(folder);
    saveChanged(store, UnaryOperator.identity(), (section, bytes) -> {});
    List<String> names = new ArrayList<>(train.classNames());
    Collections.swap(names, 2, 5);
    assertRefused(
        store,
        new DataSplits(
            Datasets.withClasses(train, names), Datasets.withClasses(test, names), "swapped"),
        "class 2 was '%s', here it is '%s'".formatted(names.get(5), names.get(2)));
    try (Dataset others = ShapesDataset.train(2, 48);
        Dataset fewer = ShapesDataset.train(1, 47);
        Dataset otherTests = ShapesDataset.test(2, 20)) {
      String different = "pictures are others (their names, files' sizes or pixels)";
      assertRefused(store, new DataSplits(others, test, "others"), "the training " + different);
      assertRefused(
          store,
          new DataSplits(fewer, test, "fewer"),
          "it had 48 training pictures, here there are 47");
      assertRefused(store, new DataSplits(train, otherTests, "tests"), "the test " + different);
      assertRefused(
          store,
          new DataSplits(otherLabels(train), test, "labels"),
          "the labels of the training pictures are others");
    }
    assertRefused(
        store,
        new DataSplits(named(train), test, "renamed"),
        "the training pictures are others (their names, files' sizes or pixels)");
    try (Trainer trainer = open(data, options())) {
      resume(trainer, store);
      assertThat(trainer.done()).isEqualTo(2);
    }
  }

  @Test
  void anOlderCheckpointThatSaysNothingOfItsDataStillOpens() {
    CheckpointStore store = new CheckpointStore(folder);
    saveChanged(
        store,
        words -> {
          words.keySet().removeIf(name -> name.startsWith(DataFingerprint.PREFIX));
          return words;
        },
        (section, bytes) -> {});
    byte[][] expected = uninterrupted();
    try (Trainer trainer = open(data, options())) {
      resume(trainer, store);
      trainer.run(SILENT);
      assertThat(bytes(trainer)[2]).hasSameSizeAs(expected[2]);
      assertThat(trainer.done()).isEqualTo(6);
    }
  }
}
