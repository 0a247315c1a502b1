package dev.nibble.engine.data.sources;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.DataFormat;
import dev.nibble.engine.data.DataOptions;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.data.Resizing;
import dev.nibble.engine.data.storage.DataFile;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.ServiceLoader;
import org.jspecify.annotations.Nullable;

/** Finds and opens data sets by name or folder. */
public final class DataSources {
  /** System property that names the folder of fetched data sets. */
  public static final String HOME_PROPERTY = "nibble.data.home";

  /** Environment variable that names the folder of fetched data sets. */
  public static final String HOME_VARIABLE = "NIBBLE_DATA";

  /** Where Debian's package dataset-fashion-mnist puts its files. */
  private static final Path DEBIAN_FASHION = Path.of("/usr/share/datasets/fashion-mnist");

  private static final String KINDS =
      "the CIFAR-10 or CIFAR-100 binary release, IDX files such as train-images-idx3-ubyte.gz,"
          + " pictures as train/<class>/*.jpg|png|... and test/<class>/..., or as"
          + " <class>/*.jpg|png|...";

  private DataSources() {}

  /**
   * Opens {@code shapes}, {@code cifar10}, {@code cifar100} or {@code fashion-mnist} by name, the
   * named ones from {@link #dataHome}, or a folder that holds the CIFAR-10 or CIFAR-100 binary
   * release, IDX files, an image folder (with splits, or with class folders alone), or what a
   * {@link DataFormat} reads, such as Parquet files (train-*.parquet and test-*.parquet). A folder
   * called like a data set is opened as {@code ./shapes}.
   *
   * @throws DataException if there is no such data set, or it is damaged, or a file of labels is
   *     given for another one than a folder
   */
  public static DataSplits open(String nameOrFolder, DataOptions options) {
    return open(nameOrFolder, options, dataHome());
  }

  /** As {@link #open(String, DataOptions)}, with the folder of fetched data sets given. */
  static DataSplits open(String nameOrFolder, DataOptions options, Path home) {
    Path labels = options.labelFile();
    if (labels != null) {
      Path folder = path(nameOrFolder);
      if (!Files.isDirectory(folder)) {
        throw new DataException(
            "A file of labels belongs to a folder of pictures, and %s is none."
                .formatted(nameOrFolder));
      }
      String name = String.valueOf(folder.toAbsolutePath().normalize().getFileName());
      return LabelledFolder.open(folder, name, labels, options);
    }
    return switch (nameOrFolder) {
      case "shapes" ->
          checkSize(
              new DataSplits(
                  ShapesDataset.train(options.seed()),
                  ShapesDataset.test(options.seed()),
                  "shapes"),
              options);
      case "cifar10" -> named("cifar10", "CIFAR-10", "cifar-10-batches-bin", options, home);
      case "cifar100" -> named("cifar100", "CIFAR-100", "cifar-100-binary", options, home);
      case "fashion-mnist" ->
          named("fashion-mnist", "Fashion-MNIST", "fashion-mnist", options, home);
      default -> openFolder(path(nameOrFolder), options);
    };
  }

  /**
   * The folder of fetched data sets: system property {@code nibble.data.home}, else environment
   * variable {@code NIBBLE_DATA}, else {@code .cache/nibble} in the user's home. It need not exist.
   */
  public static Path dataHome() {
    String home = System.getProperty(HOME_PROPERTY);
    if (home == null || home.isEmpty()) {
      home = System.getenv(HOME_VARIABLE);
    }
    return home == null || home.isEmpty()
        ? Path.of(System.getProperty("user.home"), ".cache", "nibble")
        : path(home);
  }

  private static Path path(String text) {
    try {
      return Path.of(text);
    } catch (InvalidPathException e) {
      throw new DataException(
          "\"%s\" is not a folder's name: %s.".formatted(text, DataFile.reason(e)), e);
    }
  }

  private static DataSplits named(
      String name, String title, String subfolder, DataOptions options, Path home) {
    boolean fashion = name.equals("fashion-mnist");
    for (Path folder :
        List.of(
            home.resolve(name).resolve(subfolder), home.resolve(name), home.resolve(subfolder))) {
      DataSplits splits = openKnown(folder, name, options);
      if (splits != null) {
        return splits;
      }
    }
    DataSplits splits = fashion ? openKnown(DEBIAN_FASHION, name, options) : null;
    if (splits != null) {
      return splits;
    }
    throw new DataException(
        "%s is not under %s; run \"nibble data fetch %s\"%s, or set %s to the folder that holds it."
            .formatted(
                title,
                home.resolve(name),
                name,
                fashion ? " or \"apt-get install dataset-fashion-mnist\"" : "",
                HOME_VARIABLE));
  }

  /** Opens the folder if it looks like the named data set, else answers null. */
  private static @Nullable DataSplits openKnown(Path folder, String name, DataOptions options) {
    DataSplits splits =
        switch (name) {
          case "cifar10" ->
              CifarDataset.isCifar10(folder) ? CifarDataset.openCifar10(folder, name) : null;
          case "cifar100" ->
              CifarDataset.isCifar100(folder) ? CifarDataset.openCifar100(folder, name) : null;
          default ->
              IdxDataset.isOne(folder)
                  ? IdxDataset.open(folder, name, IdxDataset.FASHION_CLASSES)
                  : null;
        };
    return splits == null ? null : checkSize(splits, options);
  }

  private static DataSplits openFolder(Path folder, DataOptions options) {
    if (!Files.isDirectory(folder)) {
      throw new DataException(
          "There is no data set or folder %s; use shapes, cifar10, cifar100, fashion-mnist or a"
                  .formatted(folder)
              + " folder.");
    }
    String name = String.valueOf(folder.toAbsolutePath().normalize().getFileName());
    if (CifarDataset.isCifar10(folder)) {
      return checkSize(CifarDataset.openCifar10(folder, name), options);
    }
    if (CifarDataset.isCifar100(folder)) {
      return checkSize(CifarDataset.openCifar100(folder, name), options);
    }
    if (IdxDataset.isOne(folder)) {
      List<String> classes = name.equals("fashion-mnist") ? IdxDataset.FASHION_CLASSES : null;
      return checkSize(IdxDataset.open(folder, name, classes), options);
    }
    if (ImageFolder.isOne(folder)) {
      return ImageFolder.open(folder, name, options);
    }
    StringBuilder kinds = new StringBuilder(KINDS);
    for (DataFormat format : formats()) {
      if (format.isIn(folder)) {
        return format.open(folder, name, options);
      }
      kinds.append(", ").append(format.description());
    }
    for (String inner : List.of("cifar-10-batches-bin", "cifar-100-binary")) {
      // The official archives unpack to a folder of their own: the folder around it is accepted,
      // too.
      if (Files.isDirectory(folder.resolve(inner))) {
        return openFolder(folder.resolve(inner), options);
      }
    }
    if (ImageFolder.isFlat(folder)) {
      return ImageFolder.openFlat(folder, name, options);
    }
    throw new DataException(
        "The folder %s holds no data set; accepted are %s.".formatted(folder, kinds));
  }

  private static ServiceLoader<DataFormat> formats() {
    return ServiceLoader.load(DataFormat.class, DataSources.class.getClassLoader());
  }

  private static DataSplits checkSize(DataSplits splits, DataOptions options) {
    PictureSize wanted = options.imageSize();
    PictureSize size = new PictureSize(splits.train().height(), splits.train().width());
    if (wanted != null && !wanted.with(Resizing.STRETCH).equals(size)) {
      splits.close();
      throw new DataException(
          "The pictures of %s are %s and cannot be resized to %s; only image folders are resized."
              .formatted(splits.name(), size, wanted));
    }
    return splits;
  }
}
