package dev.nibble.engine.data;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The training and the test pictures of one data set, and validation pictures where there are some;
 * owns them all.
 *
 * @param train pictures to train on
 * @param test pictures to evaluate on, of the same size and classes
 * @param name short name for messages and records, such as {@code cifar10}
 * @param notes what a person should know of how the data was found, such as files that were left
 *     out: a sentence each, mostly none
 * @param validation pictures to choose by while training, of the same size and classes, so that the
 *     test pictures stay unseen; or null: then the test pictures are evaluated after each epoch
 */
public record DataSplits(
    Dataset train, Dataset test, String name, List<String> notes, @Nullable Dataset validation)
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
   * Two splits with something to say.
   *
   * @throws DataException if the splits differ in picture size or classes
   */
  public DataSplits(Dataset train, Dataset test, String name, List<String> notes) {
    this(train, test, name, notes, null);
  }

  /**
   * Checks that the splits belong together.
   *
   * @throws DataException if the splits differ in picture size or classes
   */
  public DataSplits {
    notes = List.copyOf(notes);
    check(name, train, test, "test");
    if (validation != null) {
      check(name, train, validation, "validation");
    }
  }

  private static void check(String name, Dataset train, Dataset other, String split) {
    if (train.height() != other.height()
        || train.width() != other.width()
        || train.channels() != other.channels()) {
      throw new DataException(
          "The training pictures of %s are %s but the %s pictures are %s, but both need one size."
              .formatted(name, shape(train), split, shape(other)));
    }
    if (train.task() != other.task()) {
      throw new DataException(
          "The training pictures of %s are for %s, the %s pictures for %s."
              .formatted(name, train.task().text(), split, other.task().text()));
    }
    if (!train.classNames().equals(other.classNames())) {
      throw new DataException(
          "The training and %s pictures of %s have different classes: %s and %s."
              .formatted(split, name, train.classNames(), other.classNames()));
    }
  }

  /** What is evaluated after each epoch: the validation pictures, or else the test pictures. */
  public Dataset evaluated() {
    return validation == null ? test : validation;
  }

  private static String shape(Dataset dataset) {
    return dataset.height() + "x" + dataset.width() + "x" + dataset.channels();
  }

  @Override
  public void close() {
    try (train;
        test) {
      if (validation != null) {
        validation.close();
      }
    }
  }
}
