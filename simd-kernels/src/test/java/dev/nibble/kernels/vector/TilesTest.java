package dev.nibble.kernels.vector;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
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
        Tiles.panel(vectors, count, rows, red, a, 1, aT, aRow, b, 2, c, 3, cT);
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
}
