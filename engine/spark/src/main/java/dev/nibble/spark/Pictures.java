package dev.nibble.spark;

import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.data.sources.PictureFiles;
import dev.nibble.engine.data.sources.SpooledDataset;
import dev.nibble.kernels.FeatureMap;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Iterator;
import scala.Tuple2;

/**
 * All pictures of a fit, decoded, in a temporary file of this worker.
 *
 * @param dataset in the order of the pictures' hashes
 * @param identity a hash of the pictures and labels, and of what the model's bytes depend on beside
 *     them
 */
record Pictures(Dataset dataset, String identity) implements AutoCloseable {
  static final int CHANNELS = 3;
  private static final int DIGITS = 32;

  /**
   * Decodes them.
   *
   * @throws dev.nibble.engine.data.DataException if one is no picture, or the disk is full
   */
  static Pictures spool(Iterator<Tuple2<String, Example>> examples, FitSettings settings) {
    if (!examples.hasNext()) {
      throw new IllegalArgumentException("There are no pictures to train on.");
    }
    MessageDigest digest = ByWorker.sha256();
    digest.update(settings.trajectory().getBytes(StandardCharsets.UTF_8));
    digest.update(settings.start());
    Tuple2<String, Example> next = examples.next();
    PictureSize size = Columns.size(settings.imageSize(), next._2());
    FeatureMap map = new FeatureMap(size.height(), size.width(), CHANNELS);
    try (Arena arena = Arena.ofConfined();
        SpooledDataset.Builder builder = SpooledDataset.builder(map, settings.classNames())) {
      MemorySegment pixels = arena.allocate(map.values());
      while (true) {
        Example example = next._2();
        PictureFiles.read(example.content(), example.name(), size, CHANNELS, pixels, 0);
        builder.add(pixels, example.label());
        digest.update(ByWorker.hash(next._1()).getBytes(StandardCharsets.US_ASCII));
        if (!examples.hasNext()) {
          String identity = HexFormat.of().formatHex(digest.digest()).substring(0, DIGITS);
          return new Pictures(builder.build(0), identity);
        }
        next = examples.next();
      }
    }
  }

  @Override
  public void close() {
    dataset.close();
  }
}
