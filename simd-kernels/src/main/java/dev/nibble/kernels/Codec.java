package dev.nibble.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * How values become codes of a few bits, and how codes lie in bytes.
 *
 * <p>A code is cut from the bits of a positive float: {@code v}, a value times a scale plus an
 * offset ({@link ChannelTable}), lies in one or two octaves from {@link #origin} on, and its code
 * is what its bits hold between {@link #shift} and the octaves' number. So levels lie evenly in an
 * octave, and twice as far apart in the next: fine where values are many and coarse in the tail, at
 * no cost. {@link #place} is the way back, to the middle of a code's range of v.
 *
 * <p>Codes of {@link #pixelsPerGroup} consecutive pixels (row-major) of a picture share {@link
 * #bytesPerGroup} rows of C bytes; byte c of a row belongs to channel c. Read as one number, the
 * least byte first, a group holds the code of its pixel j in the bits {@code j*K .. j*K+K-1}. With
 * three codes a group is one byte, {@code ceil(256 / 243 * n)} of the number n whose digits to the
 * base 3 are the codes, pixel 0's the most significant. The places of the last group that lie
 * behind a picture hold code 0.
 */
public final class Codec {
  /** Five digits to the base 3: {@code 3^5}. */
  private static final int DIGITS = 243;

  private final int codes;
  private final int bits;
  private final int pixelsPerGroup;
  private final int bytesPerGroup;
  private final int shift;
  private final int origin;
  private final int half;
  private final @Nullable FittedLevels levels;
  private final @Nullable FittedLevels capped;

  private Codec(int codes, int pixelsPerGroup, int bytesPerGroup, int fraction, int below) {
    this.codes = codes;
    this.bits = 32 - Integer.numberOfLeadingZeros(codes - 1);
    this.pixelsPerGroup = pixelsPerGroup;
    this.bytesPerGroup = bytesPerGroup;
    this.shift = 23 - fraction;
    // The least power of two at which the bits of a code are zero.
    this.origin = Float.floatToRawIntBits(1 << (fraction == bits ? bits : 1));
    this.half = 1 << (shift - 1);
    this.levels = below == 0 ? null : levels(codes, shift, origin, below);
    this.capped = below == 0 || codes < 3 ? null : levels(codes - 1, shift, origin, below);
  }

  private static FittedLevels levels(int codes, int shift, int origin, int below) {
    double[] starts = new double[codes + 1];
    double[] places = new double[codes];
    for (int i = 0; i <= codes; i++) {
      starts[i] = Float.intBitsToFloat(origin + (i << shift));
    }
    for (int i = 0; i < codes; i++) {
      places[i] = Float.intBitsToFloat(origin + (i << shift) + (1 << (shift - 1)));
    }
    return new FittedLevels(starts, places, below);
  }

  /** The paper's codes: 2^K of them, evenly spaced over six standard deviations. */
  static Codec uniform(int bits) {
    return new Codec(1 << bits, 8 / bits, 1, bits, 0);
  }

  /**
   * Codes whose levels are fitted to how activations are distributed, above the nonlinearity's edge
   * and below it.
   *
   * @param below how many lie below the edge
   */
  static Codec fitted(int codes, int pixelsPerGroup, int bytesPerGroup, int below) {
    int bits = 32 - Integer.numberOfLeadingZeros(codes - 1);
    // Two octaves, but for so few levels that even ones lose less.
    int fraction = bits < 3 ? bits : bits - 1;
    return new Codec(codes, pixelsPerGroup, bytesPerGroup, fraction, below);
  }

  /** How many codes there are. */
  public int codes() {
    return codes;
  }

  /** Bits that hold one code: 8, 4, 3, 2 or 1. */
  public int bits() {
    return bits;
  }

  /** Consecutive pixels whose codes share bytes. */
  public int pixelsPerGroup() {
    return pixelsPerGroup;
  }

  /** Bytes of a group for one channel. */
  public int bytesPerGroup() {
    return bytesPerGroup;
  }

  /** Bits of v below its code. */
  public int shift() {
    return shift;
  }

  /** The bits of the least v, those of code 0. */
  public int origin() {
    return origin;
  }

  /** The least v of a code; that of the number of codes is where v ends. */
  public float start(int code) {
    return Float.intBitsToFloat(origin + (code << shift));
  }

  /** The bits of {@link #place} of code 0. */
  public int placeBits() {
    return origin + half;
  }

  /** The middle of a code's range of v. */
  public float place(int code) {
    return Float.intBitsToFloat(origin + half + (code << shift));
  }

  /** Whether five codes share a byte as digits to the base 3. */
  public boolean isTernary() {
    return codes == 3;
  }

  /** The fitted levels; null for the paper's codes. */
  @Nullable FittedLevels levels() {
    return levels;
  }

  /** The fitted levels without the last code, for a nonlinearity whose high edge it lies above. */
  @Nullable FittedLevels capped() {
    return capped;
  }

  /** Width of one bin of the paper's codes in standard deviations: 6 / 2^K. */
  float step() {
    return 6f / codes;
  }

  /** Bytes that the codes of one picture take. */
  public long bytes(FeatureMap map) {
    long groups = Math.ceilDiv(map.pixels(), pixelsPerGroup);
    return groups * bytesPerGroup * map.channels();
  }

  /**
   * The code of v.
   *
   * @param low the least v above the nonlinearity's low edge; that of code 0 if it has none
   * @param high the least v above its high edge; that of the number of codes if it has none
   * @param side which side of the edges the value lies on ({@link Nonlinearity#side})
   */
  public int encode(float v, float low, float high, int side) {
    int from = Float.floatToRawIntBits(side > 0 ? high : low);
    int to = Float.floatToRawIntBits(side < 0 ? low : high);
    if (side != 0) {
      from = side < 0 ? origin : from;
      to = side > 0 ? origin + (codes << shift) : to;
    }
    // The bits of positive floats are in their order; what is not a number gets the highest code.
    int cut = v > 0 || Float.isNaN(v) ? Float.floatToIntBits(v) : 0;
    return (Math.max(Math.min(cut, to - 1), from) - origin) >> shift;
  }

  /** The number of the code that begins nearest to v, maybe outside the codes. */
  int nearest(double v) {
    if (!(v > start(0))) {
      return 0;
    }
    int bits = Float.floatToRawIntBits((float) v);
    return (int) (((long) bits - origin + half) >> shift);
  }

  /**
   * The code of a pixel's channel.
   *
   * @param base offset of the byte of pixel 0, channel 0
   */
  public int get(MemorySegment store, long base, int channels, int pixel, int channel) {
    int group = pixel / pixelsPerGroup;
    int place = pixel % pixelsPerGroup;
    long at = base + (long) group * bytesPerGroup * channels + channel;
    int word = Byte.toUnsignedInt(store.get(JAVA_BYTE, at));
    for (int i = 1; i < bytesPerGroup; i++) {
      word |= Byte.toUnsignedInt(store.get(JAVA_BYTE, at + (long) i * channels)) << (8 * i);
    }
    if (!isTernary()) {
      return (word >> (place * bits)) & ((1 << bits) - 1);
    }
    for (int i = 0; i < place; i++) {
      word = (word * 3) & 255;
    }
    return (word * 3) >> 8;
  }

  /** What a group becomes by the code of its pixel {@code place}, in the order of the pixels. */
  public int add(int group, int code, int place) {
    return isTernary() ? group * 3 + code : group | (code << (place * bits));
  }

  /**
   * Writes a group.
   *
   * @param group what {@link #add} made of 0
   * @param pixels how many codes were added
   * @param at offset of the group's first byte for the channel
   */
  public void put(MemorySegment store, long at, int channels, int group, int pixels) {
    int word = group;
    if (isTernary()) {
      for (int i = pixels; i < pixelsPerGroup; i++) {
        word *= 3;
      }
      word = (256 * word + DIGITS - 1) / DIGITS;
    }
    for (int i = 0; i < bytesPerGroup; i++) {
      store.set(JAVA_BYTE, at + (long) i * channels, (byte) (word >> (8 * i)));
    }
  }
}
