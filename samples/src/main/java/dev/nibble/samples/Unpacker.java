package dev.nibble.samples;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.jspecify.annotations.Nullable;

/** Unpacks .tar.gz archives; nothing in an archive can write outside the folder. */
final class Unpacker {
  /** The largest data set has 185 MB: an archive that grows beyond this is none of ours. */
  private static final long MOST_BYTES = 2L << 30;

  private Unpacker() {}

  /**
   * Unpacks plain files and folders.
   *
   * @throws BadInputException if the archive is damaged or holds anything else, or a path that
   *     leads out of the folder
   * @throws IOException if a file cannot be written
   */
  static void unpack(Path archive, Path folder) throws IOException {
    Files.createDirectories(folder);
    Path root = folder.toAbsolutePath().normalize();
    long left = MOST_BYTES;
    try (InputStream file = new BufferedInputStream(Files.newInputStream(archive));
        TarArchiveInputStream in = open(file, archive)) {
      for (TarArchiveEntry entry = next(in, archive); entry != null; entry = next(in, archive)) {
        Path target = inside(root, entry, archive);
        if (entry.isDirectory()) {
          Files.createDirectories(target);
        } else if (isPlainFile(entry)) {
          Path parent = target.getParent();
          if (parent != null) {
            Files.createDirectories(parent);
          }
          left -= copy(in, archive, target, left);
        } else {
          throw new BadInputException(
              "%s holds a link or device, %s: it is no data set's archive."
                  .formatted(archive, entry.getName()));
        }
      }
    }
  }

  /** By its type: the library takes a link for a file. */
  private static boolean isPlainFile(TarArchiveEntry entry) {
    byte type = entry.getLinkFlag();
    return type == TarConstants.LF_NORMAL || type == TarConstants.LF_OLDNORM;
  }

  private static Path inside(Path root, TarArchiveEntry entry, Path archive) {
    Path target = root.resolve(BadInputException.path(entry.getName())).normalize();
    if (!target.startsWith(root)) {
      throw new BadInputException(
          "%s holds a path that leads out of its folder, %s: it is no data set's archive."
              .formatted(archive, entry.getName()));
    }
    return target;
  }

  private static TarArchiveInputStream open(InputStream file, Path archive) {
    try {
      return new TarArchiveInputStream(new GZIPInputStream(file));
    } catch (IOException e) {
      throw damaged(archive, e);
    }
  }

  private static @Nullable TarArchiveEntry next(TarArchiveInputStream in, Path archive) {
    try {
      return in.getNextEntry();
    } catch (IOException e) {
      throw damaged(archive, e);
    }
  }

  private static long copy(TarArchiveInputStream in, Path archive, Path target, long most)
      throws IOException {
    byte[] buffer = new byte[1 << 16];
    long copied = 0;
    try (OutputStream out = Files.newOutputStream(target)) {
      for (int n = read(in, buffer, archive); n >= 0; n = read(in, buffer, archive)) {
        copied += n;
        if (copied > most) {
          throw new BadInputException(
              archive + " unpacks to more than 2 GiB: it is no data set's.");
        }
        out.write(buffer, 0, n);
      }
    }
    return copied;
  }

  /** Apart, so that a damaged archive is not taken for a full disk. */
  private static int read(TarArchiveInputStream in, byte[] buffer, Path archive) {
    try {
      return in.read(buffer);
    } catch (IOException e) {
      throw damaged(archive, e);
    }
  }

  private static BadInputException damaged(Path archive, IOException e) {
    return new BadInputException(
        "%s is damaged (%s): delete it and fetch it again.".formatted(archive, e.getMessage()), e);
  }

  /** Deletes a folder with all that is in it, if it exists. */
  static void deleteTree(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return;
    }
    List<Path> paths;
    try (Stream<Path> walk = Files.walk(folder)) {
      paths = walk.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path path : paths) {
      Files.delete(path);
    }
  }
}
