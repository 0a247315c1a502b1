package dev.nibble.samples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.data.sources.PictureFiles;
import java.lang.foreign.MemorySegment;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the engine can use but does not pull in, the command brings along. */
class OptionalLibrariesTest {
  /** 4x2 pixels, lossless: all of one red, but for the last, which is blue. */
  private static final String WEBP =
      "5249464624000000574542505650384c170000002f034000000f70058a2bf85e487ffea3053f7888e87f0400";

  @Test
  void readsWebp() {
    byte[] file = HexFormat.of().parseHex(WEBP);
    assertThat(PictureFiles.size(file, "webp")).isEqualTo(new PictureSize(2, 4));
    byte[] rgb = new byte[24];
    PictureFiles.read(file, "webp", new PictureSize(2, 4), 3, MemorySegment.ofArray(rgb), 0);
    assertThat(rgb).startsWith(200, 30, 60, 200, 30, 60).endsWith(200, 30, 60, 10, 20, 250);
  }

  /** Hardwood loads them by these names once a file is compressed so. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "org.xerial.snappy.Snappy",
        "com.github.luben.zstd.Zstd",
        "net.jpountz.lz4.LZ4Factory"
      })
  void hasTheCodecsOfParquet(String name) {
    assertThatCode(() -> Class.forName(name)).doesNotThrowAnyException();
  }
}
