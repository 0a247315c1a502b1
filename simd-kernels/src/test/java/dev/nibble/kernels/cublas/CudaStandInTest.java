package dev.nibble.kernels.cublas;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.kernels.DeviceException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The stand-in sees the mistakes that it is there to see. */
final class CudaStandInTest {
  private static final int FLOATS = 16;
  private static final long BYTES = 4L * FLOATS;
  private static final long WORKSPACE = 16 << 10;

  private final CudaStandIn standIn = new CudaStandIn();
  private final Arena arena = Arena.ofConfined();
  private final MemorySegment host = arena.allocate(2 * BYTES, 64);
  private final List<DevicePointer> allocated = new ArrayList<>();
  private final CudaDriver driver;
  private final CudaStreams streams;
  private final Cublas blas;
  private final long context;
  private final long stream;
  private final long other;
  private final long event;
  private final long handle;
  private final DevicePointer workspace;

  CudaStandInTest() throws CudaUnavailableException {
    Cuda cuda = Cuda.of(standIn.driver(), standIn.blas());
    driver = cuda.driver();
    streams = driver.streams();
    blas = cuda.blas();
    context = driver.retainPrimaryContext(0);
    driver.pushContext(context);
    workspace = driver.allocate(WORKSPACE, "workspace");
    handle = blas.create();
    stream = streams.createStream();
    other = streams.createStream();
    event = streams.createEvent();
  }

  @BeforeEach
  void prepare() {
    driver.register(host);
    blas.setStream(handle, stream);
    blas.setWorkspace(handle, workspace);
    for (int i = 0; i < FLOATS; i++) {
      host.setAtIndex(JAVA_FLOAT, i, i + 1);
    }
  }

  @AfterEach
  void giveBack() {
    standIn.heal();
    allocated.forEach(driver::free);
    blas.destroy(handle);
    driver.free(workspace);
    driver.unregister(host);
    streams.destroyStream(stream);
    streams.destroyStream(other);
    streams.destroyEvent(event);
    driver.popContext();
    driver.releasePrimaryContext(0);
    standIn.assertNothingLeft();
    standIn.close();
    arena.close();
  }

  private DevicePointer allocate(long bytes) {
    DevicePointer pointer = driver.allocate(bytes, "a test");
    allocated.add(pointer);
    return pointer;
  }

  private void objects(String words) {
    assertThat(standIn.takeFailures())
        .singleElement(InstanceOfAssertFactories.STRING)
        .contains(words);
  }

  private float out(int index) {
    return host.getAtIndex(JAVA_FLOAT, FLOATS + index);
  }

  @Test
  void nothingIsDoneBeforeItIsWaitedFor() {
    DevicePointer a = allocate(BYTES);
    streams.copyToDevice(a, 0, host, 0, BYTES, stream);
    streams.copyToHost(host, BYTES, a, 0, BYTES, stream);
    assertThat(out(0)).as("a copy's target, not waited for").isZero();
    assertThat(standIn.underWay()).containsExactly("a copy in", "a copy out");
    host.setAtIndex(JAVA_FLOAT, 0, 7);
    streams.synchronizeStream(stream);
    assertThat(out(0)).as("the source was overwritten too early").isEqualTo(7);
    assertThat(out(1)).isEqualTo(2);
    standIn.assertFlawless();
  }

  @Test
  void anEventOrdersStreamsAndForcesOnlyWhatItNeeds() {
    DevicePointer a = allocate(BYTES);
    streams.copyToDevice(a, 0, host, 0, BYTES, stream);
    streams.recordEvent(event, stream);
    streams.waitEvent(other, event);
    streams.copyToHost(host, BYTES, a, 0, BYTES, other);
    streams.recordEvent(event, other);
    DevicePointer b = allocate(BYTES);
    streams.copyToDevice(b, 0, host, 0, BYTES, stream);
    streams.synchronizeEvent(event);
    assertThat(out(3)).isEqualTo(4);
    assertThat(standIn.underWay()).containsExactly("a copy in");
    streams.synchronizeStream(stream);
    standIn.assertFlawless();
  }

  @Test
  void aForgottenWaitIsARace() {
    DevicePointer a = allocate(BYTES);
    streams.copyToDevice(a, 0, host, 0, BYTES, stream);
    streams.copyToHost(host, BYTES, a, 0, BYTES, other);
    objects("race: a copy out touches what a copy in");
    streams.synchronizeStream(other);
    assertThat(out(0)).as("memory that was not written yet").isNaN();
    streams.synchronizeStream(stream);
  }

  @Test
  void overwritingWhatAnotherStreamStillReadsIsARace() {
    DevicePointer a = allocate(BYTES);
    streams.copyToDevice(a, 0, host, 0, BYTES, stream);
    streams.synchronizeStream(stream);
    streams.copyToHost(host, BYTES, a, 0, BYTES, stream);
    streams.copyToDevice(a, 0, host, 0, 4, other);
    objects("race: a copy in touches what a copy out");
    streams.synchronizeStream(stream);
    streams.synchronizeStream(other);
  }

  /** The product of the first two floats. */
  private static Gemm scalars(DevicePointer in, DevicePointer out, long offset) {
    return new Gemm().size(1, 1, 1).a(in, 0, 1, false).b(in, 4, 1, false).c(out, offset, 1, false);
  }

  @Test
  void oneWorkspaceForTwoStreamsIsARace() {
    DevicePointer a = allocate(BYTES);
    DevicePointer c = allocate(BYTES);
    long second = blas.create();
    blas.setStream(second, other);
    blas.setWorkspace(second, workspace);
    blas.sgemm(handle, scalars(a, c, 0));
    blas.sgemm(second, scalars(a, c, 8));
    objects("race: sgemm touches what sgemm");
    streams.synchronizeStream(stream);
    streams.synchronizeStream(other);
    blas.destroy(second);
  }

  @Test
  void productsAreColumnMajorAndDoNotReadWhatTheyOverwrite() {
    DevicePointer a = allocate(BYTES);
    DevicePointer c = allocate(BYTES);
    streams.copyToDevice(a, 0, host, 0, BYTES, stream);
    // A = (1 3; 2 4) and B = (5 7; 6 8), from the numbers 1, 2, ... column by column.
    float[][] expected = {{23, 34, 31, 46}, {17, 39, 23, 53}, {26, 38, 30, 44}, {19, 43, 22, 50}};
    for (int kind = 0; kind < 4; kind++) {
      boolean transposeA = kind % 2 == 1;
      boolean transposeB = kind / 2 == 1;
      Gemm product = new Gemm().size(2, 2, 2).a(a, 0, 2, transposeA).b(a, 16, 2, transposeB);
      blas.sgemm(handle, product.c(c, 0, 3, false));
      blas.sgemm(handle, product.c(c, 0, 3, true));
      streams.copyToHost(host, BYTES, c, 0, 20, stream);
      streams.synchronizeStream(stream);
      float[] found = {out(0) / 2, out(1) / 2, out(3) / 2, out(4) / 2};
      assertThat(found).isEqualTo(expected[kind]);
      assertThat(out(2)).as("between the columns of C").isNaN();
    }
    Gemm series = new Gemm().size(1, 2, 1).a(a, 0, 1, false).b(a, 32, 2, true);
    blas.sgemm(handle, series.c(c, 0, 2, false).series(3, 1, 0, 4));
    streams.copyToHost(host, BYTES, c, 0, BYTES, stream);
    streams.synchronizeStream(stream);
    for (int i = 0; i < 3; i++) {
      assertThat(new float[] {out(4 * i), out(4 * i + 2)})
          .containsExactly(9 * (i + 1), 10 * (i + 1));
    }
  }

  @Test
  void lowerPrecisionRoundsFactors() {
    DevicePointer a = allocate(BYTES);
    DevicePointer c = allocate(BYTES);
    float value = 1 + 0x1p-9f + 0x1p-12f;
    host.setAtIndex(JAVA_FLOAT, 0, value);
    host.setAtIndex(JAVA_FLOAT, 1, 1);
    streams.copyToDevice(a, 0, host, 0, BYTES, stream);
    blas.sgemm(handle, scalars(a, c, 0));
    blas.setMathMode(handle, Cublas.TF32_MATH);
    blas.sgemm(handle, scalars(a, c, 4));
    blas.gemmFast16bf(handle, scalars(a, c, 8));
    streams.copyToHost(host, BYTES, c, 0, 12, stream);
    streams.synchronizeStream(stream);
    assertThat(new float[] {out(0), out(1), out(2)}).containsExactly(value, 1 + 0x1p-9f, 1);
  }

  @Test
  void overrunsAreSeen() throws CudaUnavailableException {
    DevicePointer a = allocate(BYTES);
    Symbols symbols = new Symbols("a test", standIn.driver(), "nothing");
    NativeFunction copy =
        symbols.function("cuMemcpyHtoDAsync_v2", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
    assertThat(copy.call(a.address() + 4, host.address(), BYTES, stream)).isEqualTo(1);
    objects("reaches outside its memory");
    assertThat(copy.call(a.address(), host.address() + BYTES, 2 * BYTES, stream)).isEqualTo(1);
    objects("reaches outside its memory");
    DevicePointer longer = new DevicePointer(a.address(), 2 * BYTES);
    assertThatThrownBy(
            () ->
                blas.sgemm(
                    handle,
                    new Gemm()
                        .size(5, 5, 1)
                        .a(a, 0, 5, false)
                        .b(a, 0, 1, false)
                        .c(longer, 0, 5, false)))
        .isInstanceOf(DeviceException.class);
    objects("reaches outside its memory");
    assertThatThrownBy(() -> blas.sgemm(handle, scalars(a, a, 4)))
        .isInstanceOf(DeviceException.class);
    objects("writes what it reads");
  }

  @Test
  void useAfterFreeIsSeen() {
    DevicePointer a = driver.allocate(BYTES, "a test");
    streams.copyToDevice(a, 0, host, 0, BYTES, stream);
    driver.free(a);
    objects("freed while [a copy in] was under way");
    streams.synchronizeStream(stream);
    assertThatThrownBy(() -> streams.copyToDevice(a, 0, host, 0, BYTES, stream))
        .isInstanceOf(DeviceException.class);
    objects("reaches outside its memory");
    assertThatThrownBy(() -> driver.free(a)).isInstanceOf(DeviceException.class);
    objects("freed that is none");
    streams.copyToDevice(allocate(BYTES), 0, host, 0, BYTES, stream);
    driver.unregister(host);
    objects("unregistered while [a copy in] was under way");
    assertThatThrownBy(() -> streams.synchronizeStream(stream)).isInstanceOf(DeviceException.class);
    objects("ran after its memory was unregistered");
    driver.register(host);
    long third = streams.createStream();
    streams.copyToHost(host, 0, allocate(BYTES), 0, BYTES, third);
    streams.destroyStream(third);
    objects("a stream was destroyed with [a copy out] under way");
    assertThatThrownBy(() -> streams.synchronizeStream(third)).isInstanceOf(DeviceException.class);
    objects("a stream that is none");
  }

  @Test
  void memoryThatIsNotRegisteredIsCopiedAtOnce() {
    DevicePointer a = allocate(BYTES);
    MemorySegment plain = arena.allocate(BYTES);
    streams.copyToDevice(a, 0, host, 0, BYTES, stream);
    streams.copyToHost(plain, 0, a, 0, BYTES, stream);
    assertThat(plain.getAtIndex(JAVA_FLOAT, 5)).isEqualTo(6);
    assertThat(standIn.pageableCopies()).isEqualTo(1);
  }

  @Test
  void aThreadNeedsTheContext() throws InterruptedException {
    List<Throwable> thrown = new ArrayList<>();
    Thread thread =
        new Thread(
            () -> {
              try {
                streams.synchronizeStream(stream);
              } catch (DeviceException e) {
                thrown.add(e);
              }
            });
    thread.start();
    thread.join();
    assertThat(thrown).singleElement().extracting(Throwable::getMessage).asString().contains("201");
    objects("without a current context");
  }

  @Test
  void aHandleNeedsItsWorkspaceAgainBehindAStream() {
    DevicePointer a = allocate(BYTES);
    blas.setStream(handle, stream);
    assertThatThrownBy(() -> blas.sgemm(handle, scalars(a, a, 8)))
        .isInstanceOf(DeviceException.class);
    objects("sgemm has no workspace");
  }

  @Test
  void aWorkspaceIsLargeEnoughAndOutlivesItsHandle() {
    DevicePointer small = allocate(WORKSPACE - 256);
    assertThatThrownBy(() -> blas.setWorkspace(handle, small)).isInstanceOf(DeviceException.class);
    objects("too small");
    long second = blas.create();
    DevicePointer space = driver.allocate(WORKSPACE, "workspace");
    blas.setWorkspace(second, space);
    driver.free(space);
    objects("a workspace was freed before its handle was destroyed");
    blas.destroy(second);
  }

  @Test
  void theDeviceIsAsLargeAsSet() {
    standIn.deviceBytes(WORKSPACE + 744);
    assertThat(driver.totalMemory()).isEqualTo(WORKSPACE + 744);
    assertThat(driver.freeMemory()).isEqualTo(744);
    assertThatThrownBy(() -> driver.allocate(745, "a test"))
        .isInstanceOfSatisfying(DeviceException.class, e -> assertThat(e.outOfMemory()).isTrue());
    allocate(744);
    assertThat(driver.freeMemory()).isZero();
  }

  @Test
  void callsFailWhenTheyAreToldTo() {
    standIn.failAt(standIn.calls() + 2, 719);
    allocate(4);
    assertThatThrownBy(() -> streams.createStream())
        .hasMessageContaining("CUDA_ERROR_LAUNCH_FAILED (719)");
    standIn.failFunction("cuMemAlloc_v2", 2, 2);
    allocate(4);
    assertThatThrownBy(() -> allocate(4)).hasMessageContaining("OUT_OF_MEMORY");
    allocate(4);
    DevicePointer a = allocate(4);
    streams.copyToDevice(a, 0, host, 0, 4, stream);
    standIn.dieAfter(standIn.calls());
    assertThatThrownBy(() -> streams.synchronizeStream(stream)).hasMessageContaining("(999)");
    assertThatThrownBy(() -> blas.setStream(handle, stream)).hasMessageContaining("(14)");
    assertThat(standIn.underWay()).isEmpty();
  }

  @Test
  void whatIsLeftIsNamed() {
    DevicePointer a = driver.allocate(BYTES, "a test");
    assertThat(standIn.left()).anyMatch(text -> text.startsWith("device memory"));
    driver.free(a);
    assertThatThrownBy(standIn::assertNothingLeft)
        .hasMessageContaining("cuBLAS handle")
        .hasMessageContaining("stream")
        .hasMessageContaining("event")
        .hasMessageContaining("registered host memory")
        .hasMessageContaining("context of device 0");
    assertThat(standIn.calls("cuStreamCreate")).isEqualTo(2);
  }
}
