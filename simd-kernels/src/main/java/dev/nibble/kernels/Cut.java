package dev.nibble.kernels;

/**
 * How a stage's pass over a batch is cut into leaves, each of which one thread runs and which
 * leaves partial sums of its own: into groups of pictures, and each group's work into parts (rows,
 * pixels or channels, as the stage's shape allows).
 *
 * <p>A cut depends on shapes only, never on the number of threads, and the leaves' sums are merged
 * along one fixed binary tree: first the parts of a group, then the groups. So results are the same
 * to the last bit for any number of threads.
 *
 * @param groups groups of pictures, at least 1
 * @param parts parts of a group's work, at least 1
 */
public record Cut(int groups, int parts) {
  /** Leaves that a stage's pass should have, so that as many threads have work. */
  public static final int LEAVES = 32;

  /** What the partial gradients of a stage's weights may take in all. */
  private static final long PARTIAL_BYTES = 16L << 20;

  /** What a picture may take in scratch, all its tiles together, to be run whole in both passes. */
  private static final long WHOLE_BYTES = 1 << 20;

  /** Channels that a part has at least. */
  private static final int PART_CHANNELS = 16;

  /** Portions of a stage's work, one after the other, where {@link #isGathered}. */
  public static final int PORTIONS = 4;

  /** Channels of the widest panel of weights, which a part does not cut. */
  private static final int PANEL_CHANNELS = 64;

  /** What a core's own cache holds of a convolution's weights. */
  private static final long CACHED_BYTES = 1 << 20;

  /** Pixels of a picture that is small beside such weights. */
  private static final int SMALL_PIXELS = 64;

  /** Pixels that weights beyond the cache are read for at a time, where a picture has fewer. */
  private static final int GROUP_PIXELS = 196;

  private static final Window WINDOW = Window.square(3, 1);

  /** What the gradient of a 1 x 1 convolution's weights may take of a core's own cache. */
  private static final long SUM_BYTES = 320 << 10;

  /** Pixels that a part has at least. */
  private static final int PART_PIXELS = 8;

  /** Checks the numbers. */
  public Cut {
    if (groups < 1 || parts < 1) {
      throw new IllegalArgumentException("A cut has at least one group and one part");
    }
  }

  /** One leaf. */
  public static Cut whole() {
    return new Cut(1, 1);
  }

  /** Leaves, and regions of partial sums. */
  public int leaves() {
    return groups * parts;
  }

  /** The group of a leaf. */
  public int group(int leaf) {
    return leaf / parts;
  }

  /** The part of a leaf. */
  public int part(int leaf) {
    return leaf % parts;
  }

  /** The first picture of a leaf's group, where {@code count} pictures are run. */
  public int from(int leaf, int count) {
    return (int) ((long) count * group(leaf) / groups);
  }

  /** The end of a leaf's pictures. */
  public int to(int leaf, int count) {
    return (int) ((long) count * (group(leaf) + 1) / groups);
  }

  /** The forward pass. */
  public static Cut forward(Stage stage, int batch) {
    return forward(stage, batch, 1);
  }

  /** The forward pass, whose groups can be shared out to so many workers ({@link #shards}). */
  public static Cut forward(Stage stage, int batch, int shards) {
    return of(stage, batch, shards, stage.output());
  }

  /** The backward pass that makes the input's gradient, and with {@link #isFused} all of it. */
  public static Cut backward(Stage stage, int batch) {
    return backward(stage, batch, 1);
  }

  /** The backward pass, whose groups can be shared out to so many workers ({@link #shards}). */
  public static Cut backward(Stage stage, int batch, int shards) {
    Cut cut = of(stage, batch, shards, stage.input());
    return stage.operator() instanceof GroupNorm ? new Cut(cut.groups(), 1) : cut;
  }

  /**
   * What the groups of every pass are a multiple of, where so many shards are asked for: a power of
   * two, no less than asked unless there are fewer pictures, or leaves.
   */
  public static int shards(int batch, int asked) {
    int most = Integer.highestOneBit(Math.min(batch, LEAVES));
    int power = Integer.highestOneBit(Math.max(1, asked));
    return Math.min(most, power < asked ? 2 * power : power);
  }

  private static Cut of(Stage stage, int batch, int asked, FeatureMap cut) {
    int shards = shards(batch, asked);
    int groups = Math.min(batch, LEAVES) / shards * shards;
    if (stage.output().pixels() == 1 && stage.input().pixels() == 1) {
      // A dense layer's weights are read once a group: few groups of many pictures.
      groups = Math.clamp(Integer.highestOneBit(batch / 16), shards, LEAVES);
    }
    if (isGathered(stage)) {
      return gathered(batch, shards, cut);
    }
    int parts = (LEAVES + groups - 1) / groups;
    int pixels = Math.max(1, cut.pixels() / PART_PIXELS);
    int channels = Math.max(1, cut.channels() / PART_CHANNELS);
    return new Cut(groups, Math.min(parts, Math.max(pixels, channels)));
  }

  /** Several pictures a group, parts of whole portions, and no more leaves than must be. */
  private static Cut gathered(int batch, int shards, FeatureMap cut) {
    int panels = cut.channels() / PANEL_CHANNELS;
    int most = Math.min(batch, LEAVES / PORTIONS);
    int least = Math.min(most, Math.ceilDiv(LEAVES, panels));
    int wanted = Math.clamp(batch * (long) cut.pixels() / GROUP_PIXELS, least, most);
    int groups = Math.max(1, wanted / shards) * shards;
    int portion = Math.clamp(LEAVES / groups / PORTIONS, 1, panels / PORTIONS); // its parts
    return new Cut(groups, PORTIONS * portion);
  }

  /**
   * Whether several pictures of a training's group may be multiplied together, for the weights do
   * not stay in a core's cache from one small picture to the next. The parts of such a stage are a
   * multiple of {@link #PORTIONS}, so that no more than a portion of its weights need be packed at
   * a time ({@link Kernels#portions}).
   */
  public static boolean isGathered(Stage stage) {
    // Asked in every leaf: it makes no object.
    return stage.activation().store() != StoreFormat.NONE
        && !stage.activation().naive()
        && stage.operator() instanceof Operator.Convolution c
        && c.groups() == 1
        && c.window().equals(WINDOW)
        && c.outputHeight() * (long) c.outputWidth() <= SMALL_PIXELS
        && Math.min(c.input().channels(), c.outChannels()) >= PORTIONS * PANEL_CHANNELS
        && 4L * c.weights() > CACHED_BYTES;
  }

  /**
   * Whether both products of the backward pass are made in one leaf, so that the output's gradient
   * is read once: picture by picture where a picture is small and there are pictures for every
   * leaf, always for a {@link GroupNorm}, whose gradients are sums over the same values, and pixel
   * by pixel for a 1 x 1 convolution of few weights beside its output. Else the weights' gradient
   * has a pass of its own.
   */
  public static boolean isFused(Stage stage, int batch) {
    return isFused(stage, batch, 1);
  }

  /** As {@link #isFused(Stage, int)}, with groups that so many workers can share. */
  public static boolean isFused(Stage stage, int batch, int shards) {
    return mayFuse(stage, backward(stage, batch, shards).parts());
  }

  /** Whether a stage whose backward pass has so many parts is {@link #isFused}. */
  public static boolean mayFuse(Stage stage, int parts) {
    return isWhole(stage) ? parts == 1 : isByPixel(stage, parts);
  }

  /**
   * Whether a 1 x 1 convolution's weights stay in a core's cache beside a run of its pixels, and
   * what its parts leave of their gradients is less than the output's gradient, which they read
   * once instead of twice.
   */
  private static boolean isByPixel(Stage stage, int parts) {
    return stage.operator() instanceof Operator.Convolution c
        && c.groups() == 1
        && c.window().isPointwise()
        && 4L * c.weights() <= SUM_BYTES
        && c.input().pixels() / PART_PIXELS >= parts
        && 2L * parts * c.weights() <= stage.output().values();
  }

  /** Whether a picture is so small that a leaf runs it whole in both passes. */
  public static boolean isWhole(Stage stage) {
    if (stage.operator() instanceof GroupNorm) {
      return true;
    }
    long weights = 4L * stage.operator().weights(); // Winograd's sums are four times as many
    long floats = 2L * stage.input().values() + stage.output().values() + weights;
    return 4 * floats <= WHOLE_BYTES;
  }

  /**
   * The pass that makes the weights' gradient: its parts are parts of the weights. With one group
   * nothing is merged; where {@link #isFused}, each leaf of that pass is a group of this one.
   */
  public static Cut weights(Stage stage, int batch) {
    return weights(stage, batch, 1);
  }

  /**
   * The pass for the weights' gradient, whose groups can be shared out to so many workers ({@link
   * #shards}): each leaves partial gradients as large as the weights.
   */
  public static Cut weights(Stage stage, int batch, int shards) {
    if (isFused(stage, batch, shards)) {
      return new Cut(backward(stage, batch, shards).leaves(), 1);
    }
    long bytes = Partials.weightBytes(stage);
    int groups = shards(batch, shards);
    while (2 * groups <= Math.min(batch, LEAVES) && 2L * groups * bytes <= PARTIAL_BYTES) {
      groups *= 2;
    }
    int parts = (LEAVES + groups - 1) / groups;
    int most = Math.max(1, stage.operator().weights() / (PART_CHANNELS * PART_CHANNELS));
    return new Cut(groups, Math.min(parts, most));
  }
}
