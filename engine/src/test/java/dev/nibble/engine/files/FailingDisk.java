package dev.nibble.engine.files;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/** A disk on which exactly one thing goes wrong. */
public final class FailingDisk implements Disk {
  /** What can go wrong beside being full. */
  public enum Fault {
    CREATE,
    FORCE,
    RENAME,
    FORCE_FOLDER,
    NONE
  }

  private final Disk disk = Disk.system();
  private final Fault fault;
  private long room;

  private FailingDisk(Fault fault, long room) {
    this.fault = fault;
    this.room = room;
  }

  /** Returns a disk that takes so many bytes and no more. */
  public static FailingDisk withRoom(long bytes) {
    return new FailingDisk(Fault.NONE, bytes);
  }

  /** Returns a disk on which this fails. */
  public static FailingDisk at(Fault fault) {
    return new FailingDisk(fault, Long.MAX_VALUE);
  }

  @Override
  public Sink create(Path file) throws IOException {
    fail(Fault.CREATE);
    Sink sink = disk.create(file);
    return new Sink() {
      @Override
      public int write(ByteBuffer source) throws IOException {
        if (room == 0) {
          throw new IOException("No space left on device");
        }
        // As a real disk does: first a short write, then the error.
        int bytes = (int) Math.min(room, source.remaining());
        ByteBuffer part = source.slice(source.position(), bytes);
        SegmentIo.writeAll(sink, part);
        source.position(source.position() + bytes);
        room -= bytes;
        return bytes;
      }

      @Override
      public void force() throws IOException {
        fail(Fault.FORCE);
        sink.force();
      }

      @Override
      public boolean isOpen() {
        return sink.isOpen();
      }

      @Override
      public void close() throws IOException {
        sink.close();
      }
    };
  }

  @Override
  public void rename(Path from, Path to) throws IOException {
    fail(Fault.RENAME);
    disk.rename(from, to);
  }

  @Override
  public void forceFolder(Path folder) throws IOException {
    fail(Fault.FORCE_FOLDER);
    disk.forceFolder(folder);
  }

  private void fail(Fault at) throws IOException {
    if (fault == at) {
      throw new IOException("the disk fails at " + at);
    }
  }
}
