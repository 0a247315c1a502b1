package dev.nibble.kernels.cublas;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Operator.Convolution;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Pictures between a thread's scratch, where their pixels lie row by row, and a group's staging,
 * where they lie on a {@link ConvolutionGrid}. Indices into staging are bytes, into scratch floats.
 */
final class GridCopies {
  private GridCopies() {}

  /**
   * Writes a picture's planes, zeros around it included.
   *
   * @param at index of the picture's first pixel in scratch
   * @param row floats from a row to the next in scratch
   * @param to where the group's planes begin
   * @param pictures of the group
   * @param index of the picture in its group
   */
  static void writePlanes(
      ConvolutionGrid grid,
      float[] scratch,
      int at,
      int row,
      MemorySegment staging,
      long to,
      int pictures,
      int index) {
    Convolution op = grid.op();
    int channels = op.input().channels();
    long rowBytes = 4L * grid.width() * channels;
    for (int py = 0; py < grid.phases(); py++) {
      for (int px = 0; px < grid.phases(); px++) {
        int plane = py * grid.phases() + px;
        long first = 4L * plane * grid.planeFloats(pictures);
        long line = to + first + 4L * index * grid.pixels() * channels;
        for (int i = 0; i < grid.height(); i++, line += rowBytes) {
          int y = i * op.window().strideHeight() + py - op.window().padTop();
          if (y < 0 || y >= op.input().height()) {
            zero(staging, line, grid.width() * channels);
          } else {
            writeRow(grid, px, scratch, at + y * row, staging, line);
          }
        }
      }
    }
  }

  /** One row of a plane: column j is column {@code j * stride + px - padding} of the picture. */
  private static void writeRow(
      ConvolutionGrid grid, int px, float[] scratch, int from, MemorySegment staging, long to) {
    Convolution op = grid.op();
    int channels = op.input().channels();
    int columns = op.input().width();
    if (op.window().strideHeight() == 1) {
      int padding = op.window().padTop();
      zero(staging, to, padding * channels);
      long inner = to + 4L * padding * channels;
      MemorySegment.copy(scratch, from, staging, JAVA_FLOAT, inner, columns * channels);
      zero(staging, inner + 4L * columns * channels, padding * channels);
      return;
    }
    for (int j = 0; j < grid.width(); j++) {
      int x = j * op.window().strideHeight() + px - op.window().padTop();
      long pixel = to + 4L * j * channels;
      if (x < 0 || x >= columns) {
        zero(staging, pixel, channels);
      } else {
        MemorySegment.copy(scratch, from + x * channels, staging, JAVA_FLOAT, pixel, channels);
      }
    }
  }

  /**
   * Writes a picture's gradient of the output, zeros around it; the first picture's margin, too.
   *
   * @param to where the group's gradient, its margin included, begins
   */
  static void writeGradient(
      ConvolutionGrid grid,
      float[] scratch,
      int at,
      int row,
      MemorySegment staging,
      long to,
      int index) {
    Convolution op = grid.op();
    int channels = op.outChannels();
    int margin = grid.margin() * channels;
    if (index == 0) {
      zero(staging, to, margin);
    }
    int values = op.outputWidth() * channels;
    int behind = (grid.width() - op.outputWidth()) * channels;
    long rowBytes = 4L * (values + behind);
    long line = to + 4L * margin + (long) index * grid.height() * rowBytes;
    for (int i = 0; i < op.outputHeight(); i++, line += rowBytes) {
      MemorySegment.copy(scratch, at + i * row, staging, JAVA_FLOAT, line, values);
      zero(staging, line + 4L * values, behind);
    }
    for (int i = op.outputHeight(); i < grid.height(); i++, line += rowBytes) {
      zero(staging, line, values + behind);
    }
  }

  /**
   * Reads a picture's product.
   *
   * @param from where the group's product begins
   * @param pixel floats from a pixel to the next in scratch
   */
  static void readProduct(
      ConvolutionGrid grid,
      MemorySegment staging,
      long from,
      int index,
      float[] scratch,
      int at,
      int pixel) {
    Convolution op = grid.op();
    int channels = op.outChannels();
    int columns = op.outputWidth();
    long rowBytes = 4L * grid.width() * channels;
    long line = from + (long) index * grid.height() * rowBytes;
    for (int i = 0; i < op.outputHeight(); i++, line += rowBytes) {
      readRow(staging, line, channels, columns, scratch, at + i * columns * pixel, pixel);
    }
  }

  /** Reads a picture's gradient of the input from its planes; zero where no tap reaches. */
  static void readPlanes(
      ConvolutionGrid grid,
      MemorySegment staging,
      long from,
      int pictures,
      int index,
      float[] scratch,
      int at,
      int pixel) {
    Convolution op = grid.op();
    FeatureMap map = op.input();
    int channels = map.channels();
    int stride = op.window().strideHeight();
    long picture = 4L * index * grid.pixels() * channels;
    for (int y = 0; y < map.height(); y++) {
      int py = (y + op.window().padTop()) % stride;
      int i = (y + op.window().padTop()) / stride;
      int to = at + y * map.width() * pixel;
      boolean reached = py < grid.phases() && i < grid.height();
      long line = from + picture + 4L * i * grid.width() * channels;
      if (reached && stride == 1) {
        long inner = line + 4L * op.window().padTop() * channels;
        readRow(staging, inner, channels, map.width(), scratch, to, pixel);
        continue;
      }
      for (int x = 0; x < map.width(); x++, to += pixel) {
        int px = (x + op.window().padTop()) % stride;
        int j = (x + op.window().padTop()) / stride;
        if (reached && px < grid.phases() && j < grid.width()) {
          long plane = 4L * (py * grid.phases() + px) * grid.planeFloats(pictures);
          long source = line + plane + 4L * j * channels;
          MemorySegment.copy(staging, JAVA_FLOAT, source, scratch, to, channels);
        } else {
          Arrays.fill(scratch, to, to + channels, 0f);
        }
      }
    }
  }

  private static void readRow(
      MemorySegment staging,
      long from,
      int channels,
      int columns,
      float[] scratch,
      int to,
      int pixel) {
    if (pixel == channels) {
      MemorySegment.copy(staging, JAVA_FLOAT, from, scratch, to, columns * channels);
      return;
    }
    for (int x = 0; x < columns; x++) {
      long source = from + 4L * x * channels;
      MemorySegment.copy(staging, JAVA_FLOAT, source, scratch, to + x * pixel, channels);
    }
  }

  /** Writes zeros by a loop: a slice to fill would be an object in a step. */
  static void zero(MemorySegment target, long at, int floats) {
    for (int i = 0; i < floats; i++) {
      target.set(JAVA_FLOAT, at + 4L * i, 0f);
    }
  }
}
