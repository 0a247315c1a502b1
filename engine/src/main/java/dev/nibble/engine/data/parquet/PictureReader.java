package dev.nibble.engine.data.parquet;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.DataOptions;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.data.sources.BadPictures;
import dev.nibble.engine.data.sources.PictureFiles;
import dev.nibble.engine.data.sources.SpooledDataset;
import dev.nibble.kernels.FeatureMap;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Decodes the pictures of Parquet files, once, into a temporary file. */
final class PictureReader {
  private static final int CHANNELS = 3;

  private final List<String> classes;
  private final boolean skipUnreadable;
  private final boolean ignoreOrientation;
  private final @Nullable String labelColumn;
  private final BadPictures bad = new BadPictures();
  private @Nullable PictureSize size;

  /**
   * Prepares reading.
   *
   * @param options what pictures are resized to (null for the size of the first one that is read),
   *     and whether those that cannot be decoded are left out
   */
  PictureReader(List<String> classes, DataOptions options) {
    this.classes = classes;
    this.size = options.imageSize();
    this.skipUnreadable = options.skipUnreadable();
    this.ignoreOrientation = options.ignoreOrientation();
    this.labelColumn = options.labelColumn();
  }

  /**
   * Complains of the pictures that could not be decoded, of all splits that were read.
   *
   * @throws DataException if there are some, and they are not to be left out
   */
  void checkAll() {
    if (!skipUnreadable) {
      bad.check();
    }
  }

  /** Reads the files of a split, in their order. */
  Dataset read(List<Path> files) {
    try (Split split = new Split()) {
      for (Path path : files) {
        try (ParquetFile file = ParquetFile.open(path, labelColumn)) {
          file.forEach((row, picture, label) -> split.add(path, row, picture, label));
        }
      }
      return split.build(files);
    }
  }

  /** One split as it is read: the temporary file is made once the pictures' size is known. */
  private final class Split implements AutoCloseable {
    private SpooledDataset.@Nullable Builder builder;
    private byte[] decoded = new byte[0];
    private int skipped;

    void add(Path path, long row, byte[] picture, long label) {
      String name = "%s, row %d".formatted(path, row);
      try {
        PictureSize target = size;
        if (target == null) {
          target = PictureFiles.size(picture, name, ignoreOrientation);
        }
        int bytes = target.height() * target.width() * CHANNELS;
        if (decoded.length != bytes) {
          decoded = new byte[bytes];
        }
        PictureFiles.read(
            picture, name, target, CHANNELS, ignoreOrientation, MemorySegment.ofArray(decoded), 0);
        size = target;
      } catch (DataException e) {
        bad.add(name, ParquetFile.reason(e));
        skipped++;
        return;
      }
      bad.add(name, null);
      open().add(MemorySegment.ofArray(decoded), (int) label);
    }

    private SpooledDataset.Builder open() {
      SpooledDataset.Builder open = builder;
      PictureSize known = size;
      if (open == null && known != null) {
        FeatureMap map = new FeatureMap(known.height(), known.width(), CHANNELS);
        open = SpooledDataset.builder(map, classes).resizing(known.resizing());
        builder = open;
      }
      if (open == null) {
        throw new IllegalStateException("No picture was read yet");
      }
      return open;
    }

    Dataset build(List<Path> files) {
      SpooledDataset.Builder open = builder;
      if (open == null) {
        checkAll();
        throw new DataException(
            "None of the pictures in %s can be read; %d were left out."
                .formatted(files.getFirst(), skipped));
      }
      return open.build(skipped);
    }

    @Override
    public void close() {
      if (builder != null) {
        builder.close();
      }
    }
  }
}
