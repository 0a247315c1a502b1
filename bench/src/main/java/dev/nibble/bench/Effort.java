package dev.nibble.bench;

/**
 * How long one benchmark is run, in its own JVM: so many iterations of so many seconds, of which
 * the first ones only warm up. An iteration lasts one call at least. Before all of them the
 * benchmark is called until it is compiled ({@link WarmUp}).
 *
 * @param compiling seconds that this is expected to take, for the estimate only
 * @param warmups iterations that are not counted
 * @param warmupSeconds length of one of them
 * @param iterations iterations that are counted
 * @param seconds length of one of them
 */
record Effort(double compiling, int warmups, double warmupSeconds, int iterations, double seconds) {
  /** What a JVM needs to start, set up and end, in seconds; measured with JMH 1.37 and JDK 25. */
  private static final double START = 1.2;

  /** Expected seconds for a benchmark whose call takes {@code call} seconds. */
  double expected(double call) {
    return START
        + compiling
        + warmups * Math.max(warmupSeconds, call)
        + iterations * Math.max(seconds, call);
  }
}
