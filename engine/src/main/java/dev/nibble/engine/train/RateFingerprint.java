package dev.nibble.engine.train;

import dev.nibble.engine.optim.LearningRateSchedule;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** What a checkpoint says of a schedule that users have written: it has no name but its rates. */
final class RateFingerprint {
  /** Steps that are looked at, spread evenly, the first and the last among them. */
  private static final int SAMPLES = 4096;

  private RateFingerprint() {}

  /**
   * Looks at the rates.
   *
   * @throws IllegalArgumentException if one is negative or not finite
   */
  static String of(LearningRateSchedule schedule, long totalSteps) {
    long samples = Math.min(SAMPLES, totalSteps);
    ByteBuffer rates = ByteBuffer.allocate(Float.BYTES * (int) samples);
    for (long i = 0; i < samples; i++) {
      long step = samples == 1 ? 0 : Math.round((double) i * (totalSteps - 1) / (samples - 1));
      rates.putFloat(checked(schedule.rate(step), step));
    }
    try {
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(rates.array());
      return "own " + HexFormat.of().formatHex(digest, 0, 8);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("Every JDK has SHA-256", e);
    }
  }

  /** A rate that training may use. */
  static float checked(float rate, long step) {
    if (!(rate >= 0 && Float.isFinite(rate))) {
      throw new IllegalArgumentException(
          "The schedule gives step %d the learning rate %s: give a number not below 0"
              .formatted(step, rate));
    }
    return rate;
  }
}
