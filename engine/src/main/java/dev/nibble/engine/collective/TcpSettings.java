package dev.nibble.engine.collective;

import java.nio.charset.StandardCharsets;
import java.time.Duration;

/**
 * How workers in processes of their own find and trust each other, and how long they wait.
 *
 * @param secret what all workers of a run know and strangers do not; proved, never sent
 * @param join how long a worker waits until all have joined
 * @param silence after how long without a sign of life a worker counts as lost
 * @param step how long the others of a living worker wait for it at one place
 */
@SuppressWarnings("ArrayRecordComponent") // copied in; nobody compares such records
public record TcpSettings(byte[] secret, Duration join, Duration silence, Duration step) {
  /** Checks and copies. */
  public TcpSettings {
    if (secret.length < 16) {
      throw new IllegalArgumentException("The workers' secret has at least 16 bytes");
    }
    if (join.isNegative() || silence.toMillis() < 100 || step.isNegative()) {
      throw new IllegalArgumentException("Deadlines must be positive, that of silence 0.1 s");
    }
    secret = secret.clone();
  }

  /** The usual deadlines: 60 s to join, 8 s of silence, ten minutes at one place. */
  public static TcpSettings of(String secret) {
    return new TcpSettings(
        secret.getBytes(StandardCharsets.UTF_8),
        Duration.ofSeconds(60),
        Duration.ofSeconds(8),
        Duration.ofMinutes(10));
  }

  /** The same with other deadlines. */
  public TcpSettings withDeadlines(Duration joined, Duration silent, Duration atOnePlace) {
    return new TcpSettings(secret, joined, silent, atOnePlace);
  }

  @Override
  public byte[] secret() {
    return secret.clone();
  }
}
