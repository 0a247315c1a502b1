package dev.nibble.engine.files;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.TRUNCATE_EXISTING;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** The disk as java.nio shows it. */
final class SystemDisk implements Disk {
  @Override
  public Sink create(Path file) throws IOException {
    FileChannel.open(file, CREATE, TRUNCATE_EXISTING, WRITE).close(); // its failures have reasons
    return new StreamSink(new FileOutputStream(file.toFile(), true));
  }

  @Override
  public void rename(Path from, Path to) throws IOException {
    Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
  }

  @Override
  public void forceFolder(Path folder) throws IOException {
    boolean interrupted = false;
    while (true) {
      try {
        force(folder);
        break;
      } catch (ClosedByInterruptException e) {
        interrupted = Thread.interrupted();
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private static void force(Path folder) throws IOException {
    FileChannel channel;
    try {
      channel = FileChannel.open(folder, READ);
    } catch (AccessDeniedException e) {
      return; // Windows opens no folder; its renames are journalled without our help.
    }
    try (channel) {
      channel.force(true);
    }
  }

  /** A stream, because an interrupt of the writing thread closes a channel. */
  private static final class StreamSink implements Sink {
    private static final int PIECE = 1 << 16;

    private final FileOutputStream out;
    private byte[] piece = {};
    private boolean open = true;

    StreamSink(FileOutputStream out) {
      this.out = out;
    }

    @Override
    public int write(ByteBuffer source) throws IOException {
      int bytes = Math.min(PIECE, source.remaining());
      if (piece.length < bytes) {
        piece = new byte[bytes];
      }
      source.get(source.position(), piece, 0, bytes);
      out.write(piece, 0, bytes);
      source.position(source.position() + bytes);
      return bytes;
    }

    @Override
    public void force() throws IOException {
      out.getFD().sync();
    }

    @Override
    public boolean isOpen() {
      return open;
    }

    @Override
    public void close() throws IOException {
      open = false;
      out.close();
    }
  }
}
