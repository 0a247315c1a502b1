package dev.nibble.engine.data.pictures;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.data.storage.DataFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Decodes picture files to 8-bit RGB, and says which file it is that cannot be.
 *
 * <p>A picture's size is checked before its pixels are decoded, and very large ones are reduced on
 * the way, so a small file cannot fill the heap.
 */
public final class PictureDecoder {
  private static final long MAX_FILE_BYTES = 1L << 26;

  /** What to do about a picture of a data set, and about one alone. */
  private static final String AMONG_MANY =
      "repair it, remove it, or leave such pictures of a data set out with --skip-unreadable"
          + " (DataOptions.withSkipUnreadable)";

  private static final String ALONE = "repair it, or give another";

  private PictureDecoder() {}

  /** Reads a picture's size, as it is seen, from its header. */
  public static PictureSize size(Path path, boolean oriented) {
    return guarded(
        path.toString(),
        AMONG_MANY,
        () -> {
          try (FileChannel channel = open(path)) {
            return size(Pictures.size(ByteSource.of(channel), oriented));
          }
        });
  }

  /** As {@link #size(Path, boolean)}, of a file that lies in memory. */
  public static PictureSize size(byte[] file, String name, boolean oriented) {
    return guarded(name, ALONE, () -> size(Pictures.size(ByteSource.of(file), oriented)));
  }

  private static PictureSize size(int[] rowsAndColumns) {
    return new PictureSize(rowsAndColumns[0], rowsAndColumns[1]);
  }

  /**
   * What can be said against a picture without decoding it: that it is none, or was cut.
   *
   * @return what is wrong, or null
   */
  public static @Nullable String fault(Path path) {
    try (FileChannel channel = open(path)) {
      Pictures.check(ByteSource.of(channel));
      return null;
    } catch (IOException | RuntimeException e) {
      return reason(e);
    }
  }

  /**
   * Decodes a picture of a data set; one above 4 megapixels at a fraction of its size.
   *
   * @param oriented whether the file's orientation is applied
   * @throws DataException naming the file, if it is not a sound picture
   */
  public static RgbPicture decode(Path path, boolean oriented) {
    return decode(path, AMONG_MANY, oriented);
  }

  /** As {@link #decode(Path, boolean)}, of a picture that belongs to no data set. */
  public static RgbPicture decodeAlone(Path path, boolean oriented) {
    return decode(path, ALONE, oriented);
  }

  private static RgbPicture decode(Path path, String advice, boolean oriented) {
    return guarded(
        path.toString(),
        advice,
        () -> {
          try (FileChannel channel = open(path)) {
            ByteBuffer file = ByteBuffer.allocate((int) channel.size());
            while (file.hasRemaining() && channel.read(file) >= 0) {}
            return Pictures.decode(file.array(), oriented);
          }
        });
  }

  /** As {@link #decodeAlone}, of a file that lies in memory. */
  public static RgbPicture decode(byte[] file, String name, boolean oriented) {
    return guarded(name, ALONE, () -> Pictures.decode(file, oriented));
  }

  private static FileChannel open(Path path) throws IOException {
    FileChannel channel;
    try {
      channel = FileChannel.open(path);
    } catch (NoSuchFileException e) {
      throw new IOException(missing(path), e);
    } catch (AccessDeniedException e) {
      throw new IOException("access is denied", e);
    }
    if (channel.size() > MAX_FILE_BYTES) {
      channel.close();
      throw new IOException("the file exceeds 64 MiB");
    }
    return channel;
  }

  private static String missing(Path path) throws IOException {
    return Files.isSymbolicLink(path)
        ? "it is a link to %s, where nothing is".formatted(Files.readSymbolicLink(path))
        : "there is no such file";
  }

  private interface Task<T> {
    T run() throws IOException;
  }

  private static <T> T guarded(String name, String advice, Task<T> task) {
    try {
      return task.run();
    } catch (IOException | RuntimeException e) {
      // Decoders answer damaged files with unchecked exceptions of many kinds, too.
      throw new DataException(
          "Cannot read the picture %s: %s; %s.".formatted(name, reason(e), advice), e);
    }
  }

  private static String reason(Exception e) {
    return e instanceof IOException || e instanceof DataException
        ? DataFile.reason(e)
        : "it is damaged"; // a decoder's own trouble with it is the cause, and says nothing to
    // users
  }
}
