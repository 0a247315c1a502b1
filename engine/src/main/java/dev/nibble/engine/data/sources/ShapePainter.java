package dev.nibble.engine.data.sources;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.nibble.engine.data.random.SplitMix64;
import java.lang.foreign.MemorySegment;

/**
 * Draws one 32x32 picture of a textured shape on a textured ground; holds the state of the picture
 * being drawn, so one thread uses it at a time.
 *
 * <p>Everything about a picture is a function of its key: colours, place, size, turn (up to 45
 * degrees either way), textures, noise.
 */
final class ShapePainter {
  static final int SIDE = 32;
  static final int CHANNELS = 3;

  private static final float MIN_RADIUS = 10;
  private static final float MAX_RADIUS = 14;

  /** Least squared distance of the two mean colours, of at most 3. */
  private static final float MIN_CONTRAST = 0.35f;

  private static final float NOISE = 0.1f;
  private static final int COLOUR_TRIES = 16;

  private final Texture ground = new Texture();
  private final Texture body = new Texture();
  private long key;
  private long counter;

  /** Draws the picture of {@code key} as 32 x 32 x 3 bytes to {@code target} at {@code offset}. */
  void paint(ShapeOutline outline, long pictureKey, MemorySegment target, long offset) {
    key = pictureKey;
    counter = 0;
    float radius = MIN_RADIUS + (MAX_RADIUS - MIN_RADIUS) * next();
    float free = SIDE - 1.8f * radius;
    float centreX = 0.9f * radius + free * next();
    float centreY = 0.9f * radius + free * next();
    double angle = 0.5 * Math.PI * (next() - 0.5f);
    // StrictMath: sine and cosine may differ in the last bit between machines otherwise.
    float sin = (float) StrictMath.sin(angle);
    float cos = (float) StrictMath.cos(angle);
    drawTexture(ground);
    int tries = 0;
    do {
      drawTexture(body);
    } while (ground.contrast(body) < MIN_CONTRAST && ++tries < COLOUR_TRIES);
    long noiseKey = SplitMix64.key(key, -1);
    for (int y = 0; y < SIDE; y++) {
      for (int x = 0; x < SIDE; x++) {
        float dx = (x + 0.5f - centreX) / radius;
        float dy = (y + 0.5f - centreY) / radius;
        // Rows run down, the outlines' second axis up.
        float distance = outline.distance(cos * dx + sin * dy, sin * dx - cos * dy);
        float cover = Math.max(0, Math.min(1, 0.5f - distance * radius));
        float g = cover < 1 ? ground.at(x, y) : 0;
        float b = cover > 0 ? body.at(x, y) : 0;
        long noise = SplitMix64.at(noiseKey, y * SIDE + x);
        long at = offset + (long) CHANNELS * (y * SIDE + x);
        float red = cover * body.red(b) + (1 - cover) * ground.red(g);
        float green = cover * body.green(b) + (1 - cover) * ground.green(g);
        float blue = cover * body.blue(b) + (1 - cover) * ground.blue(g);
        target.set(JAVA_BYTE, at, level(red, (int) noise & 0xFFFF));
        target.set(JAVA_BYTE, at + 1, level(green, (int) (noise >>> 16) & 0xFFFF));
        target.set(JAVA_BYTE, at + 2, level(blue, (int) (noise >>> 32) & 0xFFFF));
      }
    }
  }

  private void drawTexture(Texture texture) {
    texture.set(
        (int) (Texture.KINDS * next()), next(), next(), next(), next(), next(), next(), next());
    texture.noiseKey = SplitMix64.key(key, counter++);
  }

  private float next() {
    return SplitMix64.unit(SplitMix64.at(key, counter++));
  }

  private static byte level(float value, int noise) {
    float noisy = value + NOISE * (noise * 0x1p-16f - 0.5f);
    return (byte) (int) Math.max(0, Math.min(255, noisy * 255 + 0.5f));
  }

  /** Two colours and a pattern that mixes them. */
  private static final class Texture {
    static final int KINDS = 4;
    private static final int GRADIENT = 0;
    private static final int STRIPES = 1;
    private static final int CHECKS = 2;

    private int kind;
    private float red;
    private float green;
    private float blue;
    private float redStep;
    private float greenStep;
    private float blueStep;
    private float waveX;
    private float waveY;
    private float phase;
    private int cell;
    long noiseKey;

    /** Arguments after the kind are random in [0, 1). */
    void set(
        int newKind,
        float r,
        float g,
        float b,
        float swing,
        float turn,
        float length,
        float start) {
      kind = newKind;
      red = r;
      green = g;
      blue = b;
      float amplitude = 0.08f + 0.17f * swing;
      // Away from the nearer end of the range, so that the second colour stays inside it.
      redStep = r < 0.5f ? amplitude : -amplitude;
      greenStep = g < 0.5f ? amplitude : -amplitude;
      blueStep = b < 0.5f ? amplitude : -amplitude;
      double angle = 2 * Math.PI * turn;
      float frequency = kind == GRADIENT ? 1f / 64 : 1 / (3 + 4 * length);
      waveX = frequency * (float) StrictMath.cos(angle);
      waveY = frequency * (float) StrictMath.sin(angle);
      phase = start;
      cell = 1 + (int) (3 * length);
    }

    /** Squared distance of the mean colours of two textures. */
    float contrast(Texture other) {
      float dr = red + 0.5f * redStep - other.red - 0.5f * other.redStep;
      float dg = green + 0.5f * greenStep - other.green - 0.5f * other.greenStep;
      float db = blue + 0.5f * blueStep - other.blue - 0.5f * other.blueStep;
      return dr * dr + dg * dg + db * db;
    }

    /** How much of the second colour the pixel has, 0 to 1. */
    float at(int x, int y) {
      float along = waveX * x + waveY * y + phase;
      return switch (kind) {
        case GRADIENT, STRIPES -> triangle(along);
        case CHECKS -> {
          float across = waveX * y - waveY * x + phase;
          yield (fraction(along) < 0.5f) == (fraction(across) < 0.5f) ? 1 : 0;
        }
        default -> SplitMix64.unit(SplitMix64.at(noiseKey, (y / cell) * SIDE + x / cell));
      };
    }

    float red(float mix) {
      return red + mix * redStep;
    }

    float green(float mix) {
      return green + mix * greenStep;
    }

    float blue(float mix) {
      return blue + mix * blueStep;
    }

    private static float fraction(float value) {
      int whole = (int) value;
      return value < whole ? value - whole + 1 : value - whole;
    }

    private static float triangle(float value) {
      return Math.abs(2 * fraction(value) - 1);
    }
  }
}
