package dev.nibble.samples.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class TokenBucketTest {
  private final AtomicLong clock = new AtomicLong();

  private static int taken(TokenBucket bucket) {
    int count = 0;
    while (bucket.tryTake()) {
      count++;
    }
    return count;
  }

  @Test
  void letsAsManyThroughAsTheRateSays() {
    TokenBucket bucket = new TokenBucket(10, clock::get);
    assertThat(taken(bucket)).isEqualTo(10);
    clock.addAndGet(300_000_000);
    assertThat(taken(bucket)).isEqualTo(3);
    clock.addAndGet(99_000_000);
    assertThat(taken(bucket)).isZero();
    clock.addAndGet(2_000_000);
    assertThat(taken(bucket)).isEqualTo(1);
    clock.addAndGet(3_600_000_000_000L);
    assertThat(taken(bucket)).as("no more than one second's").isEqualTo(10);
  }
}
