package dev.nibble.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ByteSizeTest {
  @ParameterizedTest
  @CsvSource({
    "0, 0 bytes",
    "1, 1 byte",
    "1023, 1023 bytes",
    "1024, 1 KiB",
    "1536, 1.5 KiB",
    "335544320, 320 MiB",
    "1835008000, 1.71 GiB",
    "1073741823, 1 GiB",
    "131596288, 125.5 MiB",
    "9223372036854775807, 8 EiB",
  })
  void writesTheLargestUnitReached(long bytes, String text) {
    assertThat(ByteSize.format(bytes)).isEqualTo(text);
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0",
    "4096, 4096",
    "12 bytes, 12",
    "7B, 7",
    "2KB, 2000",
    "2KiB, 2048",
    "512MiB, 536870912",
    "512 mib, 536870912",
    "512MB, 512000000",
    "1.5GiB, 1610612736",
    "3GB, 3000000000",
    "1TiB, 1099511627776",
    "0.3 KiB, 307",
    "9223372036854775807, 9223372036854775807",
  })
  void readsEveryUnit(String text, long bytes) {
    assertThat(ByteSize.parse(text)).isEqualTo(bytes);
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 5, 1 << 10, 320L << 20, 3L << 30, 5L << 40})
  void readsWhatItWrites(long bytes) {
    assertThat(ByteSize.parse(ByteSize.format(bytes))).isEqualTo(bytes);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "MiB", "-5", "512M", "1,5GiB", "1e9", "5 apples", "0x10", "5 MiB 3"})
  void refusesWhatIsNotASize(String text) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ByteSize.parse(text))
        .withMessageContaining("'" + text + "' is not a size")
        .withMessageContaining("such as 512MiB");
  }

  @ParameterizedTest
  @ValueSource(strings = {"9223372036854775808", "9000000000TiB"})
  void refusesWhatDoesNotFit(String text) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ByteSize.parse(text))
        .withMessageContaining("too large");
  }

  @ParameterizedTest
  @ValueSource(longs = {-1, Long.MIN_VALUE})
  void refusesToWriteNegativeSizes(long bytes) {
    assertThatIllegalArgumentException().isThrownBy(() -> ByteSize.format(bytes));
  }
}
