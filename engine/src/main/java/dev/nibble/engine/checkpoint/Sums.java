package dev.nibble.engine.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.zip.CRC32C;

/** The two checksums of a checkpoint, carried along while its bytes pass. */
final class Sums implements WritableByteChannel {
  private final CRC32C crc = new CRC32C();
  private final MessageDigest digest;

  Sums() {
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java platform has SHA-256", e);
    }
  }

  /** Adds all that remains in a buffer. */
  @Override
  public int write(ByteBuffer source) {
    int bytes = source.remaining();
    crc.update(source.duplicate());
    digest.update(source);
    return bytes;
  }

  /** Begins a new CRC; the digest goes on. */
  void restartCrc() {
    crc.reset();
  }

  int crc() {
    return (int) crc.getValue();
  }

  byte[] sha256() {
    return digest.digest();
  }

  /** Returns a channel that writes to another one and sums what that one took. */
  WritableByteChannel over(WritableByteChannel out) {
    return new WritableByteChannel() {
      @Override
      public int write(ByteBuffer source) throws IOException {
        ByteBuffer taken = source.duplicate();
        int bytes = out.write(source);
        Sums.this.write(taken.limit(source.position()));
        return bytes;
      }

      @Override
      public boolean isOpen() {
        return out.isOpen();
      }

      @Override
      public void close() throws IOException {
        out.close();
      }
    };
  }

  @Override
  public boolean isOpen() {
    return true;
  }

  /** Does nothing: sums hold nothing open. */
  @Override
  public void close() {}
}
