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
 *
 * <p>A shared codec ({@link #isShared}) stores a bit for each pixel, whether its code is 0, and for
 * {@link #SHARING} consecutive pixels one of four levels: the mean of their codes that are not 0.
 * Its groups have {@link #SHARING} pixels' bits in a byte, four such bytes, and a byte with their
 * levels, two bits each, the first's the least.
 */
public final class Codec {
  /** Five digits to the base 3: {@code 3^5}. */
  private static final int DIGITS = 243;

  /** Pixels that share a level, their bits a byte. */
  public static final int SHARING = 8;

  /** Bits of a shared level. */
  private static final int LEVEL_BITS = 2;

  /**
   * Where the least shared level lies, in codes from the first that is not 0 on, and how far it is
   * to the next: where weights' gradients of a ResNet-20 erred least.
   */
  private static final int LEAST_LEVEL = 1;

  private static final int LEVEL_STEP = 2;

  private final int codes;
  private final int bits;
  private final int pixelsPerGroup;
  private final int bytesPerGroup;
  private final int shift;
  private final int origin;
  private final int half;
  private final boolean shared;
  private final @Nullable FittedLevels levels;
  private final @Nullable FittedLevels capped;

  private Codec(
      int codes, int pixelsPerGroup, int bytesPerGroup, int fraction, int below, boolean shared) {
    this.codes = codes;
    this.bits = 32 - Integer.numberOfLeadingZeros(codes - 1);
    this.pixelsPerGroup = pixelsPerGroup;
    this.bytesPerGroup = bytesPerGroup;
    this.shift = 23 - fraction;
    // The least power of two at which the bits of a code are zero.
    this.origin = Float.floatToRawIntBits(1 << (fraction == bits ? bits : 1));
    this.half = 1 << (shift - 1);
    this.shared = shared;
    this.levels = below == 0 ? null : levels(codes, below);
    this.capped = below == 0 || shared ? null : levels(codes - 1, below);
  }

  private FittedLevels levels(int codes, int below) {
    double[] starts = new double[codes + 1];
    double[] places = new double[codes];
    for (int i = 0; i <= codes; i++) {
      starts[i] = Float.intBitsToFloat(origin + (i << shift));
    }
    for (int i = 0; i < codes; i++) {
      places[i] = Float.intBitsToFloat(origin + (i << shift) + (1 << (shift - 1)));
    }
    return new FittedLevels(starts, places, below, shared);
  }

  /** The paper's codes: 2^K of them, evenly spaced over six standard deviations. */
  static Codec uniform(int bits) {
    return new Codec(1 << bits, 8 / bits, 1, bits, 0, false);
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
    return new Codec(codes, pixelsPerGroup, bytesPerGroup, fraction, below, false);
  }

  /**
   * A bit for each value and a level for eight: fitted codes, evenly spaced, of which the one below
   * the edge keeps its own and the others become their mean.
   */
  static Codec shared() {
    int bits = 4;
    int bytes = 8 / LEVEL_BITS;
    return new Codec(1 << bits, bytes * SHARING, bytes + 1, bits, 1, true);
  }

  /** How many codes there are. */
  public int codes() {
    return codes;
  }

  /** Bits that hold one code before it is stored: 8, 4, 3 or 2. */
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

  /** Whether pixels share levels. */
  public boolean isShared() {
    return shared;
  }

  /** The bits of the {@link #place} of the least shared level. */
  public int levelBits() {
    return origin + ((1 + LEAST_LEVEL) << shift);
  }

  /** How far the bits of a shared level's place lie from those of the one before. */
  public int levelStep() {
    return LEVEL_STEP << shift;
  }

  /**
   * Twice the mean code that the least shared level ends at; the next ones end {@link #boundStep}
   * later each.
   */
  public int firstBound() {
    return 2 * LEAST_LEVEL + LEVEL_STEP + 1;
  }

  /** How far the bounds of shared levels lie apart, in half codes. */
  public int boundStep() {
    return 2 * LEVEL_STEP;
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
   * What a pixel's channel is restored to: the {@link #place} of its code or of the level that it
   * shares.
   *
   * @param base offset of the byte of pixel 0, channel 0
   */
  public float place(MemorySegment store, long base, int channels, int pixel, int channel) {
    int group = pixel / pixelsPerGroup;
    int place = pixel % pixelsPerGroup;
    long at = base + (long) group * bytesPerGroup * channels + channel;
    if (shared) {
      int octet = place / SHARING;
      int bits = unsigned(store, at + (long) octet * channels);
      int levels = unsigned(store, at + (long) (bytesPerGroup - 1) * channels);
      int level = (levels >> (LEVEL_BITS * octet)) & ((1 << LEVEL_BITS) - 1);
      boolean isUpper = ((bits >> (place % SHARING)) & 1) != 0;
      return isUpper ? Float.intBitsToFloat(levelBits() + level * levelStep()) : place(0);
    }
    int word = unsigned(store, at);
    for (int i = 1; i < bytesPerGroup; i++) {
      word |= unsigned(store, at + (long) i * channels) << (8 * i);
    }
    if (!isTernary()) {
      return place((word >> (place * bits)) & ((1 << bits) - 1));
    }
    for (int i = 0; i < place; i++) {
      word = (word * 3) & 255;
    }
    return place((word * 3) >> 8);
  }

  private static int unsigned(MemorySegment store, long at) {
    return Byte.toUnsignedInt(store.get(JAVA_BYTE, at));
  }

  /** Consecutive pixels whose codes {@link #add} takes together: a group's, or those of a level. */
  public int pixelsPerWord() {
    return shared ? SHARING : pixelsPerGroup;
  }

  /** What the codes of a word become by that of its pixel {@code place}, in the pixels' order. */
  public int add(int word, int code, int place) {
    if (shared) {
      return code == 0 ? word : (word | (1 << place)) + (code << SHARING);
    }
    return isTernary() ? word * 3 + code : word | (code << (place * bits));
  }

  /**
   * Writes a word. Those of a group are written in order.
   *
   * @param word what {@link #add} made of 0
   * @param base offset of the byte of pixel 0, channel 0
   * @param pixel the word's first pixel
   * @param pixels how many codes were added
   */
  public void put(
      MemorySegment store, long base, int channels, int pixel, int channel, int word, int pixels) {
    int group = pixel / pixelsPerGroup;
    long at = base + (long) group * bytesPerGroup * channels + channel;
    if (shared) {
      int octet = pixel % pixelsPerGroup / SHARING;
      long last = at + (long) (bytesPerGroup - 1) * channels;
      int levels = octet == 0 ? 0 : unsigned(store, last);
      for (int i = octet; i < bytesPerGroup - 1; i++) {
        store.set(JAVA_BYTE, at + (long) i * channels, (byte) (i == octet ? word : 0));
      }
      store.set(JAVA_BYTE, last, (byte) (levels | (level(word) << (LEVEL_BITS * octet))));
      return;
    }
    int bytes = word;
    if (isTernary()) {
      for (int i = pixels; i < pixelsPerGroup; i++) {
        bytes *= 3;
      }
      bytes = (256 * bytes + DIGITS - 1) / DIGITS;
    }
    for (int i = 0; i < bytesPerGroup; i++) {
      store.set(JAVA_BYTE, at + (long) i * channels, (byte) (bytes >> (8 * i)));
    }
  }

  /** The level that a word's codes share: how many bounds their mean lies above. */
  private int level(int word) {
    int sum = word >> SHARING;
    int count = Integer.bitCount(word & ((1 << SHARING) - 1));
    int level = 0;
    for (int i = 0; i < (1 << LEVEL_BITS) - 1; i++) {
      level += 2 * sum > count * (firstBound() + i * boundStep()) ? 1 : 0;
    }
    return level;
  }
}
