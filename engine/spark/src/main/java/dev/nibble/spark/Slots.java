package dev.nibble.spark;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;

/** Whether a cluster can run the workers of a fit, found out before anything runs. */
final class Slots {
  /** Executors may still be on their way; as long as Spark itself waits for them. */
  private static final String WAIT = "spark.scheduler.maxRegisteredResourcesWaitingTime";

  private static final long LOOK_NANOS = 50_000_000;

  private Slots() {}

  /**
   * Waits for slots.
   *
   * @throws IllegalArgumentException if they come and go, are of GPUs, or are too few
   */
  static void require(SparkContext context, int workers) {
    SparkConf conf = context.conf();
    if (conf.getBoolean("spark.dynamicAllocation.enabled", false)) {
      throw new IllegalArgumentException(
          "The workers of a fit start together, which Spark does not promise where executors come"
              + " and go: set spark.dynamicAllocation.enabled=false.");
    }
    if (conf.contains("spark.task.resource.gpu.amount")) {
      throw new IllegalArgumentException(
          "A fit computes on the CPU, and would hold the GPU that each task is given: unset"
              + " spark.task.resource.gpu.amount.");
    }
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(conf.getTimeAsSeconds(WAIT, "30s"));
    int slots = count(context);
    while (slots < workers && !context.isLocal() && System.nanoTime() < end) {
      LockSupport.parkNanos(context, LOOK_NANOS);
      slots = count(context);
    }
    if (slots < workers) {
      throw new IllegalArgumentException(
          "A fit with %d workers needs as many slots at once, but there are %d: set fewer workers, or give the application more cores."
              .formatted(workers, slots));
    }
  }

  /** As the scheduler counts them for a barrier stage: tasks that run at one time. */
  private static int count(SparkContext context) {
    return context.maxNumConcurrentTasks(context.resourceProfileManager().defaultResourceProfile());
  }
}
