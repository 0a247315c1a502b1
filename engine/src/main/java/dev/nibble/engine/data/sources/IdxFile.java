package dev.nibble.engine.data.sources;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.data.storage.DataFile;
import dev.nibble.engine.data.storage.TemporaryFile;
import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/**
 * One IDX file of unsigned bytes, plain or gzipped: a 4-byte magic number 0x000008DD with DD
 * dimensions, the dimensions as big-endian int32, then the values. A gzipped one is unpacked once
 * into a temporary file, so that pictures can be read by position without holding them in memory.
 *
 * @param path name for messages
 * @param channel the plain file, owned by the caller
 * @param headerBytes where the values start
 * @param dimensions the header's dimensions, all positive
 */
record IdxFile(Path path, FileChannel channel, int headerBytes, List<Integer> dimensions) {
  private static final int GZIP_MAGIC = 0x1F8B;

  /** Deflate cannot shrink by more: a header that promises more than this is damaged. */
  private static final long MAX_DEFLATE_RATIO = 1032;

  /** Opens a file and checks its header against its length. */
  static IdxFile open(Path path, int rank) {
    try (InputStream file = Files.newInputStream(path);
        BufferedInputStream input = new BufferedInputStream(file)) {
      long bytes = Files.size(path);
      if (bytes == 0) {
        throw new DataException("%s is empty; fetch it again.".formatted(path));
      }
      input.mark(2);
      boolean gzip = ((input.read() << 8) | input.read()) == GZIP_MAGIC;
      input.reset();
      return gzip ? unpack(path, input, bytes, rank) : plain(path, input, bytes, rank);
    } catch (EOFException e) {
      throw new DataException("%s is cut short; fetch it again.".formatted(path), e);
    } catch (ZipException e) {
      throw new DataException(
          "%s is not a sound gzip file (%s); fetch it again.".formatted(path, DataFile.reason(e)),
          e);
    } catch (IOException e) {
      throw new DataException("Cannot read %s: %s.".formatted(path, DataFile.reason(e)), e);
    }
  }

  private static IdxFile plain(Path path, InputStream input, long bytes, int rank)
      throws IOException {
    List<Integer> dimensions = readHeader(path, input, rank);
    int headerBytes = 4 + 4 * rank;
    long expected = headerBytes + values(dimensions);
    if (bytes != expected) {
      throw new DataException(
          "%s has %d bytes, but its header promises %d; it is cut or damaged, fetch it again."
              .formatted(path, bytes, expected));
    }
    FileChannel channel = FileChannel.open(path, StandardOpenOption.READ);
    return new IdxFile(path, channel, headerBytes, dimensions);
  }

  private static IdxFile unpack(Path path, InputStream packed, long packedBytes, int rank)
      throws IOException {
    try (GZIPInputStream input = new GZIPInputStream(packed, 1 << 16)) {
      List<Integer> dimensions = readHeader(path, input, rank);
      long expected = values(dimensions);
      if (expected / MAX_DEFLATE_RATIO > packedBytes) {
        throw new DataException(
            "%s promises %d values but has only %d packed bytes; it is damaged, fetch it again."
                .formatted(path, expected, packedBytes));
      }
      FileChannel channel = TemporaryFile.open();
      try {
        copy(path, input, channel, expected);
        return new IdxFile(path, channel, 0, dimensions);
      } catch (IOException | DataException e) {
        channel.close();
        throw e;
      }
    }
  }

  private static void copy(Path path, InputStream input, FileChannel channel, long expected)
      throws IOException {
    byte[] chunk = new byte[1 << 16];
    ByteBuffer buffer = ByteBuffer.wrap(chunk);
    long copied = 0;
    // One byte more is asked for at the end, so that gzip checks its checksum and length.
    for (int n = input.read(chunk); n >= 0; n = input.read(chunk)) {
      copied += n;
      if (copied > expected) {
        break;
      }
      buffer.limit(n).position(0);
      while (buffer.hasRemaining()) {
        channel.write(buffer);
      }
    }
    if (copied != expected) {
      throw new DataException(
          "%s unpacks to %s values, but its header promises %d; it is damaged, fetch it again."
              .formatted(path, copied > expected ? "more" : Long.toString(copied), expected));
    }
  }

  private static List<Integer> readHeader(Path path, InputStream input, int rank)
      throws IOException {
    DataInputStream data = new DataInputStream(input);
    int magic = data.readInt();
    int expected = 0x800 | rank;
    if (magic != expected) {
      throw new DataException(
          "%s starts with 0x%08X instead of 0x%08X; it is not an IDX file of bytes and rank %d."
              .formatted(path, magic, expected, rank));
    }
    int[] dimensions = new int[rank];
    for (int i = 0; i < rank; i++) {
      dimensions[i] = data.readInt();
      int most = i == 0 ? 100_000_000 : PictureSize.MAX_SIDE;
      if (dimensions[i] < 1 || dimensions[i] > most) {
        throw new DataException(
            "%s has the dimensions %s..., but dimension %d must be 1 to %d; it is damaged."
                .formatted(path, Arrays.toString(Arrays.copyOf(dimensions, i + 1)), i, most));
      }
    }
    return Arrays.stream(dimensions).boxed().toList();
  }

  private static long values(List<Integer> dimensions) {
    long values = 1;
    for (int d : dimensions) {
      values *= d;
    }
    return values;
  }
}
