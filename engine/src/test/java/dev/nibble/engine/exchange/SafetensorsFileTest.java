package dev.nibble.engine.exchange;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsFileTest {
  @TempDir Path folder;

  /** Each header stands before 16 bytes of data. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "[]|expected an object but found an array",
        "weights|expected a value but found 'w' at line 1, column 1",
        "{'w':7}|tensor 'w': expected an object but found the number 7",
        "{'w':{'dtype':'F32','shape':[4]}}|tensor 'w': the member 'data_offsets' is missing",
        "{'w':{'dtype':'F33','shape':[4],'data_offsets':[0,16]}}|its dtype 'F33' is not known",
        "{'w':{'dtype':'F32','shape':[-4],'data_offsets':[0,16]}}|a negative extent",
        "{'w':{'dtype':'F32','shape':[4.0],'data_offsets':[0,16]}}|whole number of 64 bits",
        "{'w':{'dtype':'F32','shape':[4],'data_offsets':[0,16,16]}}|are 3 numbers, not 2",
        "{'w':{'dtype':'F32','shape':[4],'data_offsets':[16,0]}}|do not lie within the 16 bytes",
        "{'w':{'dtype':'F32','shape':[4],'data_offsets':[-16,0]}}|do not lie within",
        "{'w':{'dtype':'F32','shape':[8],'data_offsets':[0,32]}}|do not lie within",
        "{'w':{'dtype':'F32','shape':[3],'data_offsets':[0,16]}}|span 16 bytes, but shape [3]",
        "{'w':{'dtype':'F32','shape':[4],'data_offsets':[0,16],'x':1}}|it has members beside",
        "{'w':{'dtype':'F64','shape':[4611686018427387904,2],'data_offsets':[0,16]}}|too many",
        "{'w':{'dtype':'F32','shape':[9223372036854775807,0,4],'data_offsets':[0,16]}}|needs 0",
        "{'w':{'dtype':'F32','shape':[99999999999999999999],'data_offsets':[0,16]}}|64 bits",
        "{'w':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}}|the tensors end at byte 8",
        "{'w':{'dtype':'F32','shape':[2],'data_offsets':[8,16]}}|bytes 0 to 8 before tensor 'w'",
        "{'a':{'dtype':'F32','shape':[3],'data_offsets':[0,12]},'b':{'dtype':'F32','shape':[2],'data_offsets':[8,16]}}|inside"
            + " another that ends at 12",
        "{'a':{'dtype':'F32','shape':[4],'data_offsets':[0,16]},"
            + "'b':{'dtype':'F32','shape':[4],'data_offsets':[0,16]}}|inside another",
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]},"
            + "'a':{'dtype':'F32','shape':[2],'data_offsets':[8,16]}}|the name 'a' stands twice",
        "{'__metadata__':{'k':1}}|the member 'k' is the number 1, no string",
        "{'__metadata__':[]}|expected an object but found an array",
        "{}|the tensors end at byte 0, but there are 16 bytes",
      })
  void refusesAHostileHeader(String header, String why) throws IOException {
    Path file = write(header.replace('\'', '"'), new byte[16]);
    assertThatExceptionOfType(ExchangeException.class)
        .isThrownBy(() -> SafetensorsFile.open(file).close())
        .withMessageStartingWith("Safetensors file " + file + " is damaged: ")
        .withMessageContaining(why);
  }

  @Test
  void refusesDeepNesting() throws IOException {
    Path file = write("{\"w\":" + "[".repeat(200_000), new byte[0]);
    assertRefused(file, "nested deeper than 8");
  }

  @ParameterizedTest
  @ValueSource(longs = {-1, Long.MIN_VALUE, Long.MAX_VALUE, 1L << 40, 100_000_001})
  void refusesAHeaderThatClaimsTooMuch(long claim) throws IOException {
    Path file = folder.resolve("a.safetensors");
    Files.write(file, length(claim));
    assertRefused(file, "its first bytes are not those of a safetensors file");
  }

  @Test
  void refusesAHeaderLongerThanTheFile() throws IOException {
    Path file = folder.resolve("a.safetensors");
    Files.write(file, length(1));
    assertRefused(file, "its header claims 1 bytes, but the file has only 8");
  }

  @Test
  void refusesWhatIsNoFile() {
    assertRefused(folder, "is no regular file");
    assertRefused(folder.resolve("none"), "no such file");
  }

  @Test
  void readsAFileWithoutTensors() throws IOException {
    try (SafetensorsFile in = SafetensorsFile.open(write("{}", new byte[0]))) {
      assertThat(in.names()).isEmpty();
      assertThat(in.metadata()).isEmpty();
    }
  }

  @Test
  void namesTheTensorThatDoesNotFit() {
    Path file = good();
    try (SafetensorsFile in = SafetensorsFile.open(file)) {
      assertThatExceptionOfType(ExchangeException.class)
          .isThrownBy(() -> in.readFloats("head.bias"))
          .withMessage(file + " has no tensor 'head.bias', but it is needed.");
      assertThatExceptionOfType(ExchangeException.class)
          .isThrownBy(() -> in.readFloats("code"))
          .withMessage("In " + file + ", tensor 'code' is U8, but F32 is needed.");
      assertThatExceptionOfType(ExchangeException.class)
          .isThrownBy(() -> in.copyTo("w", MemorySegment.ofArray(new float[5])))
          .withMessageContaining("tensor 'w' of shape [2, 3] has 24 bytes, but 20 are needed");
      assertThatExceptionOfType(ExchangeException.class)
          .isThrownBy(() -> in.require("w", DType.F32, 3, 2))
          .withMessageContaining("F32 of shape [2, 3], but F32 of shape [3, 2] is needed");
      assertThat(in.contains("w")).isTrue();
      assertThat(in.dtype("code")).isEqualTo(DType.U8);
    }
  }

  /** Halves and doubles at the edges of their ranges; more of them than are converted at once. */
  @Test
  void readsFloatsOfAnyWidth() {
    int count = 40_000;
    byte[] halves = new byte[2 * count];
    byte[] truncated = new byte[2 * count];
    byte[] doubles = new byte[8 * count];
    ByteBuffer f16 = ByteBuffer.wrap(halves).order(ByteOrder.LITTLE_ENDIAN);
    ByteBuffer bf16 = ByteBuffer.wrap(truncated).order(ByteOrder.LITTLE_ENDIAN);
    ByteBuffer f64 = ByteBuffer.wrap(doubles).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < count; i++) {
      f16.putShort((short) i); // among them subnormal numbers, infinities and NaN
      bf16.putShort((short) (i + 30_000));
      f64.putDouble((i - 7) / 3.0);
    }
    Path file = folder.resolve("floats.safetensors");
    SafetensorsWriter.write(
        file,
        Map.of(),
        List.of(
            tensor("a", DType.F16, halves, count),
            tensor("b", DType.BF16, truncated, count),
            tensor("c", DType.F64, doubles, count)));
    try (SafetensorsFile in = SafetensorsFile.open(file)) {
      in.requireFloats("a", count);
      float[] a = in.readFloats("a");
      float[] b = in.readFloats("b");
      float[] c = in.readFloats("c");
      for (int i = 0; i < count; i++) {
        assertSame(a[i], Float.float16ToFloat((short) i));
        assertSame(b[i], Float.intBitsToFloat((i + 30_000) << 16));
        assertThat(c[i]).isEqualTo((float) ((i - 7) / 3.0));
      }
      assertThat(in.hasFloats("a", count)).isTrue();
      assertThat(in.hasFloats("a", count, 1)).isFalse();
      assertThat(in.hasFloats("none", count)).isFalse();
      assertThatExceptionOfType(ExchangeException.class)
          .isThrownBy(() -> in.requireFloats("b", 2))
          .withMessageContaining("but BF16 of shape [2] is needed");
    }
  }

  private static void assertSame(float actual, float expected) {
    assertThat(Float.floatToIntBits(actual)).isEqualTo(Float.floatToIntBits(expected));
  }

  private static TensorSource tensor(String name, DType dtype, byte[] data, int count) {
    return TensorSource.of(TensorInfo.of(name, dtype, count), MemorySegment.ofArray(data));
  }

  /** How torch.save begins a file: since version 1.6 as an archive, before that as a pickle. */
  @ParameterizedTest
  @ValueSource(strings = {"504b03040000080800000000", "80028a0a6cfc9c46f9206aa85019"})
  void aFileOfPyTorchIsRefusedWithHowToConvertIt(String start) throws IOException {
    Path file = folder.resolve("model.pth");
    Files.write(file, HexFormat.of().parseHex(start));
    assertRefused(file, "is a file of PyTorch's own format");
    assertRefused(file, "save_file(");
  }

  @Test
  void aFileThatShrinksWhileItIsOpenGivesASentence() throws IOException {
    Path file = good();
    try (SafetensorsFile in = SafetensorsFile.open(file)) {
      try (RandomAccessFile other = new RandomAccessFile(file.toFile(), "rw")) {
        other.setLength(other.length() - 10);
      }
      assertThatExceptionOfType(ExchangeException.class)
          .isThrownBy(() -> in.readFloats("w"))
          .withMessage(file + " was shortened while tensor 'w' was read.");
    }
  }

  @Test
  void everyTruncationIsRefused() throws IOException {
    byte[] bytes = Files.readAllBytes(good());
    Path file = folder.resolve("short.safetensors");
    for (int length = 0; length < bytes.length; length++) {
      Files.write(file, Arrays.copyOf(bytes, length));
      assertRefused(file, "is damaged");
    }
  }

  @Test
  void aMutatedFileIsReadOrRefusedButNothingElse() throws IOException {
    byte[] bytes = Files.readAllBytes(good());
    int headerEnd = 8 + Byte.toUnsignedInt(bytes[0]);
    Path file = folder.resolve("mutated.safetensors");
    int refused = 0;
    for (int seed = 0; seed < 3000; seed++) {
      Random random = new Random(seed);
      byte[] bad = bytes.clone();
      for (int i = 0; i <= seed % 4; i++) {
        int at = random.nextInt(headerEnd);
        bad[at] =
            switch (random.nextInt(3)) {
              case 0 -> (byte) (bad[at] ^ 1 << random.nextInt(8));
              case 1 -> bad[random.nextInt(headerEnd)];
              default -> (byte) "0123456789-[]{},:\"".charAt(random.nextInt(18));
            };
      }
      // Without truncating first, which some file systems answer with a slow flush.
      Files.write(file, bad, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      try (SafetensorsFile in = SafetensorsFile.open(file)) {
        for (String name : in.names()) {
          in.copyTo(name, MemorySegment.ofArray(new byte[(int) in.info(name).bytes()]));
        }
      } catch (ExchangeException e) {
        refused++;
      } catch (Throwable e) {
        throw new AssertionError("seed " + seed, e);
      }
    }
    assertThat(refused).isBetween(1500, 2999);
  }

  private Path good() {
    Path file = folder.resolve("good.safetensors");
    byte[] codes = {1, 2, 3};
    SafetensorsWriter.write(
        file,
        Map.of("model", "resnet20"),
        List.of(
            TensorSource.of(TensorInfo.of("code", DType.U8, 3), MemorySegment.ofArray(codes)),
            TensorSource.floats("w", new float[] {1, 2, 3, 4, 5, 6}, 2, 3)));
    return file;
  }

  private Path write(String header, byte[] data) throws IOException {
    byte[] json = header.getBytes(StandardCharsets.UTF_8);
    Path file = folder.resolve("a.safetensors");
    Files.write(
        file,
        ByteBuffer.allocate(8 + json.length + data.length)
            .put(length(json.length))
            .put(json)
            .put(data)
            .array());
    return file;
  }

  private static byte[] length(long value) {
    return ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array();
  }

  private static void assertRefused(Path file, String why) {
    assertThatExceptionOfType(ExchangeException.class)
        .isThrownBy(() -> SafetensorsFile.open(file).close())
        .withMessageContaining(file.toString())
        .withMessageContaining(why);
  }
}
