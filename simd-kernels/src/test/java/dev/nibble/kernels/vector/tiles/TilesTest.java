package dev.nibble.kernels.vector.tiles;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.kernels.vector.base.Lanes;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every tile by itself, and the plans that choose among them. */
final class TilesTest {
  private static final long SEED = 7;
  private static final int LANES = Lanes.LANES;

  private final Random random = new Random(SEED);

  private float[] values(int n) {
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = random.nextFloat() * 2 - 1;
    }
    return values;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4})
  void panelSumsOverWindows(int vectors) {
    int width = vectors * LANES;
    for (int count = 1; count <= 21; count++) {
      for (int red : new int[] {1, 2, 15}) {
        int rows = 1 + red % 3;
        int aT = 5; // With red = 15 the windows slide by a third.
        int aRow = 130;
        float[] a = values(1 + rows * aRow + count * aT + red);
        float[] b = values(2 + rows * red * width);
        int cT = width + 3;
        float[] c = values(3 + count * cT);
        float[] before = c.clone();
        Tiles.panel(vectors, count, rows, 1, red, a, 1, aT, aRow, 0, b, 2, c, 3, cT);
        for (int t = 0; t < count; t++) {
          for (int l = 0; l < cT; l++) {
            int at = 3 + t * cT + l;
            double expected = 0;
            for (int i = 0; i < rows * red; i++) {
              int from = 1 + t * aT + i / red * aRow + i % red;
              expected += l < width ? (double) a[from] * b[2 + i * width + l] : 0;
            }
            assertThat((double) c[at])
                .as("%d x %d, red %d, row %d, lane %d", count, vectors, red, t, l)
                .isCloseTo(l < width ? expected : before[at], within(1e-5));
          }
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4})
  void pixelAddsProductsOverPixels(int vectors) {
    int width = vectors * LANES;
    for (int count = 1; count <= 21; count++) {
      int rows = 1 + count % 3;
      int red = 1 + count % 4;
      int aR = 23;
      int aRow = 100;
      int bR = width + 1;
      int bRow = 5 * bR;
      float[] a = values(1 + rows * aRow + red * aR + count);
      float[] b = values(2 + rows * bRow + red * bR);
      int cT = width + 3;
      float[] c = values(3 + count * cT);
      float[] before = c.clone();
      Tiles.pixel(vectors, count, rows, red, a, 1, aRow, aR, b, 2, bRow, bR, c, 3, cT);
      for (int t = 0; t < count; t++) {
        for (int l = 0; l < cT; l++) {
          int at = 3 + t * cT + l;
          double expected = before[at];
          for (int i = 0; i < rows * red; i++) {
            int y = i / red;
            int x = i % red;
            double product = (double) a[1 + t + y * aRow + x * aR] * b[2 + y * bRow + x * bR + l];
            expected += l < width ? product : 0;
          }
          assertThat((double) c[at])
              .as("%d x %d, row %d, lane %d", count, vectors, t, l)
              .isCloseTo(expected, within(1e-5));
        }
      }
    }
  }

  /** The tiles that this machine's plan leaves out, too. */
  @ParameterizedTest
  @MethodSource("dev.nibble.kernels.vector.tiles.Tile#panels")
  void everyPanelTileSums(Tile tile) {
    for (int red : new int[] {1, 2, 3, 16, 17}) {
      int width = tile.width();
      float[] a = values(1 + 2 * 131 + tile.height() * 5 + red);
      float[] b = values(2 + 4 * red * width);
      int cT = width + 3;
      float[] c = values(3 + tile.height() * cT);
      float[] before = c.clone();
      tile.panel(2, 2, red, a, 1, 5, 100, 31, b, 2, c, 3, cT);
      for (int t = 0; t < tile.height(); t++) {
        for (int l = 0; l < cT; l++) {
          // In the order of every tile, so that a sum does not depend on where it is made.
          float expected = l < width ? 0 : before[3 + t * cT + l];
          for (int i = 0; l < width && i < 4 * red; i++) {
            float x = a[1 + t * 5 + i / red / 2 * 100 + i / red % 2 * 31 + i % red];
            expected = Math.fma(x, b[2 + i * width + l], expected);
          }
          assertThat(c[3 + t * cT + l])
              .as("%s, red %d, %d, %d", tile, red, t, l)
              .isEqualTo(expected);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("dev.nibble.kernels.vector.tiles.Tile#pixels")
  void everyPixelTileAdds(Tile tile) {
    for (int red : new int[] {1, 2, 7}) {
      int width = tile.width();
      float[] a = values(1 + 2 * 200 + red * 11 + tile.height());
      float[] b = values(2 + 2 * 600 + red * (width + 1));
      int cT = width + 3;
      float[] c = values(3 + tile.height() * cT);
      float[] before = c.clone();
      tile.pixel(2, red, a, 1, 200, 11, b, 2, 600, width + 1, c, 3, cT);
      for (int t = 0; t < tile.height(); t++) {
        for (int l = 0; l < cT; l++) {
          float expected = before[3 + t * cT + l];
          for (int i = 0; l < width && i < 2 * red; i++) {
            float x = a[1 + t + i / red * 200 + i % red * 11];
            expected = Math.fma(x, b[2 + i / red * 600 + i % red * (width + 1) + l], expected);
          }
          assertThat(c[3 + t * cT + l])
              .as("%s, red %d, %d, %d", tile, red, t, l)
              .isEqualTo(expected);
        }
      }
    }
  }

  @Test
  void plansCoverEveryStripExactly() {
    for (TilePlan plan : new TilePlan[] {TilePlan.PANEL, TilePlan.PIXEL}) {
      for (int count : new int[] {1, 2, 3, 7, 8, 31, 64, 65, 127, 1000}) {
        for (int vectors = 1; vectors <= 100; vectors++) {
          int block = plan.block(vectors, count);
          assertThat(block).isBetween(1, Math.min(vectors, TilePlan.MAX_VECTORS));
          assertThat(plan.height(block, count)).isBetween(1, count);
        }
      }
    }
  }

  @Test
  void costGrowsWithTheWork() {
    assertThat(TilePlan.PANEL.cost(2, 16)).isGreaterThan(TilePlan.PANEL.cost(1, 16));
    assertThat(TilePlan.PIXEL.cost(5, 640)).isGreaterThan(TilePlan.PIXEL.cost(5, 320));
  }

  @Test
  void fiveVectorsAreNotCutIntoFourAndOne() {
    assertThat(TilePlan.PANEL.block(5, 32)).isBetween(2, 3);
    assertThat(TilePlan.PIXEL.block(5, 96)).isBetween(2, 3);
  }

  /** Each as the plans see it; that a machine has it does not matter. */
  @ParameterizedTest
  @EnumSource
  void everySetHasATileOneRowHighOfEachWidth(InstructionSet set) {
    for (int vectors = 1; vectors <= TilePlan.MAX_VECTORS; vectors++) {
      for (int height = 1; height <= TilePlan.MAX_HEIGHT; height++) {
        Tile tile = new Tile(vectors, height);
        if (height == 1 || set.panelCost(vectors, height) > 0) {
          assertThat(set.panelCost(vectors, height)).isPositive();
          assertThat(Tile.panels()).contains(tile);
        }
        if (height == 1 || set.pixelCost(vectors, height) > 0) {
          assertThat(set.pixelCost(vectors, height)).isPositive();
          assertThat(Tile.pixels()).contains(tile);
        }
      }
    }
  }

  @Test
  void theSetFollowsFromArchitectureAndVectors() {
    assertThat(InstructionSet.of("amd64", 512)).isEqualTo(InstructionSet.AVX512);
    assertThat(InstructionSet.of("x86_64", 256)).isEqualTo(InstructionSet.AVX2);
    assertThat(InstructionSet.of("aarch64", 128)).isEqualTo(InstructionSet.NEON);
    assertThat(InstructionSet.of("riscv64", 256)).isEqualTo(InstructionSet.AVX2);
  }
}
