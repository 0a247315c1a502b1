package dev.nibble.kernels.vector.passes;

import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.GroupNorm;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Operator.AveragePooling;
import dev.nibble.kernels.Operator.ChannelShuffle;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Operator.MaxPooling;
import dev.nibble.kernels.Operator.Padding;
import dev.nibble.kernels.Operator.Resample;
import dev.nibble.kernels.Sampling;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.Window;
import dev.nibble.kernels.vector.base.Lanes;
import dev.nibble.kernels.vector.convolution.ConvolutionGeometry;
import org.jspecify.annotations.Nullable;

/**
 * How much of a stage is worked on at a time: a band of rows of one picture, or a run of pixels
 * where pixels map one to one, so large that what it is read from and written to stays in a core's
 * own cache. And how a leaf's part of the work is cut off.
 *
 * <p>All of it follows from shapes only.
 */
public final class Bands {
  /** Half of a second-level cache of 1 MiB, in floats. */
  private static final int CACHE = 1 << 17;

  /** Most of a first-level cache of 32 KiB, in floats. */
  private static final int NEAR_CACHE = 7168;

  /** Weights that the second-level cache keeps beside a run in the first. */
  private static final int NEAR_WEIGHTS = 1 << 16;

  /**
   * Pixels at which groups of codes begin in every format but the ternary one, whose readers may
   * begin anywhere.
   */
  static final int PIXELS = 8;

  /** Rows that a band has at least, as a row of Winograd's tiles does. */
  static final int ROWS = 4;

  private Bands() {}

  /** The end of the band that begins at {@code first}; no band is less than four rows high. */
  static int end(int first, int rows, int end) {
    int next = first + rows;
    return end - next < ROWS ? end : next;
  }

  /** Rows that a band of that size has at most: with what is left over below the last one. */
  static int most(int rows, int height) {
    return Math.min(height, rows + height % ROWS);
  }

  /** Part {@code part} of {@code parts} begins at this one of so many units. */
  static int bound(int units, int part, int parts) {
    return (int) ((long) units * part / parts);
  }

  /** The first of {@code length} rows or pixels of a part; units of {@code step} are not cut. */
  static int bound(int length, int step, int part, int parts) {
    return part == parts ? length : step * bound(length / step, part, parts);
  }

  /**
   * Whether a part is some of the rows or pixels, of which so many are not cut, or of the blocks.
   */
  static boolean byRows(int length, int step, int blocks, int parts) {
    return length / step >= parts || length / step >= blocks;
  }

  /** Rows of the stage's input, a multiple of four, after which bytes of its codes begin. */
  static int step(Stage stage, int pixelsOfRow) {
    return common(ROWS * pixelsOfRow, stage.activation().store().pixelsPerGroup()) / pixelsOfRow;
  }

  /** Rows of the stage's input after which bytes of its codes begin. */
  static int codeRows(Stage stage) {
    int width = stage.input().width();
    return common(width, stage.activation().store().pixelsPerGroup()) / width;
  }

  /** The least common multiple. */
  private static int common(int pixels, int group) {
    int a = pixels;
    int b = group;
    while (b != 0) {
      int rest = a % b;
      a = b;
      b = rest;
    }
    return pixels / a * group;
  }

  private static int rows(int height, int step, long floatsOfRow, long fixed) {
    long fit = Math.max(0, CACHE - fixed) / floatsOfRow;
    if (fit >= height) {
      return height;
    }
    return (int) Math.min(height, Math.max(step, fit / step * step));
  }

  private static @Nullable Window window(Operator op) {
    return switch (op) {
      case Convolution c -> c.window();
      case MaxPooling m -> m.window();
      case AveragePooling a -> a.window();
      default -> null;
    };
  }

  /** Rows that a window meets, from its first tap to its last. */
  static int reach(Operator op) {
    if (op instanceof Resample r) {
      return r.stride();
    }
    Window window = window(op);
    return window == null ? 1 : window.reachHeight();
  }

  /** Rows from a window to the next. */
  static int stride(Operator op) {
    if (op instanceof Resample r) {
      return r.stride();
    }
    Window window = window(op);
    return window == null ? 1 : window.strideHeight();
  }

  /** Rows that the first window begins before the picture. */
  static int padding(Operator op) {
    Window window = window(op);
    return window == null ? 0 : window.padTop();
  }

  /** Whether a channel going in is not the same one coming out, so that no part is some of them. */
  static boolean movesChannels(Operator op) {
    return switch (op) {
      case Resample r -> !r.isIdentity();
      case ChannelShuffle s -> true;
      case Padding p -> true;
      default -> false;
    };
  }

  /** The first output row that input row {@code row}, or one below it, is read by. */
  static int firstOutput(Operator op, int row) {
    if (op instanceof Padding p) {
      return Moves.outputRow(p, row);
    }
    if (op instanceof Sampling s) {
      return s.rows().backward().first(row);
    }
    if (op instanceof Operator.GlobalAveragePooling) {
      return 0;
    }
    int last = row + padding(op) - reach(op) + 1;
    return Math.max(0, Math.ceilDiv(last, stride(op)));
  }

  /** The end of the output rows that read an input row above {@code row}. */
  static int endOutput(Operator op, int row) {
    if (op instanceof Padding p) {
      return Moves.outputRow(p, row);
    }
    if (op instanceof Sampling s) {
      return s.rows().backward().end(row);
    }
    if (op instanceof Operator.GlobalAveragePooling) {
      return 1;
    }
    int end = (row - 1 + padding(op)) / stride(op) + 1;
    return Math.min(op.outputHeight(), end);
  }

  /** Columns of zeros in a row of a convolution's tile; others have none. */
  static int padWidth(Operator op) {
    return op instanceof Convolution c ? c.window().padLeft() + c.window().padRight() : 0;
  }

  /** Output rows of a forward band. */
  public static int forwardRows(Stage stage) {
    Operator op = stage.operator();
    int height = op.outputHeight();
    if (stage.activation().naive()) {
      return height; // what lies around a band is read from its codes
    }
    int stride = stride(op);
    long row = tileRow(op);
    long out = (long) op.outputWidth() * Lanes.roundUp(op.outputChannels());
    long shortcut = ScratchLayout.shortcutFloats(stage) / height;
    int step = forwardStep(stage);
    return rows(height, step, stride * row + out + shortcut, (reach(op) - (long) stride) * row);
  }

  /** Output rows that a forward band is a multiple of. */
  static int forwardStep(Stage stage) {
    return step(stage, stride(stage.operator()) * stage.input().width());
  }

  /** Rows that a forward band's tile has room for. */
  static int forwardTileRows(Stage stage) {
    Operator op = stage.operator();
    if (op instanceof Operator.GlobalAveragePooling) {
      return most(poolingBand(stage), stage.input().height());
    }
    int height = stage.input().height();
    int rows = most(forwardRows(stage), op.outputHeight());
    if (op instanceof Padding) {
      // The naive way reads from codes, from the first of a picture on where rows are cut off.
      return stage.activation().naive()
          ? height
          : Math.min(height, Math.max(rows, step(stage, stage.input().width())));
    }
    if (op instanceof Sampling s) {
      int read = s.rows().forward().reach(rows + ROWS);
      return stage.activation().naive()
          ? height
          : Math.min(height, Math.max(read, step(stage, stage.input().width())));
    }
    int window = (rows - 1) * stride(op) + reach(op);
    if (op instanceof Convolution c) {
      // Rows are loaded up to where bytes of codes end, and those whose copies are the leaf's.
      int most = Math.max(window, rows * stride(op) + padding(op)) + stride(op) + codeRows(stage);
      if (reach(op) == 1) {
        most -= 2; // no tile reaches beyond its window
      }
      return Math.min(most, height + padding(op) + c.window().padBottom() + stride(op));
    }
    // The last band also leaves the copies of rows that a stride leaves over.
    return Math.min(height, Math.max(window, rows * stride(op) + padding(op)) + stride(op) - 1);
  }

  /** Rows of a picture that global pooling reads at a time. */
  static int poolingBand(Stage stage) {
    FeatureMap in = stage.input();
    return rows(in.height(), step(stage, in.width()), (long) in.width() * in.channels(), 0);
  }

  /** Floats of a row of the activation's tile. */
  static int tileRow(Operator op) {
    return op instanceof Convolution c
        ? ConvolutionGeometry.tileRow(c)
        : op.input().width() * op.input().channels();
  }

  /** Input rows of a band of the input's gradient. */
  static int dataRows(Stage stage) {
    Operator op = stage.operator();
    FeatureMap in = stage.input();
    long data = (long) in.width() * Lanes.roundUp(in.channels());
    long dy = gradientRow(op);
    int step = step(stage, in.width());
    long window = (reach(op) - 1L) / stride(op) + 1;
    if (op instanceof Sampling) {
      dy *= Math.ceilDiv(op.outputHeight(), in.height()); // that many rows are read for one
    }
    return rows(in.height(), step, data + dy / stride(op), window * dy);
  }

  /** Rows that the tile of the output's gradient has room for. */
  static int gradientTileRows(Stage stage) {
    Operator op = stage.operator();
    int rows = most(dataRows(stage), stage.input().height());
    if (op instanceof Sampling s) {
      return s.rows().backward().reach(rows + ROWS);
    }
    return (rows + reach(op) - 1) / stride(op) + 2;
  }

  /** Floats of a row of the tile of the output's gradient. */
  static int gradientRow(Operator op) {
    return op instanceof Convolution c
        ? ConvolutionGeometry.dyRow(c)
        : op.outputWidth() * op.outputChannels();
  }

  /** Output rows of a band of the weights' gradient, of a part of the channels. */
  static int weightRows(Operator op, int inChannels, int outChannels) {
    int stride = stride(op);
    int reach = reach(op);
    long row = (op.input().width() + padWidth(op) + (long) ROWS) * inChannels;
    long dy = (op.outputWidth() + (long) ROWS) * outChannels;
    // Half, for the sums take as much.
    int height = op.outputHeight();
    long fit = Math.max(0, CACHE / 2 - (reach - (long) stride) * row) / (stride * row + dy);
    return fit >= height ? height : (int) Math.max(ROWS, fit / ROWS * ROWS);
  }

  /** Pixels of a run where pixels map one to one. */
  static int run(int inChannels, int outChannels) {
    long weights = (long) inChannels * outChannels;
    int cache = weights <= NEAR_WEIGHTS ? NEAR_CACHE : CACHE;
    int fit = cache / (inChannels + outChannels) / PIXELS * PIXELS;
    return Math.clamp(fit, 3 * PIXELS, 1024);
  }

  /** Pixels of a run of a forward stage, a multiple of {@link #flatStep}. */
  public static int forwardRun(Stage stage) {
    int step = flatStep(stage);
    int picture = pictureRun(stage, 2, step);
    if (picture > 0) {
      return picture;
    }
    int run = run(stage.input().channels(), Lanes.roundUp(stage.output().channels()));
    return Math.max(step, run / step * step);
  }

  /** Pixels of a run of the input's gradient. */
  static int dataRun(Stage stage) {
    int picture = pictureRun(stage, 3, PIXELS);
    if (picture > 0) {
      return picture;
    }
    return run(stage.output().channels(), Lanes.roundUp(stage.input().channels()));
  }

  /**
   * A whole picture's pixels where a group norm reads that once for its moments and for what is
   * made of them, because so many tiles of it stay in the cache; else 0.
   */
  private static int pictureRun(Stage stage, int tiles, int step) {
    FeatureMap in = stage.input();
    boolean groups = stage.operator() instanceof GroupNorm n && !n.byPixel();
    long floats = (long) tiles * in.pixels() * Lanes.roundUp(in.channels());
    return groups && floats <= CACHE ? Math.ceilDiv(in.pixels(), step) * step : 0;
  }

  /** Pixels that are not cut: whole rows where a shortcut is taken by windows. */
  static int flatStep(Stage stage) {
    Stage.Residual residual = stage.residual();
    return residual == null || residual.transform().stride() == 1
        ? common(PIXELS, stage.activation().store().pixelsPerGroup())
        : step(stage, stage.output().width()) * stage.output().width();
  }
}
