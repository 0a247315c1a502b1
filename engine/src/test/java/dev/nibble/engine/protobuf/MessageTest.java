package dev.nibble.engine.protobuf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is written is read, and no byte can make the reader do other than complain. */
class MessageTest {
  @TempDir private Path folder;

  private static byte[] bytes(MessageWriter message) throws IOException {
    ByteArrayOutputStream written = new ByteArrayOutputStream();
    message.writeTo(Channels.newChannel(written));
    return written.toByteArray();
  }

  private interface Reading {
    void read(MessageReader message) throws IOException;
  }

  private void read(byte[] bytes, long heap, Reading reading) throws IOException {
    Path file = folder.resolve("message");
    Files.write(file, bytes);
    try (FileChannel channel = FileChannel.open(file)) {
      reading.read(MessageReader.of(new ByteSource(channel), new HeapBudget(heap)));
    }
  }

  /** The example of the format's own description: field 1 is 150. */
  @Test
  void writesWhatTheFormatSays() throws IOException {
    assertThat(bytes(new MessageWriter().integer(1, 150)))
        .isEqualTo(HexFormat.of().parseHex("089601"));
    assertThat(bytes(new MessageWriter().text(2, "testing")))
        .isEqualTo(HexFormat.of().parseHex("120774657374696e67"));
    assertThat(bytes(new MessageWriter().integers(6, 3, 270, 86942)))
        .isEqualTo(HexFormat.of().parseHex("3206038e029ea705"));
    assertThat(bytes(new MessageWriter().integer(1, -2)))
        .isEqualTo(HexFormat.of().parseHex("08feffffffffffffffff01"));
  }

  @Test
  void readsWhatIsWritten() throws IOException {
    byte[] large = new byte[300_000];
    new SplittableRandom(1).nextBytes(large);
    MessageWriter inner = new MessageWriter().text(1, "größe").bytes(2, large).integer(3, 7);
    MessageWriter outer =
        new MessageWriter()
            .integer(1, Long.MIN_VALUE)
            .floating(2, 1.5f)
            .floating(20_000, -2.5)
            .message(5, inner)
            .integers(6, 1, -1, 1L << 40)
            .integer(6, 5)
            .bytes(7, new byte[0]);
    byte[] all = bytes(outer);
    assertThat(outer.size()).isEqualTo(all.length);
    ByteBuffer buffer = ByteBuffer.allocate(all.length);
    outer.putInto(buffer);
    assertThat(buffer.array()).isEqualTo(all);
    List<Long> longs = new ArrayList<>();
    List<String> seen = new ArrayList<>();
    read(
        all,
        1 << 20,
        message -> {
          while (message.next()) {
            switch (message.field()) {
              case 1 -> assertThat(message.integer()).isEqualTo(Long.MIN_VALUE);
              case 2 -> assertThat(message.float32()).isEqualTo(1.5f);
              case 5 -> {
                MessageReader part = message.message();
                assertThat(part.next()).isTrue();
                seen.add(part.text());
                assertThat(part.next()).isTrue();
                byte[] block =
                    Arrays.copyOfRange(
                        all, (int) part.position(), (int) (part.position() + part.length()));
                assertThat(block).isEqualTo(large);
                assertThat(part.next()).isTrue();
                assertThat(part.integer()).isEqualTo(7);
                assertThat(part.next()).isFalse();
              }
              case 6 -> message.integers(longs::add);
              case 7 -> assertThat(message.length()).isZero();
              default -> assertThat(Double.longBitsToDouble(message.bits())).isEqualTo(-2.5);
            }
          }
        });
    assertThat(seen).containsExactly("größe");
    assertThat(longs).containsExactly(1L, -1L, 1L << 40, 5L);
  }

  @Test
  void aMessageIsUsedAgain() throws IOException {
    MessageWriter message = new MessageWriter().bytes(1, new byte[10_000]).integer(2, 3);
    message.clear();
    assertThat(message.size()).isZero();
    assertThat(bytes(message.integer(1, 150))).isEqualTo(HexFormat.of().parseHex("089601"));
  }

  @ParameterizedTest
  @CsvSource({
    "0a05616263, claims 5 bytes",
    "0affffffffffffffffff01, claims 18446744073709551615 bytes",
    "0affffffffffffffff7f, claims 9223372036854775807 bytes",
    "08ffffffffffffffffffff01, has over ten bytes",
    "0880, is cut off",
    "08, is cut off",
    "0d0000, is cut off",
    "0900000000, is cut off",
    "0b, a group",
    "0c, a group",
    "0e00, begins no field",
    "0001, begins no field",
    "0a01ff, is not UTF-8",
    "0802, is not a string",
  })
  void damageIsTold(String hex, String told) {
    assertThatThrownBy(
            () ->
                read(
                    HexFormat.of().parseHex(hex),
                    1 << 20,
                    message -> {
                      while (message.next()) {
                        message.text();
                      }
                    }))
        .isInstanceOf(ProtobufException.class)
        .hasMessageContaining(told);
  }

  private static void descend(MessageReader message) {
    while (message.next()) {
      descend(message.message());
    }
  }

  @Test
  void depthIsBounded() throws IOException {
    MessageWriter message = new MessageWriter();
    for (int i = 0; i < 100; i++) {
      message = new MessageWriter().message(1, message);
    }
    read(bytes(message), 1 << 20, MessageTest::descend);
    byte[] deeper = bytes(new MessageWriter().message(1, message));
    assertThatThrownBy(() -> read(deeper, 1 << 20, MessageTest::descend))
        .isInstanceOf(ProtobufException.class)
        .hasMessageContaining("nest more than 100 deep");
  }

  @Test
  void theHeapThatAFileTakesIsBounded() throws IOException {
    byte[] packed = bytes(new MessageWriter().integers(1, new long[100_000]));
    assertThatThrownBy(
            () ->
                read(
                    packed,
                    1 << 20,
                    message -> {
                      assertThat(message.next()).isTrue();
                      message.integers(number -> {});
                    }))
        .isInstanceOf(ProtobufException.class)
        .hasMessageContaining("over 1 MiB of heap");
  }

  @Test
  void aFileThatShrinksGivesASentence() throws IOException {
    Path file = folder.resolve("shrinking");
    Files.write(file, bytes(new MessageWriter().bytes(1, new byte[1 << 20]).integer(2, 9)));
    try (FileChannel channel = FileChannel.open(file)) {
      MessageReader message = MessageReader.of(new ByteSource(channel), new HeapBudget(1 << 20));
      assertThat(message.next()).isTrue();
      Files.write(file, new byte[1000]);
      assertThatThrownBy(message::next)
          .isInstanceOf(ProtobufException.class)
          .hasMessage("it was shortened while it was read");
    }
  }
}
