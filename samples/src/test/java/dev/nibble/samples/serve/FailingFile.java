package dev.nibble.samples.serve;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicLong;

/** A disk that can be full, or fail to keep what it took. */
final class FailingFile implements AppendFile {
  private final AppendFile file;
  private final AtomicLong room = new AtomicLong(Long.MAX_VALUE);
  private volatile boolean failsToForce;
  private volatile boolean keptName;

  private FailingFile(AppendFile file) {
    this.file = file;
  }

  static FailingFile open(Path path) throws IOException {
    return new FailingFile(AppendFile.open(path));
  }

  /** It takes so many bytes more. */
  void setRoom(long bytes) {
    room.set(bytes);
  }

  void setFailsToForce(boolean fails) {
    failsToForce = fails;
  }

  /** Whether its name was made durable. */
  boolean keptName() {
    return keptName;
  }

  @Override
  public long size() throws IOException {
    return file.size();
  }

  @Override
  public int read(ByteBuffer target, long position) throws IOException {
    return file.read(target, position);
  }

  @Override
  public void write(ByteBuffer source, long position) throws IOException {
    // As a real disk does: first a part, then the error.
    int bytes = (int) Math.min(room.get(), source.remaining());
    file.write(source.slice(source.position(), bytes), position);
    room.addAndGet(-bytes);
    if (bytes < source.remaining()) {
      throw new IOException("No space left on device");
    }
  }

  @Override
  public void force() throws IOException {
    if (failsToForce) {
      throw new IOException("Input/output error");
    }
    file.force();
  }

  @Override
  public void forceName() throws IOException {
    file.forceName();
    keptName = true;
  }

  @Override
  public void truncate(long size) throws IOException {
    file.truncate(size);
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
