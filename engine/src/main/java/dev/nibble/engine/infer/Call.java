package dev.nibble.engine.infer;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.engine.events.PredictionEvent;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * One call under way: where its pictures come from, where its logits go, and which pictures nobody
 * has claimed yet. Kept and used again, so that a call makes nothing new.
 *
 * <p>The fields of progress belong to the lock of {@link ContextPool}; the others are set before
 * the call is shown to other threads.
 */
final class Call {
  private final int values;
  private final int classes;
  private @Nullable MemorySegment source;
  private @Nullable MemorySegment target;
  private float @Nullable [] floats;
  private byte @Nullable [] bytes;
  private float @Nullable [] results;
  private boolean hasBytes;

  /** The thread that called. */
  final Worker caller = new Worker();

  private @Nullable PredictionEvent event;

  /** Pictures. */
  int count;

  /** Whether helpers may take part. */
  boolean shared;

  /** First picture that is not claimed. */
  int next;

  /** Threads beside the caller that are at work on it. */
  int helpers;

  /** What went wrong first. */
  @Nullable Throwable failure;

  /** Shows the call to a flight recording; the same object for all calls. */
  PredictionEvent event() {
    PredictionEvent own = event;
    if (own == null) {
      own = new PredictionEvent();
      event = own;
    }
    return own;
  }

  /**
   * Makes an empty call.
   *
   * @param values values of a picture
   * @param classes logits of a picture
   */
  Call(int values, int classes) {
    this.values = values;
    this.classes = classes;
  }

  void fromSegment(
      MemorySegment pictures, boolean ofBytes, int pictureCount, MemorySegment logits) {
    start(pictureCount, ofBytes);
    source = pictures;
    target = logits;
  }

  void fromFloats(float[] pictures, int pictureCount, float[] logits) {
    start(pictureCount, false);
    floats = pictures;
    results = logits;
  }

  void fromBytes(byte[] pictures, int pictureCount, float[] logits) {
    start(pictureCount, true);
    bytes = pictures;
    results = logits;
  }

  private void start(int pictureCount, boolean ofBytes) {
    hasBytes = ofBytes;
    count = pictureCount;
    next = 0;
    helpers = 0;
    failure = null;
    caller.enter(this);
  }

  /** Forgets the caller's memory. */
  void clear() {
    source = null;
    target = null;
    floats = null;
    bytes = null;
    results = null;
    caller.leave();
  }

  /** Whether pictures are bytes, to be normalised. */
  boolean hasBytes() {
    return hasBytes;
  }

  /** Bytes of the pictures as the caller passed them. */
  long pictureBytes() {
    return (hasBytes ? 1L : 4L) * count * values;
  }

  /** Whether another thread may touch the caller's memory: not if its arena is confined. */
  boolean isOpenTo(Thread thread) {
    MemorySegment from = source;
    MemorySegment to = target;
    return from == null || to == null || (from.isAccessibleBy(thread) && to.isAccessibleBy(thread));
  }

  /** Whether pictures are left that nobody has claimed; after a failure none are. */
  boolean hasMore() {
    return failure == null && next < count;
  }

  /** Copies pictures to a context's memory. */
  void read(int from, int pictures, MemorySegment to) {
    if (source != null) {
      long size = (hasBytes ? 1L : 4L) * values;
      MemorySegment.copy(source, from * size, to, 0, pictures * size);
    } else if (floats != null) {
      MemorySegment.copy(floats, from * values, to, JAVA_FLOAT, 0, pictures * values);
    } else if (bytes != null) {
      MemorySegment.copy(bytes, from * values, to, JAVA_BYTE, 0, pictures * values);
    }
  }

  /** Copies logits from a context's memory. */
  void write(int from, int pictures, MemorySegment logits) {
    if (target != null) {
      long size = 4L * classes;
      MemorySegment.copy(logits, 0, target, from * size, pictures * size);
    } else if (results != null) {
      MemorySegment.copy(logits, JAVA_FLOAT, 0, results, from * classes, pictures * classes);
    }
  }
}
