package dev.nibble.samples;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** Brings a data set into a folder: downloads, checks, unpacks, and only then lets it be seen. */
final class Fetcher {
  private static final String PART = ".part";

  private final Archives archives;
  private final URI address;
  private final Path folder;
  private final Download download;

  Fetcher(Archives archives, URI address, Path folder, Download download) {
    this.archives = archives;
    this.address = address;
    this.folder = folder;
    this.download = download;
  }

  /**
   * Fetches what is not there yet.
   *
   * @throws BadInputException if the server, the disk or a checksum stands in the way
   */
  void run() throws InterruptedException {
    try {
      Files.createDirectories(folder);
      for (Archives.Archive archive : archives.files()) {
        Path file = folder.resolve(archive.file());
        if (!Files.exists(file)) {
          fetch(archive, file);
        }
      }
      if (!archives.unpacked().isEmpty()) {
        unpack(folder.resolve(archives.files().getFirst().file()));
      }
    } catch (IOException e) {
      throw BadInputException.file("write to the folder", folder, e);
    }
  }

  private void fetch(Archives.Archive archive, Path file) throws IOException, InterruptedException {
    Path part = file.resolveSibling(archive.file() + PART);
    download.run(address.resolve(archive.file()), part);
    String sum = sha256(part);
    if (!sum.equals(archive.sha256())) {
      Files.delete(part);
      throw new BadInputException(
          "%s from %s has SHA-256 %s, but the official one has %s: it was deleted, fetch it again."
              .formatted(archive.file(), address, sum, archive.sha256()));
    }
    Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
  }

  private void unpack(Path archive) throws IOException {
    Path beside = folder.resolve(archives.unpacked() + ".unpacking");
    Unpacker.deleteTree(beside);
    try {
      Unpacker.unpack(archive, beside);
      Path inner = beside.resolve(archives.unpacked());
      if (!Files.isDirectory(inner)) {
        throw new BadInputException(
            "%s holds no folder %s: it is no archive of %s."
                .formatted(archive, archives.unpacked(), archives.name()));
      }
      Files.move(inner, folder.resolve(archives.unpacked()), StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Unpacker.deleteTree(beside);
    }
    Files.delete(archive);
  }

  /** The file's checksum as 64 hexadecimal digits. */
  static String sha256(Path file) throws IOException {
    MessageDigest digest;
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("Every Java runtime has SHA-256", e);
    }
    byte[] buffer = new byte[1 << 16];
    try (InputStream in = Files.newInputStream(file)) {
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        digest.update(buffer, 0, n);
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }
}
