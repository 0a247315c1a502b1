package dev.nibble.engine.collective;

/** What workers hand to each other at one place of a step; prepared once, run often. */
public interface Exchange {
  /**
   * Begins to hand out this worker's pieces, and goes on. Until {@link #await} returns, what is
   * handed out must stay as it is, and what comes must not be read.
   *
   * @throws CollectiveException if a worker has failed
   * @throws IllegalStateException if it was begun, and not awaited
   */
  void begin();

  /**
   * Waits until the pieces of the others are here. When it returns, all pieces may be written anew.
   *
   * @throws CollectiveException if a worker has failed, left, or lets the others wait too long
   */
  void await();

  /**
   * Begins and waits.
   *
   * @throws CollectiveException as the two do
   */
  default void run() {
    begin();
    await();
  }
}
