package dev.nibble.engine.train;

import dev.nibble.engine.data.ChannelStatistics;
import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.Task;
import dev.nibble.engine.model.ModelInfo;
import dev.nibble.engine.network.Network;
import dev.nibble.kernels.FeatureMap;
import java.util.Arrays;

/** What a network and the data that it is trained on have to do with each other. */
final class DataFit {
  private DataFit() {}

  /**
   * Checks that the network reads these pictures and has an output for each of their names, and
   * that classes can be told apart.
   *
   * @throws DataException saying what does not fit
   */
  static void check(Network network, DataSplits data) {
    FeatureMap map = network.input();
    Dataset train = data.train();
    if (train.height() != map.height()
        || train.width() != map.width()
        || train.channels() != map.channels()) {
      throw new DataException(
          "The network reads pictures of %s, but those of %s are %dx%dx%d"
              .formatted(map, data.name(), train.height(), train.width(), train.channels()));
    }
    if (train.classNames().size() != network.classes()) {
      throw new DataException(
          "The network has %d outputs, but %s has %d %s"
              .formatted(
                  network.classes(), data.name(), train.classNames().size(), train.task().names()));
    }
    if (train.task() == Task.CLASSIFICATION && train.classNames().size() < 2) {
      throw new DataException(
          "%s has a single class, '%s', and nothing to tell it from: give pictures of at least 2 classes"
              .formatted(data.name(), train.classNames().getFirst()));
    }
  }

  /** What a model says about itself: mean and std are the options' or the training set's. */
  static ModelInfo info(Network network, DataSplits data, TrainingOptions options) {
    float[] mean = options.mean();
    float[] std = options.std();
    if (mean == null || std == null) {
      if (options.workers().rank() > 0) {
        // The first worker tells the others what it has measured.
        mean = new float[network.input().channels()];
        std = new float[network.input().channels()];
        Arrays.fill(std, 1);
      } else {
        ChannelStatistics statistics = ChannelStatistics.of(data.train());
        mean = statistics.mean();
        std = statistics.std();
      }
    }
    return new ModelInfo(
            network.name(),
            network.input(),
            data.train().classNames(),
            mean,
            std,
            options.pictureMean(),
            data.train().task())
        .withResizing(data.train().resizing());
  }
}
