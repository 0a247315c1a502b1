package dev.nibble.kernels.generator;

import dev.nibble.kernels.generator.TileSource.Product;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Writes the register tiles of {@code dev.nibble.kernels.vector.tiles}. Run by hand, from the
 * module's folder, after a change here; {@code TileGeneratorTest} compares what is checked in.
 */
public final class TileGenerator {
  /** Folder of the generated files, below the module's. */
  static final Path FOLDER =
      Path.of("src", "main", "java", "dev", "nibble", "kernels", "vector", "tiles");

  private TileGenerator() {}

  /**
   * Writes every file.
   *
   * @param arguments the module's folder; the current one if missing
   */
  public static void main(String[] arguments) throws IOException {
    Path module = Path.of(arguments.length > 0 ? arguments[0] : "");
    for (Map.Entry<String, String> file : files().entrySet()) {
      Files.writeString(module.resolve(FOLDER).resolve(file.getKey()), file.getValue());
    }
  }

  /** Text of each generated file by its name. */
  static Map<String, String> files() {
    Map<String, String> files = new LinkedHashMap<>();
    // Two steps a round share the address of a row between them, which halves the instructions of a
    // tile one vector wide. No tile has more than 16 sums: beyond, the vectors' methods no longer
    // fit into C2's node budget and are inlined late, by what the profile says of their receivers.
    panel(files, 1, new int[] {1, 2, 3, 4, 8}, new int[] {2, 2, 2, 2, 2});
    panel(files, 2, new int[] {1, 2, 3, 4, 5, 6, 7, 8}, new int[] {1, 1, 1, 1, 1, 1, 1, 1});
    panel(files, 3, new int[] {1, 2, 3, 4}, new int[] {1, 1, 1, 1});
    panel(files, 4, new int[] {1, 2, 3, 4}, new int[] {1, 1, 1, 1});
    pixel(files, 1, 1, 2, 3, 4, 8);
    pixel(files, 2, 1, 2, 3, 4, 5, 6, 8);
    pixel(files, 3, 1, 2, 3, 4);
    pixel(files, 4, 1, 2, 3, 4);
    return files;
  }

  private static void panel(Map<String, String> files, int vectors, int[] heights, int[] unrolled) {
    String name = "PanelTiles" + vectors;
    TileSource source = new TileSource(Product.PANEL, name, vectors);
    files.put(name + ".java", source.write(heights, unrolled));
  }

  private static void pixel(Map<String, String> files, int vectors, int... heights) {
    String name = "PixelTiles" + vectors;
    int[] unrolled = new int[heights.length];
    Arrays.fill(unrolled, 1);
    TileSource source = new TileSource(Product.PIXEL, name, vectors);
    files.put(name + ".java", source.write(heights, unrolled));
  }
}
