package dev.nibble.engine.data.pictures;

import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import javax.imageio.stream.MemoryCacheImageInputStream;

/**
 * A file in memory, as decoders read it. One that goes on reading behind its end, as if zeros stood
 * there, is stopped: a few damaged bytes would keep it busy for a minute.
 */
final class PictureInput extends MemoryCacheImageInputStream {
  /** Bytes that decoders ask for ahead of what they need. */
  private static final int MOST_BEHIND_END = 1000;

  private int behindEnd;

  PictureInput(byte[] file) {
    // In memory on purpose: ImageIO's own choice would be a temporary file for each picture.
    super(new ByteArrayInputStream(file));
  }

  @Override
  public int read() throws IOException {
    return counted(super.read());
  }

  @Override
  public int read(byte[] bytes, int offset, int length) throws IOException {
    return counted(super.read(bytes, offset, length));
  }

  private int counted(int result) {
    if (result < 0 && ++behindEnd > MOST_BEHIND_END) {
      // Unchecked, because decoders take the other kind for the end of what is needed.
      throw new UncheckedIOException(new EOFException(PictureReader.CUT));
    }
    return result;
  }
}
