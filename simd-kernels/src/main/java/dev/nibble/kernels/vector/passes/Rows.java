package dev.nibble.kernels.vector.passes;

import dev.nibble.kernels.Activation;
import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.GradientTerm;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.kernels.vector.activation.ActivationLoader;
import dev.nibble.kernels.vector.activation.ActivationRestorer;
import java.util.List;

/**
 * Whole rows of a picture from memory into a tile, whose rows may lie apart. Where rows begin
 * inside a byte of codes, they are made as one long row first.
 *
 * <p>In every method, {@code to} is the index in scratch of channel 0 of the first row's first
 * pixel, {@code row} the floats from row to row there, and {@code longRow} the index of room for
 * the rows' pixels and {@link Bands#PIXELS} more.
 */
public final class Rows {
  private Rows() {}

  /**
   * Floats of the long row for so many rows of pixels, if any format's bytes of codes may need it.
   */
  static long longRow(int rows, int width, int stride) {
    return longRow(rows, width, stride, Bands.PIXELS);
  }

  /** Floats of the long row; 0 where rows begin with bytes of {@code group} pixels. */
  static long longRow(int rows, int width, int stride, int group) {
    return width % group == 0 ? 0 : ((long) rows * width + Bands.PIXELS) * stride;
  }

  /**
   * The activation of rows {@code [first, end)}, channels {@code [fromChannel, toChannel)}.
   *
   * @param store whether to write its copy; the first row begins a byte of codes then
   */
  public static void load(
      ForwardArgs args,
      int picture,
      int first,
      int end,
      int fromChannel,
      int toChannel,
      boolean store,
      float[] scratch,
      int to,
      int row,
      int longRow) {
    FeatureMap map = args.stage().input();
    Activation activation = args.stage().activation();
    StoreFormat format = store ? activation.store() : StoreFormat.NONE;
    int width = map.width();
    int pixel = map.channels();
    if (row == width * pixel) {
      load(args, format, picture, first * width, end * width, fromChannel, toChannel, scratch, to);
    } else if (width % format.pixelsPerGroup() == 0) {
      for (int y = first; y < end; y++) {
        int at = to + (y - first) * row;
        load(
            args, format, picture, y * width, (y + 1) * width, fromChannel, toChannel, scratch, at);
      }
    } else {
      load(
          args,
          format,
          picture,
          first * width,
          end * width,
          fromChannel,
          toChannel,
          scratch,
          longRow);
      spread(end - first, width * pixel, scratch, longRow, to, row);
    }
  }

  /** The activation of pixels {@code [first, end)}, of all channels, in one row. */
  public static void load(
      ForwardArgs args, int picture, int first, int end, boolean store, float[] scratch, int to) {
    StoreFormat format = store ? args.stage().activation().store() : StoreFormat.NONE;
    load(args, format, picture, first, end, 0, args.stage().input().channels(), scratch, to);
  }

  private static void load(
      ForwardArgs args,
      StoreFormat format,
      int picture,
      int first,
      int end,
      int fromChannel,
      int toChannel,
      float[] scratch,
      int to) {
    Activation activation = args.stage().activation();
    FeatureMap map = args.stage().input();
    ActivationLoader.load(
        activation,
        format,
        map,
        picture,
        first,
        end,
        fromChannel,
        toChannel,
        args.x(),
        args.store(),
        scratch,
        0,
        to);
    if (activation.naive()) {
      ActivationRestorer.restore(
          activation,
          map,
          picture,
          first,
          end,
          fromChannel,
          toChannel,
          null,
          args.store(),
          scratch,
          0,
          to,
          map.channels());
    }
  }

  /** The restored activation of rows {@code [first, end)}, {@code stride} floats a pixel. */
  static void restore(
      BackwardArgs args,
      int picture,
      int first,
      int end,
      int fromChannel,
      int toChannel,
      float[] scratch,
      int to,
      int stride,
      int row,
      int longRow) {
    FeatureMap map = args.stage().input();
    int width = map.width();
    int group = args.stage().activation().store().pixelsPerGroup();
    if (Bands.PIXELS % group != 0) {
      group = 1; // ternary codes are read from anywhere
    }
    int from = first * width;
    if (row == width * stride && from % group == 0) {
      restore(args, picture, from, end * width, fromChannel, toChannel, scratch, to, stride);
    } else if (width % group == 0) {
      for (int y = first; y < end; y++) {
        int at = to + (y - first) * row;
        restore(
            args, picture, y * width, (y + 1) * width, fromChannel, toChannel, scratch, at, stride);
      }
    } else {
      int start = from / group * group;
      int base = stride == map.channels() ? 0 : fromChannel;
      int at = longRow - base;
      restore(args, picture, start, end * width, fromChannel, toChannel, scratch, at, stride);
      int rows = longRow + (from - start) * stride;
      spread(end - first, width * stride, scratch, rows, to + base, row);
    }
  }

  private static void restore(
      BackwardArgs args,
      int picture,
      int first,
      int end,
      int fromChannel,
      int toChannel,
      float[] scratch,
      int to,
      int stride) {
    ActivationRestorer.restore(
        args.stage().activation(),
        args.stage().input(),
        picture,
        first,
        end,
        fromChannel,
        toChannel,
        args.x(),
        args.store(),
        scratch,
        0,
        to,
        stride);
  }

  /** The sum of terms over rows {@code [first, end)}, {@code stride} floats a pixel. */
  static void gradient(
      List<GradientTerm> terms,
      FeatureMap map,
      int picture,
      int first,
      int end,
      int fromChannel,
      int toChannel,
      float[] scratch,
      int table,
      int to,
      int stride,
      int row,
      int longRow) {
    int width = map.width();
    int group = GradientLoader.pixelsPerGroup(terms);
    int from = first * width;
    if (row == width * stride && from % group == 0) {
      GradientLoader.load(
          terms,
          map,
          picture,
          from,
          end * width,
          fromChannel,
          toChannel,
          scratch,
          table,
          to,
          stride);
    } else if (width % group == 0) {
      for (int y = first; y < end; y++) {
        int at = to + (y - first) * row;
        GradientLoader.load(
            terms,
            map,
            picture,
            y * width,
            (y + 1) * width,
            fromChannel,
            toChannel,
            scratch,
            table,
            at,
            stride);
      }
    } else {
      int start = from / group * group;
      int base = stride == map.channels() ? 0 : fromChannel;
      int at = longRow - base;
      GradientLoader.load(
          terms,
          map,
          picture,
          start,
          end * width,
          fromChannel,
          toChannel,
          scratch,
          table,
          at,
          stride);
      int rows = longRow + (from - start) * stride;
      spread(end - first, width * stride, scratch, rows, to + base, row);
    }
  }

  /** Cuts a long row into a tile's rows. */
  private static void spread(int rows, int length, float[] scratch, int from, int to, int row) {
    for (int y = 0; y < rows; y++) {
      System.arraycopy(scratch, from + y * length, scratch, to + y * row, length);
    }
  }
}
