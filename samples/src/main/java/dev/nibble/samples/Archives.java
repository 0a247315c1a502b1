package dev.nibble.samples;

import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * The official files of a data set.
 *
 * @param name the data set
 * @param address what the files' names are appended to
 * @param files what to download
 * @param unpacked the folder that the archive holds; empty where the files are used as they are
 */
record Archives(String name, URI address, List<Archive> files, String unpacked) {
  /**
   * A file to download.
   *
   * @param file its name
   * @param sha256 the checksum it must have, 64 hexadecimal digits
   */
  record Archive(String file, String sha256) {}

  static final List<String> NAMES = List.of("cifar10", "cifar100", "fashion-mnist");

  private static final String CIFAR = "https://www.cs.toronto.edu/~kriz/";

  /** The makers' own address; it speaks no https, which is what the checksums are for. */
  private static final String FASHION =
      "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/";

  Archives {
    files = List.copyOf(files);
  }

  /** The files of a data set out of {@link #NAMES}. */
  static Archives of(String name) {
    return switch (name) {
      case "cifar10" ->
          new Archives(
              name,
              URI.create(CIFAR),
              List.of(
                  new Archive(
                      "cifar-10-binary.tar.gz",
                      "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd")),
              "cifar-10-batches-bin");
      case "cifar100" ->
          new Archives(
              name,
              URI.create(CIFAR),
              List.of(
                  new Archive(
                      "cifar-100-binary.tar.gz",
                      "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec")),
              "cifar-100-binary");
      default ->
          new Archives(
              name,
              URI.create(FASHION),
              List.of(
                  new Archive(
                      "train-images-idx3-ubyte.gz",
                      "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
                  new Archive(
                      "train-labels-idx1-ubyte.gz",
                      "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
                  new Archive(
                      "t10k-images-idx3-ubyte.gz",
                      "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
                  new Archive(
                      "t10k-labels-idx1-ubyte.gz",
                      "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5")),
              "");
    };
  }

  /**
   * Whether the data set is in a folder already; files get their names only once they are whole.
   */
  boolean isIn(Path folder) {
    return unpacked.isEmpty()
        ? files.stream().allMatch(a -> Files.isRegularFile(folder.resolve(a.file())))
        : Files.isDirectory(folder.resolve(unpacked));
  }
}
