package dev.nibble.engine.data;

import java.util.List;

/**
 * The training and the test pictures of one data set; owns both.
 *
 * @param train pictures to train on
 * @param test pictures to evaluate on, of the same size and classes
 * @param name short name for messages and records, such as {@code cifar10}
 * @param notes what a person should know of how the data was found, such as files that were left
 *     out: a sentence each, mostly none
 */
public record DataSplits(Dataset train, Dataset test, String name, List<String> notes)
    implements AutoCloseable {
  /**
   * Two splits of which there is nothing to say.
   *
   * @throws DataException if the splits differ in picture size or classes
   */
  public DataSplits(Dataset train, Dataset test, String name) {
    this(train, test, name, List.of());
  }

  /**
   * Checks that the two splits belong together.
   *
   * @throws DataException if the splits differ in picture size or classes
   */
  public DataSplits {
    notes = List.copyOf(notes);
    if (train.height() != test.height()
        || train.width() != test.width()
        || train.channels() != test.channels()) {
      throw new DataException(
          "The training pictures of %s are %s but the test pictures are %s, but both need one size."
              .formatted(name, shape(train), shape(test)));
    }
    if (!train.classNames().equals(test.classNames())) {
      throw new DataException(
          "The training and test pictures of %s have different classes: %s and %s."
              .formatted(name, train.classNames(), test.classNames()));
    }
  }

  private static String shape(Dataset dataset) {
    return dataset.height() + "x" + dataset.width() + "x" + dataset.channels();
  }

  @Override
  public void close() {
    try (train) {
      test.close();
    }
  }
}
