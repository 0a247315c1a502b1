package dev.nibble.engine.collective;

/** What workers hand to each other at one place of a step; prepared once, run often. */
public interface Exchange {
  /**
   * Hands out this worker's pieces and waits for those of the others. When it returns, the pieces
   * may be written anew.
   *
   * @throws CollectiveException if a worker has failed, left, or lets the others wait too long
   */
  void run();
}
