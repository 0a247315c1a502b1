package dev.nibble.samples.serve;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.kernels.FeatureMap;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Examples survive whatever happens to their file, and a failure leaves it as it was. */
class ExampleStoreTest {
  private static final FeatureMap INPUT = new FeatureMap(8, 8, 3);
  private static final int RECORD = ExampleRecord.PREFIX + 18 + 1 + TinyPictures.BYTES;

  @TempDir private Path folder;
  private final List<String> log = new ArrayList<>();

  @SuppressWarnings("NullAway.Init") // set by name
  private Path file;

  @BeforeEach
  void name() {
    file = folder.resolve("examples.log");
  }

  private ExampleStore open() {
    return ExampleStore.open(file, INPUT, AppendFile::open, log::add);
  }

  private static byte[] pixels(int seed) {
    return TinyPictures.pixels(true, seed);
  }

  private void fill(int count) throws IOException {
    try (ExampleStore store = open()) {
      for (int i = 0; i < count; i++) {
        store.add("" + (char) ('a' + i % 3), pixels(i));
      }
    }
  }

  private static byte[] read(ExampleStore store, Example example) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment picture = arena.allocate(INPUT.values() + 5);
      store.read(example, picture, 5);
      return picture.asSlice(5).toArray(JAVA_BYTE);
    }
  }

  @Test
  void givesBackWhatWasAdded() throws IOException {
    fill(7);
    try (ExampleStore store = open()) {
      assertThat(store.count()).isEqualTo(7);
      assertThat(store.labels()).containsEntry("a", 3).containsEntry("b", 2).containsEntry("c", 2);
      for (Example example : store.examples()) {
        assertThat(read(store, example)).isEqualTo(pixels((int) example.id()));
        assertThat(example.time()).isPositive();
      }
      assertThat(store.add("d", pixels(1)).id()).isEqualTo(7);
    }
    assertThat(log).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 4, 8, 20, 100, RECORD - 1})
  void cutsOffWhatWasWrittenOnlyInPart(int left) throws IOException {
    fill(3);
    cut(ExampleRecord.HEADER + 2L * RECORD + left);
    try (ExampleStore store = open()) {
      assertThat(store.count()).isEqualTo(2);
      assertThat(log).singleElement().asString().contains("Cut " + left + " bytes");
      assertThat(store.add("z", pixels(9)).id()).isEqualTo(2);
    }
    assertThat(Files.size(file)).isEqualTo(ExampleRecord.HEADER + 3L * RECORD);
    assertThat(cutOff(1)).hasSize(left);
    try (ExampleStore store = open()) {
      assertThat(store.labels()).containsEntry("z", 1);
      assertThat(log).hasSize(1);
    }
  }

  private byte[] cutOff(int number) throws IOException {
    return Files.readAllBytes(folder.resolve("examples.log.cut-" + number));
  }

  private void cut(long size) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.truncate(size);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, ExampleRecord.HEADER - 1})
  void startsAnewWhereEvenTheHeaderIsTorn(int left) throws IOException {
    fill(1);
    cut(left);
    try (ExampleStore store = open()) {
      assertThat(store.count()).isZero();
      assertThat(store.add("a", pixels(0)).id()).isZero();
    }
  }

  @Test
  void passesOverADamagedExampleAndKeepsTheOthers() throws IOException {
    fill(5);
    flip(ExampleRecord.HEADER + 2L * RECORD + 50);
    try (ExampleStore store = open()) {
      assertThat(store.examples()).extracting(Example::id).containsExactly(0L, 1L, 3L, 4L);
      assertThat(log).singleElement().asString().contains("Passed over " + RECORD + " damaged");
    }
    assertThat(Files.size(file)).isEqualTo(ExampleRecord.HEADER + 5L * RECORD);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void keepsTheOthersWhereALengthIsDamaged(int at) throws IOException {
    fill(5);
    flip(ExampleRecord.HEADER + 2L * RECORD + at);
    try (ExampleStore store = open()) {
      assertThat(store.examples()).extracting(Example::id).containsExactly(0L, 1L, 3L, 4L);
      assertThat(read(store, store.examples().getLast())).isEqualTo(pixels(4));
      assertThat(store.add("z", pixels(9)).id()).isEqualTo(5);
    }
    assertThat(Files.size(file)).isEqualTo(ExampleRecord.HEADER + 6L * RECORD);
  }

  @Test
  void keepsTheOthersWhereABlockIsLost() throws IOException {
    int count = 1000; // several pieces of the search
    fill(count);
    byte[] bytes = Files.readAllBytes(file);
    int block = 4096;
    Arrays.fill(bytes, block, 2 * block, (byte) 0);
    Arrays.fill(bytes, 10 * block, 40 * block, (byte) 0);
    Files.write(file, bytes);
    try (ExampleStore store = open()) {
      int expected = 0;
      for (int i = 0; i < count; i++) {
        long start = ExampleRecord.HEADER + (long) i * RECORD;
        long end = start + RECORD;
        boolean isWhole =
            (end <= block || start >= 2L * block) && (end <= 10L * block || start >= 40L * block);
        if (isWhole) {
          assertThat(store.examples().get(expected++).id()).isEqualTo(i);
        }
      }
      assertThat(store.count()).isEqualTo(expected);
      assertThat(log).hasSize(2).allMatch(line -> line.startsWith("Passed over "));
    }
  }

  @Test
  void keepsWhatItCutsOff() throws IOException {
    fill(3);
    byte[] before = Files.readAllBytes(file);
    for (int number = 1; number <= 2; number++) {
      int from = ExampleRecord.HEADER + (3 - number) * RECORD;
      flip(from + 1);
      byte[] damaged = Files.readAllBytes(file);
      try (ExampleStore store = open()) {
        assertThat(store.count()).isEqualTo(3 - number);
      }
      assertThat(cutOff(number)).isEqualTo(Arrays.copyOfRange(damaged, from, damaged.length));
      assertThat(Files.readAllBytes(file)).isEqualTo(Arrays.copyOf(before, from));
      assertThat(log).hasSize(number).last().asString().contains("cut-" + number);
    }
  }

  @Test
  void makesTheNameOfItsFileDurable() {
    openFailing().close();
    assertThat(failing.keptName()).isTrue();
  }

  private void flip(long position) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    bytes[(int) position] ^= 1;
    Files.write(file, bytes);
  }

  @Test
  void refusesAFileOfAnotherKindOrShape() throws IOException {
    Files.write(file, new byte[100]);
    assertThatThrownBy(this::open)
        .isInstanceOf(ServiceException.class)
        .hasMessageContaining("holds no examples");
    Files.delete(file);
    fill(1);
    assertThatThrownBy(
            () ->
                ExampleStore.open(file, new FeatureMap(4, 4, 3), AppendFile::open, log::add)
                    .close())
        .isInstanceOf(ServiceException.class)
        .hasMessageContaining("8x8x3");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, -1, Integer.MIN_VALUE, Integer.MAX_VALUE})
  void refusesAShapeThatNoPictureHas(int height) throws IOException {
    byte[] header = new byte[ExampleRecord.HEADER];
    ExampleRecord.header(INPUT).get(header);
    ByteBuffer.wrap(header).putInt(Long.BYTES, height);
    CRC32C sum = new CRC32C();
    sum.update(header, 0, ExampleRecord.HEADER - 4);
    ByteBuffer.wrap(header).putInt(ExampleRecord.HEADER - 4, (int) sum.getValue());
    Files.write(file, header);
    assertThatThrownBy(this::open)
        .isInstanceOf(ServiceException.class)
        .hasMessageContaining("start is damaged");
  }

  @SuppressWarnings("NullAway.Init") // set when the store opens it
  private FailingFile failing;

  private ExampleStore openFailing() {
    return ExampleStore.open(file, INPUT, this::failing, log::add);
  }

  private AppendFile failing(Path path) throws IOException {
    FailingFile opened = FailingFile.open(path);
    failing = opened;
    return opened;
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 100, RECORD - 1})
  void isAsBeforeWhereTheDiskIsFull(int room) throws IOException {
    try (ExampleStore store = openFailing()) {
      store.add("a", pixels(0));
      failing.setRoom(room);
      assertThatThrownBy(() -> store.add("b", pixels(1)))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("No space left");
      assertThat(store.count()).isEqualTo(1);
      failing.setRoom(Long.MAX_VALUE);
      assertThat(store.add("c", pixels(2)).id()).isEqualTo(1);
    }
    try (ExampleStore store = open()) {
      assertThat(store.labels().keySet()).containsExactly("a", "c");
      assertThat(log).isEmpty();
    }
  }

  @Test
  void isAsBeforeWhereTheDiskFailsToKeepIt() throws IOException {
    try (ExampleStore store = openFailing()) {
      store.add("a", pixels(0));
      failing.setFailsToForce(true);
      assertThatThrownBy(() -> store.add("b", pixels(1))).isInstanceOf(IOException.class);
      assertThat(Files.size(file)).isEqualTo(ExampleRecord.HEADER + RECORD);
      failing.setFailsToForce(false);
      assertThat(store.add("c", pixels(2)).id()).isEqualTo(1);
    }
    try (ExampleStore store = open()) {
      assertThat(store.labels().keySet()).containsExactly("a", "c");
    }
  }

  @Test
  void keepsWhatManyThreadsAdd() throws Exception {
    int threads = 8;
    int each = 25;
    try (ExampleStore store = open();
        ExecutorService pool = Executors.newFixedThreadPool(threads)) {
      List<Future<?>> all = new ArrayList<>();
      for (int t = 0; t < threads; t++) {
        int first = t * each;
        all.add(
            pool.submit(
                () -> {
                  for (int i = first; i < first + each; i++) {
                    Example added = store.add("l" + i, pixels(i));
                    assertThat(read(store, added)).isEqualTo(pixels(i));
                  }
                  return null;
                }));
      }
      for (Future<?> one : all) {
        one.get();
      }
    }
    try (ExampleStore store = open()) {
      assertThat(store.count()).isEqualTo(threads * each);
      for (Example example : store.examples()) {
        int seed = Integer.parseInt(example.label().substring(1));
        assertThat(read(store, example)).isEqualTo(pixels(seed));
      }
    }
  }

  @Test
  void tellsAClientThatTheDiskIsFull() throws IOException {
    ServiceOptions options = Tiny.options(folder.resolve("home"));
    try (Tiny tiny = Tiny.open(options, this::failing)) {
      assertThat(tiny.client.post("/examples?label=a", Tiny.picture(true, 1)).status())
          .isEqualTo(201);
      failing.setRoom(10);
      Client.Reply reply = tiny.client.post("/examples?label=b", Tiny.picture(true, 1));
      assertThat(reply.status()).isEqualTo(507);
      assertThat(reply.error()).contains("No space left").contains("free some space");
      failing.setRoom(Long.MAX_VALUE);
      assertThat(tiny.client.get("/examples").json().get("count").asLong()).isEqualTo(1);
      assertThat(tiny.client.post("/examples?label=c", Tiny.picture(true, 1)).status())
          .isEqualTo(201);
    }
  }
}
