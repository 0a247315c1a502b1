package dev.nibble.spark;

import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.data.Task;
import dev.nibble.engine.exchange.ExchangeException;
import dev.nibble.engine.model.ModelFile;
import dev.nibble.engine.model.ModelInfo;
import dev.nibble.engine.network.NamedNetworks;
import dev.nibble.engine.network.Network;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.memory.ByteSize;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.file.Files;
import java.util.Locale;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.SparkSession;

/** What a fit begins with, checked where the user sees it. */
final class StartModel {
  private static final String SUFFIX = ".safetensors";

  private StartModel() {}

  /** Whether a network is that of a file. */
  static boolean isFile(String network) {
    return network.endsWith(SUFFIX);
  }

  /** A model's file, from wherever Spark reads files. */
  static byte[] read(SparkSession session, String name) {
    Path path = new Path(name);
    try (InputStream in =
        path.getFileSystem(session.sparkContext().hadoopConfiguration()).open(path)) {
      return in.readAllBytes();
    } catch (IOException e) {
      throw new IllegalArgumentException(
          "The model %s cannot be read: %s".formatted(name, e.getMessage()), e);
    }
  }

  /** The folder of that name or of that URI of a local file system. */
  static String folder(String name) {
    if (!name.contains(":/")) {
      return name;
    }
    if (!name.startsWith("file:")) {
      throw new IllegalArgumentException(
          "checkpointFolder is %s: name a folder of a file system that all executors mount."
              .formatted(name));
    }
    return URI.create(name).getPath();
  }

  /**
   * Checks what would fail on every executor.
   *
   * @throws IllegalArgumentException saying what is wrong
   */
  static void check(FitSettings settings) {
    try {
      StoreFormat.valueOf(settings.activations().toUpperCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "activations is '%s': set fp32, int8, int4 or int2.".formatted(settings.activations()),
          e);
    }
    if (!settings.memoryLimit().isEmpty()) {
      ByteSize.parse(settings.memoryLimit());
    }
    int classes = settings.classNames().size();
    if (settings.start().length > 0) {
      Network network = network(settings.network(), settings.start());
      PictureSize size = Columns.size(settings.imageSize());
      FeatureMap input = network.input();
      if (size.height() != input.height()
          || size.width() != input.width()
          || input.channels() != Pictures.CHANNELS) {
        throw new IllegalArgumentException(
            "The model %s takes pictures of %s: unset imageSize, or choose another model."
                .formatted(settings.network(), input));
      }
      if (network.classes() != classes) {
        network.withClasses(classes);
      }
      return;
    }
    FeatureMap input = NamedNetworks.usualInput(settings.network());
    if (!settings.imageSize().isEmpty()) {
      PictureSize size = Columns.size(settings.imageSize());
      input = new FeatureMap(size.height(), size.width(), Pictures.CHANNELS);
    }
    NamedNetworks.of(settings.network(), input, classes);
  }

  /** The size of a model's pictures, HEIGHTxWIDTH. */
  static String imageSize(String name, byte[] model) {
    FeatureMap input = network(name, model).input();
    return input.height() + "x" + input.width();
  }

  private static Network network(String name, byte[] model) {
    try {
      java.nio.file.Path file = Scratch.file(model);
      try {
        ModelInfo info = ModelFile.info(file);
        if (info.task() != Task.CLASSIFICATION) {
          throw new IllegalArgumentException(
              "The model %s tells the %s of a picture, not its class: choose one that was trained for classification."
                  .formatted(name, info.task().names()));
        }
        return info.network();
      } finally {
        Files.deleteIfExists(file);
      }
    } catch (ExchangeException | IOException e) {
      throw new IllegalArgumentException(
          "The model %s does not read: %s".formatted(name, e.getMessage()), e);
    }
  }
}
