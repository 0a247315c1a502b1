package dev.nibble.kernels.cublas;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What the system's linker does not notice, or tells badly, of a shared library. It maps a file
 * that was cut off, by a download that broke, say, and the process dies where it touches the part
 * that is missing; it passes over a library for another processor as if there were none.
 */
final class ElfFile {
  /** A fault for which the linker looks further, as if there were no such file. */
  static final String OTHER_PROCESSOR = "it is built for another processor";

  private static final int HEADER = 64;
  private static final int PROGRAM_HEADER = 56;
  private static final int MAGIC = 0x464c457f; // 0x7f, E, L, F in little-endian order
  private static final int LITTLE_ENDIAN_64 = 0x0102;
  private static final int LOADED = 1;
  private static final int AMD64 = 62;
  private static final int AARCH64 = 183;

  private ElfFile() {}

  /** What is wrong with a file; empty also for one that is not ELF, which the linker tells. */
  static Optional<String> fault(Path file) {
    try (SeekableByteChannel channel = Files.newByteChannel(file)) {
      ByteBuffer header = read(channel, 0, HEADER);
      if (header.remaining() < HEADER
          || header.getInt(0) != MAGIC
          || header.getShort(4) != LITTLE_ENDIAN_64) {
        return Optional.empty();
      }
      int machine = Short.toUnsignedInt(header.getShort(18));
      if (machine != machine(System.getProperty("os.arch", ""), machine)) {
        return Optional.of(OTHER_PROCESSOR);
      }
      long end = end(channel, header);
      long size = channel.size();
      return end <= size
          ? Optional.empty()
          : Optional.of("it is cut off, with %d bytes of %d".formatted(size, end));
    } catch (IOException e) {
      return Optional.empty(); // then the linker cannot read it either
    }
  }

  /** Where the last byte that is mapped lies. */
  private static long end(SeekableByteChannel channel, ByteBuffer header) throws IOException {
    long offset = header.getLong(32);
    int size = Short.toUnsignedInt(header.getShort(54));
    int count = Short.toUnsignedInt(header.getShort(56));
    long end = offset + (long) size * count;
    if (size != PROGRAM_HEADER || offset < 0 || end > channel.size()) {
      return end;
    }
    ByteBuffer headers = read(channel, offset, size * count);
    for (int at = 0; at + size <= headers.limit(); at += size) {
      if (headers.getInt(at) == LOADED) {
        end = Math.max(end, headers.getLong(at + 8) + headers.getLong(at + 32));
      }
    }
    return end;
  }

  private static ByteBuffer read(SeekableByteChannel channel, long from, int bytes)
      throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    channel.position(from);
    while (buffer.hasRemaining() && channel.read(buffer) >= 0) {
      // until it is full or the file ends
    }
    return buffer.flip();
  }

  private static int machine(String architecture, int other) {
    return switch (architecture) {
      case "amd64", "x86_64" -> AMD64;
      case "aarch64" -> AARCH64;
      default -> other;
    };
  }
}
