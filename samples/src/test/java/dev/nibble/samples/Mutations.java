package dev.nibble.samples;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Makes damaged inputs out of sound ones: what bad disks, cut transfers and malice make of them.
 */
public final class Mutations {
  private static final int MOST_CHANGES = 6;
  private static final int MOST_BYTES = 1 << 20;

  private static final long[] NUMBERS = {
    0,
    1,
    -1,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0x8000,
    0xFFFF,
    Integer.MAX_VALUE,
    Integer.MIN_VALUE,
    0xFFFFFFFFL,
    1L << 32,
    1L << 40,
    Long.MAX_VALUE,
    Long.MIN_VALUE
  };

  /** What matters to readers of text. */
  private static final String[] WORDS = {
    "{",
    "}",
    "[",
    "]",
    "\"",
    ",",
    ":",
    "null",
    "true",
    "-",
    "-0",
    "0",
    "1e999",
    "-1e-999",
    "NaN",
    "9223372036854775808",
    "18446744073709551616",
    "0.1",
    "\\u0000",
    "\\ud800",
    "\\",
    "\u0000",
    "\u00e9",
    "\n",
    "\r\n\r\n",
    " ",
    "%",
    "%00",
    "../",
    "?",
    "&",
    "=",
    "[[[[[[[[[[[[[[[[",
    "{\"a\":"
  };

  private final List<byte[]> corpus;

  /** Takes the sound inputs, at least one. */
  public Mutations(List<byte[]> corpus) {
    this.corpus = List.copyOf(corpus);
  }

  /** Returns one of the inputs with some changes, at times with none. */
  public byte[] next(SplittableRandom random) {
    byte[] bytes = corpus.get(random.nextInt(corpus.size()));
    int changes = random.nextInt(MOST_CHANGES + 1);
    for (int i = 0; i < changes; i++) {
      bytes = change(bytes, random);
    }
    return bytes.length <= MOST_BYTES ? bytes : Arrays.copyOf(bytes, MOST_BYTES);
  }

  private byte[] change(byte[] bytes, SplittableRandom random) {
    if (bytes.length == 0) {
      return word(random);
    }
    int at = place(bytes.length, random);
    return switch (random.nextInt(9)) {
      case 0 -> flipped(bytes, at, random);
      case 1 -> replaced(bytes, at, at + 1, new byte[] {(byte) random.nextInt(256)});
      case 2 -> number(bytes, at, random);
      case 3 -> replaced(bytes, at, at, word(random));
      case 4 ->
          replaced(bytes, at, Math.min(bytes.length, at + 1 + random.nextInt(8)), word(random));
      case 5 -> Arrays.copyOf(bytes, at);
      case 6 -> replaced(bytes, at, end(bytes, at, random), new byte[0]);
      case 7 -> replaced(bytes, at, at, Arrays.copyOfRange(bytes, at, end(bytes, at, random)));
      default -> spliced(bytes, at, random);
    };
  }

  /** Half of all changes are near the start, where headers are. */
  private static int place(int length, SplittableRandom random) {
    return random.nextInt(random.nextBoolean() ? length : Math.min(length, 64));
  }

  private static int end(byte[] bytes, int at, SplittableRandom random) {
    int most = bytes.length - at;
    return at + 1 + random.nextInt(random.nextBoolean() ? most : Math.min(most, 16));
  }

  private static byte[] word(SplittableRandom random) {
    return WORDS[random.nextInt(WORDS.length)].getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] flipped(byte[] bytes, int at, SplittableRandom random) {
    byte[] copy = bytes.clone();
    copy[at] ^= (byte) (1 << random.nextInt(8));
    return copy;
  }

  private static byte[] number(byte[] bytes, int at, SplittableRandom random) {
    byte[] copy = bytes.clone();
    ByteOrder order = random.nextBoolean() ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN;
    int size = 1 << random.nextInt(1, 4);
    if (size <= bytes.length) {
      int from = Math.min(at, bytes.length - size);
      long value = NUMBERS[random.nextInt(NUMBERS.length)] + random.nextInt(-1, 2);
      ByteBuffer buffer = ByteBuffer.wrap(copy).order(order);
      switch (size) {
        case 2 -> buffer.putShort(from, (short) value);
        case 4 -> buffer.putInt(from, (int) value);
        default -> buffer.putLong(from, value);
      }
    }
    return copy;
  }

  private byte[] spliced(byte[] bytes, int at, SplittableRandom random) {
    byte[] other = corpus.get(random.nextInt(corpus.size()));
    int from = other.length == 0 ? 0 : random.nextInt(other.length);
    return replaced(bytes, at, bytes.length, Arrays.copyOfRange(other, from, other.length));
  }

  private static byte[] replaced(byte[] bytes, int from, int to, byte[] with) {
    byte[] joined = new byte[from + with.length + bytes.length - to];
    System.arraycopy(bytes, 0, joined, 0, from);
    System.arraycopy(with, 0, joined, from, with.length);
    System.arraycopy(bytes, to, joined, from + with.length, bytes.length - to);
    return joined;
  }
}
