package dev.nibble.samples.serve;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.OpenOption;
import java.nio.file.Path;

/** A file, opened when it was found, so that it may be removed while a client still reads it. */
record FileAnswer(FileChannel channel, long length, String type, String fileName)
    implements Answer {

  /**
   * Opens a file.
   *
   * @param options beside that it is read
   * @throws IOException if there is none, or it can't be read
   */
  static FileAnswer open(Path file, String type, String fileName, OpenOption... options)
      throws IOException {
    FileChannel channel = FileChannel.open(file, options);
    try {
      return new FileAnswer(channel, channel.size(), type, fileName);
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  @Override
  public int status() {
    return OK;
  }

  @Override
  public void writeTo(OutputStream out) throws IOException {
    Channels.newInputStream(channel).transferTo(out);
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
