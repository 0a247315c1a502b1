package dev.nibble.samples.serve;

import dev.nibble.kernels.FeatureMap;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.function.Consumer;

/**
 * Writes a store's file anew without what was erased, where that is most of it. The new file takes
 * the old one's name once it is whole and on the disk.
 */
final class ExampleCompaction {
  /** Bytes that are not worth it. */
  private static final long LITTLE = 1 << 20;

  private ExampleCompaction() {}

  /** Whether so much is erased that the file is worth writing anew. */
  static boolean isDue(ExampleScan.Result found, long size) {
    return found.erasedBytes() > LITTLE && found.erasedBytes() > size / 2;
  }

  /**
   * Writes it anew.
   *
   * @return false, and nothing was done, if the disk did not take it
   */
  static boolean run(
      AppendFile file,
      Path path,
      FeatureMap input,
      ExampleScan.Result found,
      AppendFile.Opener opener,
      Consumer<String> log) {
    Path fresh = path.resolveSibling(path.getFileName() + ".new");
    try {
      Files.deleteIfExists(fresh);
      try (AppendFile target = opener.open(fresh)) {
        write(file, target, input, found);
        target.force();
      }
      Files.move(fresh, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      Folders.force(Folders.of(path));
      return true;
    } catch (IOException e) {
      log.accept(
          "%s could not be written anew without its deleted examples (%s): it is used as it is."
              .formatted(path, ServiceException.reason(e)));
      ModelFolder.delete(fresh);
      return false;
    }
  }

  private static void write(
      AppendFile file, AppendFile target, FeatureMap input, ExampleScan.Result found)
      throws IOException {
    int pictureBytes = input.values();
    target.write(ExampleRecord.header(input), 0);
    long at = ExampleRecord.HEADER;
    long last = -1;
    for (Example example : found.examples()) {
      ByteBuffer bytes = ByteBuffer.allocate(ExampleRecord.length(example, pictureBytes));
      long from = ExampleRecord.start(example);
      while (bytes.hasRemaining()) {
        int read = file.read(bytes, from + bytes.position());
        if (read < 0) {
          throw new IOException("it ends at byte " + (from + bytes.position()));
        }
      }
      at += bytes.flip().remaining();
      target.write(bytes, at - bytes.limit());
      last = example.id();
    }
    if (found.nextId() > last + 1) {
      // An erased one for the last id, which must not be given again.
      Example mark = new Example(found.nextId() - 1, "-", 0, 0);
      ByteBuffer bytes = ByteBuffer.allocate(ExampleRecord.length(mark, pictureBytes));
      bytes.put(ExampleRecord.erase(mark, pictureBytes)).rewind();
      target.write(bytes, at);
    }
  }
}
