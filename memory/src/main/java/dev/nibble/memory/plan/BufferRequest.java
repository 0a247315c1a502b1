package dev.nibble.memory.plan;

import java.util.Objects;

/**
 * A buffer to be planned: {@code bytes} that are in use from step {@code firstUse} to step {@code
 * lastUse}, both included.
 *
 * @param name what it is for, for people
 * @param bytes size, 0 or more
 * @param firstUse first step that needs it, 0 or more
 * @param lastUse last step that needs it, {@code firstUse} or more
 */
public record BufferRequest(String name, long bytes, int firstUse, int lastUse) {
  /**
   * Checks the request.
   *
   * @throws IllegalArgumentException if the size or a step is negative, or the last before the
   *     first
   */
  public BufferRequest {
    Objects.requireNonNull(name, "name");
    if (bytes < 0) {
      throw new IllegalArgumentException(
          "Buffer '" + name + "' can't have a negative size, but has " + bytes + " bytes.");
    }
    if (firstUse < 0 || lastUse < firstUse) {
      throw new IllegalArgumentException(
          "Buffer '%s' must be used from a step of 0 or more to a later one, but is from %d to %d."
              .formatted(name, firstUse, lastUse));
    }
  }

  /** Whether some step needs both. */
  public boolean overlaps(BufferRequest other) {
    return firstUse <= other.lastUse && other.firstUse <= lastUse;
  }
}
