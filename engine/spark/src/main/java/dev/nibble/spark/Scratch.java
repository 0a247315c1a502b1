package dev.nibble.spark;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Model files on their way between Spark, which carries bytes, and Nibble, which reads files. */
final class Scratch {
  private Scratch() {}

  /** A new temporary file of those bytes, for the caller to delete. */
  static Path file(byte[] bytes) throws IOException {
    Path file = Files.createTempFile("nibble", ".safetensors");
    try {
      return Files.write(file, bytes);
    } catch (IOException e) {
      Files.deleteIfExists(file);
      throw e;
    }
  }
}
