package dev.nibble.engine.optim;

/**
 * The learning rate of every step, a pure function, so that a resumed run needs no state of it.
 *
 * <p>Steps count from 0; the last of a run of {@code totalSteps} is {@code totalSteps - 1}. Steps
 * beyond the end keep the rate of the end.
 */
@FunctionalInterface
public interface LearningRateSchedule {
  /**
   * Returns the rate to use in a step.
   *
   * @param step the step, from 0
   * @throws IllegalArgumentException if the step is negative
   */
  float rate(long step);

  /**
   * Returns the same rate for every step.
   *
   * @throws IllegalArgumentException if the rate is negative or not finite
   */
  static LearningRateSchedule constant(float rate) {
    return new Schedules.Constant(rate);
  }

  /**
   * Returns a rate that falls to a tenth at one half of the run and again at three quarters.
   *
   * @throws IllegalArgumentException if the rate is negative or not finite, or there is no step
   */
  static LearningRateSchedule step(float base, long totalSteps) {
    Schedules.requireTotal(totalSteps);
    return step(base, 0.1f, totalSteps / 2, Schedules.share(totalSteps, 3, 4));
  }

  /**
   * Returns a rate that is multiplied by a factor at each boundary.
   *
   * @param base the rate before the first boundary
   * @param factor what each boundary multiplies by
   * @param boundaries the first steps of the new rates, in rising order; equal ones multiply twice
   * @throws IllegalArgumentException if a number is negative or not finite, or the order is wrong
   */
  static LearningRateSchedule step(float base, float factor, long... boundaries) {
    return Schedules.Pieces.falling(base, factor, boundaries);
  }

  /**
   * Returns a linear rise over the first steps, then half a cosine wave from the base rate to zero.
   *
   * <p>Step {@code warmupSteps} has the base rate and step {@code totalSteps}, the first after the
   * run, has zero.
   *
   * @throws IllegalArgumentException if the rate is negative or not finite, or the warm-up is not
   *     shorter than the run
   */
  static LearningRateSchedule cosine(float base, long totalSteps, long warmupSteps) {
    return new Schedules.Cosine(base, totalSteps, warmupSteps).withWarmup(warmupSteps);
  }

  /**
   * Returns the paper's schedule: 0.01 for 400 steps, 0.1 to step 32,000, 0.01 to 48,000, then
   * 0.001.
   *
   * <p>It is made for 64,000 steps; for any other total the boundaries move in proportion, rounded
   * down: to 1/160, 1/2 and 3/4 of the run.
   *
   * @throws IllegalArgumentException if there is no step
   */
  static LearningRateSchedule paper(long totalSteps) {
    return paper(0.1f, totalSteps);
  }

  /**
   * Returns the paper's schedule with another highest rate: base / 10, base, base / 10, base / 100.
   *
   * @throws IllegalArgumentException if the rate is negative or not finite, or there is no step
   */
  static LearningRateSchedule paper(float base, long totalSteps) {
    Schedules.requireTotal(totalSteps);
    return new Schedules.Pieces(
        new float[] {base / 10, base, base / 10, base / 100},
        new long[] {totalSteps / 160, totalSteps / 2, Schedules.share(totalSteps, 3, 4)});
  }

  /**
   * Returns this schedule with a linear rise before it: step s of the first steps has the share (s
   * + 1) / warmupSteps of its rate.
   *
   * @param warmupSteps how many steps the rise takes; 0 for none
   * @throws IllegalArgumentException if the number is negative
   */
  default LearningRateSchedule withWarmup(long warmupSteps) {
    return warmupSteps == 0 ? this : new Schedules.Warmup(this, warmupSteps);
  }
}
