package dev.nibble.engine.data.pictures;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import org.junit.jupiter.api.Test;

/** Decoders that take a file's end for zeros are stopped soon. */
class PictureInputTest {
  private static void readOn(PictureInput input, int times) throws IOException {
    for (int i = 0; i < times; i++) {
      assertThat(input.read()).isEqualTo(-1);
    }
  }

  @Test
  void aFewBytesBehindTheEndAreFree() throws IOException {
    try (PictureInput input = new PictureInput(new byte[] {1, 2})) {
      assertThat(input.readShort()).isEqualTo((short) 0x0102);
      readOn(input, 1000);
    }
  }

  @Test
  void manyAreNot() throws IOException {
    try (PictureInput input = new PictureInput(new byte[] {1, 2})) {
      input.seek(2);
      assertThatThrownBy(() -> readOn(input, 1001))
          .isInstanceOf(UncheckedIOException.class)
          .hasMessageContaining(PictureReader.CUT);
      assertThatThrownBy(() -> input.read(new byte[4], 0, 4))
          .isInstanceOf(UncheckedIOException.class);
    }
  }
}
