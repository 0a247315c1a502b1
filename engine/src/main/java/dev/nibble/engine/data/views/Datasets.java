package dev.nibble.engine.data.views;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.random.EpochOrder;
import java.util.Arrays;
import java.util.List;

/**
 * Makes data sets out of data sets: views that copy no picture.
 *
 * <p>A view borrows: closing it does nothing, and it can be read as long as its sources are open.
 * Close the sources themselves, once nothing reads the views any more. A view may be read by many
 * threads, as its sources may.
 */
public final class Datasets {
  private Datasets() {}

  /**
   * The pictures of several data sets, one after the other.
   *
   * @throws DataException if there is none, or they differ in picture size or classes
   */
  public static Dataset concat(List<? extends Dataset> datasets) {
    return new ConcatenatedView(List.copyOf(datasets));
  }

  /** As {@link #concat(List)}. */
  public static Dataset concat(Dataset... datasets) {
    return new ConcatenatedView(List.of(datasets));
  }

  /**
   * Some pictures, in the given order; one may be given several times, to be seen more often.
   *
   * @throws DataException if none is given, or there is no such picture
   */
  public static Dataset subset(Dataset source, int... indices) {
    return new SubsetView(source, indices.clone());
  }

  /** All pictures in a random order that depends on the seed and the size only. */
  public static Dataset shuffled(Dataset source, long seed) {
    return new SubsetView(source, permutation(source.size(), seed));
  }

  /**
   * Parts a data set at random into training and test pictures, each in the source's order. The
   * same share, seed and size give the same parts.
   *
   * @param trainShare share of the training pictures, between 0 and 1; rounded to whole pictures,
   *     at least 1 in each part
   * @param name short name for messages, as {@link DataSplits} has
   * @return the parts; closing them does not close the source
   * @throws DataException if there are fewer than 2 pictures
   * @throws IllegalArgumentException if the share is not between 0 and 1
   */
  public static DataSplits split(Dataset source, double trainShare, long seed, String name) {
    int[] order = permutation(source.size(), seed);
    boolean[] train = new boolean[order.length];
    mark(order, 0, order.length, trainShare, train);
    return parts(source, train, name);
  }

  /**
   * As {@link #split}, with the share taken of each class on its own: a class of at least 2
   * pictures is in both parts, one of 1 picture in the training part.
   *
   * @throws DataException if no class has 2 pictures
   * @throws IllegalArgumentException if the share is not between 0 and 1
   */
  public static DataSplits splitByClass(Dataset source, double trainShare, long seed, String name) {
    int size = source.size();
    int[] order = permutation(size, seed);
    int[] ends = new int[source.classNames().size() + 1];
    for (int i = 0; i < size; i++) {
      ends[source.label(i) + 1]++;
    }
    Arrays.parallelPrefix(ends, Integer::sum);
    int[] next = ends.clone();
    int[] byClass = new int[size];
    for (int index : order) {
      byClass[next[source.label(index)]++] = index;
    }
    boolean[] train = new boolean[size];
    for (int label = 0; label + 1 < ends.length; label++) {
      mark(byClass, ends[label], ends[label + 1], trainShare, train);
    }
    return parts(source, train, name);
  }

  /**
   * Takes a share of each class of the training pictures for validation; the same share, seed and
   * pictures give the same ones. The result owns the splits: close it instead of them.
   *
   * @param share of the training pictures, between 0 and 1
   * @throws DataException if there are validation pictures already, or too few to part
   * @throws IllegalArgumentException if the share is not between 0 and 1
   */
  public static DataSplits withValidation(DataSplits splits, double share, long seed) {
    String name = splits.name();
    Dataset train = splits.train();
    Dataset validation = splits.validation();
    if (validation != null) {
      throw new DataException(
          "%s has validation pictures already (%d): none are taken from the training pictures."
              .formatted(name, validation.size()));
    }
    DataSplits parts = splitByClass(train, 1 - share, seed, name);
    return new DataSplits(
        new OwningView(parts.train(), train), splits.test(), name, splits.notes(), parts.test());
  }

  /**
   * The same pictures with other classes: a longer list, as retraining with new classes needs, or
   * another order. Labels follow the names.
   *
   * @throws DataException if the list lacks a class of the data set, or has a name twice
   */
  public static Dataset withClasses(Dataset source, List<String> classNames) {
    return new RelabelledView(source, classNames);
  }

  private static int[] permutation(int size, long seed) {
    int[] order = new int[size];
    EpochOrder.permutation(seed, 0, order);
    return order;
  }

  /** Marks the first of a range as training pictures: the share, but not none and not all. */
  private static void mark(int[] order, int from, int to, double share, boolean[] train) {
    if (!(share > 0 && share < 1)) {
      throw new IllegalArgumentException(
          "The share of training pictures lies between 0 and 1, but is " + share);
    }
    int count = to - from;
    long wanted = Math.round(share * count);
    int marked = count < 2 ? count : Math.clamp(wanted, 1, count - 1);
    for (int i = from; i < from + marked; i++) {
      train[order[i]] = true;
    }
  }

  private static DataSplits parts(Dataset source, boolean[] train, String name) {
    int count = 0;
    for (boolean isTrain : train) {
      count += isTrain ? 1 : 0;
    }
    if (count == train.length) {
      throw new DataException(
          "The %d pictures of %s are too few to part them: no picture is left to test on."
              .formatted(train.length, name));
    }
    int[] trainIndices = new int[count];
    int[] testIndices = new int[train.length - count];
    int trainAt = 0;
    int testAt = 0;
    for (int i = 0; i < train.length; i++) {
      if (train[i]) {
        trainIndices[trainAt++] = i;
      } else {
        testIndices[testAt++] = i;
      }
    }
    return new DataSplits(
        new SubsetView(source, trainIndices), new SubsetView(source, testIndices), name);
  }
}
