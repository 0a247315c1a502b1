package dev.nibble.engine.data.sources;

/**
 * Outlines of the ten shapes, as signed distances: negative inside, positive outside, in units of
 * the shape's radius, near the edge exact enough to blend edge pixels.
 *
 * <p>Only additions, products, comparisons and square roots: the same bits on every machine.
 */
enum ShapeOutline {
  CIRCLE,
  RING,
  TRIANGLE,
  SQUARE,
  STAR,
  CROSS,
  CRESCENT,
  HEART,
  BAR,
  HOURGLASS;

  private static final float HALF_SQRT3 = (float) 0.8660254037844386;
  private static final float HALF_SQRT2 = (float) 0.7071067811865476;
  private static final float SIN36 = (float) 0.5877852522924731;
  private static final float COS36 = (float) 0.8090169943749475;
  private static final float SIN72 = (float) 0.9510565162951535;
  private static final float COS72 = (float) 0.30901699437494745;
  private static final float STAR_INNER = 0.42f;
  private static final float STAR_NORMAL_X = starNormal(true);
  private static final float STAR_NORMAL_Y = starNormal(false);

  /** Signed distance of the point (x, y), the shape's centre being the origin. */
  float distance(float x, float y) {
    return switch (this) {
      case CIRCLE -> length(x, y) - 0.85f;
      case RING -> Math.abs(length(x, y) - 0.7f) - 0.2f;
      case TRIANGLE ->
          Math.max(-y, Math.max(HALF_SQRT3 * x + 0.5f * y, -HALF_SQRT3 * x + 0.5f * y)) - 0.5f;
      case SQUARE -> box(x, y, 0.7f, 0.7f);
      case STAR -> star(x, y);
      case CROSS -> Math.min(box(x, y, 0.9f, 0.27f), box(x, y, 0.27f, 0.9f));
      case CRESCENT -> Math.max(length(x, y) - 0.9f, 0.72f - length(x - 0.5f, y));
      case HEART -> heart(x, y);
      case BAR -> box(x, y, 0.95f, 0.27f);
      case HOURGLASS ->
          Math.max(Math.abs(y) - 0.85f, 0.8f * (Math.abs(x) - 0.75f * Math.abs(y) - 0.05f));
    };
  }

  private static float length(float x, float y) {
    return (float) Math.sqrt(x * x + y * y);
  }

  private static float box(float x, float y, float halfWidth, float halfHeight) {
    return Math.max(Math.abs(x) - halfWidth, Math.abs(y) - halfHeight);
  }

  /** A square standing on its corner and half a disc on each of its upper sides. */
  private static float heart(float x, float y) {
    float a = 0.5f;
    float u = HALF_SQRT2 * (x + y);
    float v = HALF_SQRT2 * (y - x);
    return Math.min(box(u, v, a, a), Math.min(length(u - a, v), length(u, v - a)) - a);
  }

  /**
   * Five mirror lines fold the plane into one sector of 36 degrees, where the outline is one line
   * from the outer corner (0, 1) to an inner corner.
   */
  private static float star(float x, float y) {
    float px = Math.abs(x);
    float over = Math.max(0, px * COS72 - y * SIN72);
    px -= 2 * over * COS72;
    float py = y + 2 * over * SIN72;
    px = Math.abs(px);
    over = Math.max(0, px * COS36 - py * SIN36);
    px -= 2 * over * COS36;
    py += 2 * over * SIN36;
    return px * STAR_NORMAL_X + (py - 1) * STAR_NORMAL_Y;
  }

  private static float starNormal(boolean horizontal) {
    float dx = STAR_INNER * SIN36;
    float dy = STAR_INNER * COS36 - 1;
    float length = length(dx, dy);
    return horizontal ? -dy / length : dx / length;
  }
}
