package dev.nibble.samples.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Bodies of any length and speed, by a clock of the test's own. */
class BodyReaderTest {
  private static final int MOST = 1 << 20;

  private final AtomicLong now = new AtomicLong();
  private final BodyReader reader =
      new BodyReader(MOST, "too long", Duration.ofSeconds(5), now::get);

  /** So many bytes, in pieces that take a time each. */
  private InputStream stream(int bytes, int piece, long millis) {
    return new InputStream() {
      private int left = bytes;

      @Override
      public int read() {
        throw new AssertionError("one byte at a time");
      }

      @Override
      public int read(byte[] target, int offset, int length) {
        if (left == 0) {
          return -1;
        }
        now.addAndGet(TimeUnit.MILLISECONDS.toNanos(millis));
        int count = Math.min(Math.min(piece, length), left);
        Arrays.fill(target, offset, offset + count, (byte) 7);
        left -= count;
        return count;
      }
    };
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 16383, 16384, 16385, 100_000, MOST})
  void readsAllOfIt(int bytes) throws IOException {
    byte[] expected = new byte[bytes];
    Arrays.fill(expected, (byte) 7);
    assertThat(reader.read(stream(bytes, 1000, 0), bytes)).isEqualTo(expected);
    assertThat(reader.read(stream(bytes, 1000, 0), -1)).isEqualTo(expected);
  }

  @Test
  void refusesMoreThanItMayHave() {
    assertThatThrownBy(() -> reader.read(stream(MOST + 1, 1000, 0), -1)).hasMessage("too long");
    assertThatThrownBy(() -> reader.read(stream(0, 1, 0), MOST + 1)).hasMessage("too long");
  }

  @Test
  void refusesWhatDribbles() {
    assertThatThrownBy(() -> reader.read(stream(1000, 1, 100), 1000))
        .isInstanceOfSatisfying(HttpProblem.class, e -> assertThat(e.status()).isEqualTo(408))
        .hasMessageContaining("too slowly");
    assertThat(now.get()).isLessThan(TimeUnit.SECONDS.toNanos(6));
  }

  @Test
  void takesWhatIsLongButArrivesFastEnough() throws IOException {
    int piece = BodyReader.RATE / 10;
    assertThat(reader.read(stream(MOST, piece, 100), MOST)).hasSize(MOST);
    assertThat(now.get()).isGreaterThan(TimeUnit.SECONDS.toNanos(7));
  }

  @Test
  void takesWhatIsShortAndSlow() throws IOException {
    assertThat(reader.read(stream(49, 1, 100), 49)).hasSize(49);
  }
}
