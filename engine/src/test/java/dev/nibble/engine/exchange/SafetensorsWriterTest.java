package dev.nibble.engine.exchange;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nibble.engine.files.FailingDisk;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SafetensorsWriterTest {
  @TempDir Path folder;

  @Test
  void aDeviceIsNotReplaced() throws IOException {
    Path device = Path.of("/dev/full");
    assumeTrue(Files.exists(device) && !Files.isRegularFile(device));
    Path link = Files.createSymbolicLink(folder.resolve("link.safetensors"), device);
    for (Path target : List.of(link, folder)) {
      assertThatThrownBy(() -> SafetensorsWriter.write(target, Map.of(), List.<TensorSource>of()))
          .isInstanceOf(ExchangeException.class)
          .hasMessageContaining("it is a folder or a device");
      assertThat(Files.isRegularFile(target)).isFalse();
    }
    assertThat(link).isSymbolicLink();
  }

  @Test
  void writesTheBytesOfTheFormat() throws IOException {
    Path file = folder.resolve("a.safetensors");
    SafetensorsWriter.write(
        file, Map.of("k", "v"), List.of(TensorSource.floats("w", new float[] {1f, -2f}, 2, 1)));
    byte[] bytes = Files.readAllBytes(file);
    String json =
        "{\"__metadata__\":{\"k\":\"v\"},"
            + "\"w\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]}}";
    int padded = (json.length() + 7) / 8 * 8;
    assertThat(bytes).hasSize(8 + padded + 8);
    assertThat(bytes).startsWith(padded, 0, 0, 0, 0, 0, 0, 0);
    assertThat(new String(bytes, 8, padded, StandardCharsets.UTF_8))
        .isEqualTo(json + " ".repeat(padded - json.length()));
    assertThat(bytes).endsWith(0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0);
    assertOnlyFile(file);
  }

  @Test
  void whatIsWrittenReadsBack() {
    Path file = folder.resolve("a.safetensors");
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put("model", "resnet20");
    metadata.put("classes", "[\"Tür\",\"\ud83d\ude00\"]");
    MemorySegment codes = MemorySegment.ofArray(new byte[] {1, 2, 3});
    MemorySegment counts = MemorySegment.ofArray(new long[] {5});
    SafetensorsWriter.write(
        file,
        metadata,
        List.of(
            TensorSource.of(TensorInfo.of("codes", DType.U8, 3), codes),
            TensorSource.floats("scalar", new float[] {4f}),
            TensorSource.of(TensorInfo.of("counts", DType.I64, 1), counts),
            TensorSource.floats("empty", new float[0], 0, 7),
            TensorSource.floats("w", new float[] {Float.NaN, -0f, 3e-39f}, 3)));
    try (SafetensorsFile in = SafetensorsFile.open(file);
        Arena arena = Arena.ofConfined()) {
      assertThat(in.metadata()).containsExactlyEntriesOf(metadata);
      assertThat(in.names()).containsExactly("counts", "scalar", "empty", "w", "codes");
      assertThat(in.readFloats("scalar")).containsExactly(4f);
      assertThat(in.shape("scalar")).isEmpty();
      assertThat(in.readFloats("empty")).isEmpty();
      assertThat(in.shape("empty")).containsExactly(0, 7);
      assertThat(in.readFloats("w")).containsExactly(Float.NaN, -0f, 3e-39f);
      assertThat(in.read("codes", arena).data().toArray(ValueLayout.JAVA_BYTE))
          .containsExactly(1, 2, 3);
      assertThat(in.read("counts", arena).data().get(ValueLayout.JAVA_LONG, 0)).isEqualTo(5);
      assertThat(in.read("w", arena).data().isReadOnly()).isTrue();
      in.require("w", DType.F32, 3);
    }
  }

  @Test
  void asksForDataInTurnSoThatOneBufferServesAll() {
    Path file = folder.resolve("a.safetensors");
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment buffer = arena.allocate(300_000L);
      List<TensorSource> tensors = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        byte fill = (byte) (i + 1);
        tensors.add(
            new TensorSource(
                TensorInfo.of("t" + i, DType.I8, buffer.byteSize()), () -> buffer.fill(fill)));
      }
      SafetensorsWriter.write(file, Map.of(), tensors);
      try (SafetensorsFile in = SafetensorsFile.open(file)) {
        for (int i = 0; i < 3; i++) {
          byte[] onHeap = new byte[300_000];
          in.copyTo("t" + i, MemorySegment.ofArray(onHeap));
          assertThat(onHeap).containsOnly(i + 1);
        }
      }
    }
  }

  @Test
  void aFullDiskLeavesTheOldFile() throws IOException {
    Path file = folder.resolve("a.safetensors");
    SafetensorsWriter.write(file, Map.of(), List.of(TensorSource.floats("w", new float[4], 4)));
    byte[] old = Files.readAllBytes(file);
    List<TensorSource> next = List.of(TensorSource.floats("w", new float[] {1, 2, 3, 4}, 4));
    for (int room = 0; room < old.length; room++) {
      FailingDisk disk = FailingDisk.withRoom(room);
      assertThatExceptionOfType(ExchangeException.class)
          .as("room for %d bytes", room)
          .isThrownBy(() -> SafetensorsWriter.write(disk, file, Map.of(), next))
          .withMessage("Cannot write safetensors file " + file + ": No space left on device.");
      assertThat(Files.readAllBytes(file)).isEqualTo(old);
      assertOnlyFile(file);
    }
    SafetensorsWriter.write(FailingDisk.withRoom(old.length), file, Map.of(), next);
    assertThat(Files.readAllBytes(file)).isNotEqualTo(old);
  }

  @ParameterizedTest
  @EnumSource(
      value = FailingDisk.Fault.class,
      names = {"CREATE", "FORCE", "RENAME"})
  void aFailingDiskLeavesTheOldFile(FailingDisk.Fault fault) throws IOException {
    Path file = folder.resolve("a.safetensors");
    Files.writeString(file, "old");
    assertThatExceptionOfType(ExchangeException.class)
        .isThrownBy(
            () ->
                SafetensorsWriter.write(
                    FailingDisk.at(fault),
                    file,
                    Map.of(),
                    List.of(TensorSource.floats("w", new float[4], 4))))
        .withMessageContaining("fails at " + fault);
    assertThat(file).hasContent("old");
    assertOnlyFile(file);
  }

  @Test
  void refusesWhatMakesNoFile() throws IOException {
    Path file = folder.resolve("a.safetensors");
    TensorSource w = TensorSource.floats("w", new float[1], 1);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> SafetensorsWriter.write(file, Map.of(), List.of(w, w)))
        .withMessageContaining("given twice");
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                SafetensorsWriter.write(
                    file, Map.of(), List.of(TensorSource.floats("__metadata__", new float[1], 1))));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TensorSource.floats("w", new float[3], 2))
        .withMessageContaining("'w' has 12 bytes of data, its shape [2] of F32 needs 8");
    TensorSource liar =
        new TensorSource(
            TensorInfo.of("w", DType.F32, 2), () -> MemorySegment.ofArray(new float[1]));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> SafetensorsWriter.write(file, Map.of(), List.of(liar)));
    assertThatIllegalArgumentException().isThrownBy(() -> TensorInfo.of("w", DType.F32, -1));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TensorInfo.of("w", DType.F64, 1L << 31, 1L << 30));
    assertThatExceptionOfType(ExchangeException.class)
        .isThrownBy(() -> SafetensorsWriter.write(folder.resolve("none/a"), Map.of(), List.of(w)))
        .withMessageContaining("no such file or folder");
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files).isEmpty();
    }
  }

  private void assertOnlyFile(Path file) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files).containsExactly(file);
    }
  }
}
