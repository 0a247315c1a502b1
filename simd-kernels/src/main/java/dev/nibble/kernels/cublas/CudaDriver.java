package dev.nibble.kernels.cublas;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.nibble.kernels.DeviceException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.ref.Reference;

/**
 * The CUDA driver API, bound to a library's symbols: devices, contexts and memory. Contexts are
 * handles in a {@code long}, which only this class made and which are not used after they were
 * released. Every method throws {@link DeviceException} where the driver returns another status
 * than success.
 */
final class CudaDriver {
  /** Attributes of a device. */
  static final int COMPUTE_CAPABILITY_MAJOR = 75;

  static final int COMPUTE_CAPABILITY_MINOR = 76;
  static final int HOST_REGISTER_SUPPORTED = 99;

  private static final int NAME_BYTES = 256;

  private final String library;
  private final DriverErrors errors;
  private final CudaStreams streams;
  private final NativeFunction initialise;
  private final NativeFunction driverVersion;
  private final NativeFunction deviceCount;
  private final NativeFunction deviceGet;
  private final NativeFunction deviceName;
  private final NativeFunction deviceAttribute;
  private final NativeFunction contextRetain;
  private final NativeFunction contextRelease;
  private final NativeFunction contextPush;
  private final NativeFunction contextPop;
  private final NativeFunction memoryInfo;
  private final NativeFunction memoryAllocate;
  private final NativeFunction memoryFree;
  private final NativeFunction hostRegister;
  private final NativeFunction hostUnregister;

  /** Where the driver writes which context it popped, which nobody reads. */
  private final MemorySegment popped = Arena.ofAuto().allocate(JAVA_LONG);

  CudaDriver(SymbolLookup library) throws CudaUnavailableException {
    this(library, "libcuda.so.1");
  }

  /**
   * Binds the functions.
   *
   * @param name of the library, for people
   * @throws CudaUnavailableException if the library lacks one; the message names it
   */
  CudaDriver(SymbolLookup library, String name) throws CudaUnavailableException {
    Symbols symbols = new Symbols(name, library, "update the NVIDIA driver");
    this.library = name;
    errors = new DriverErrors(symbols);
    streams = new CudaStreams(symbols, errors);
    initialise = symbols.function("cuInit", JAVA_INT);
    driverVersion = symbols.function("cuDriverGetVersion", JAVA_LONG);
    deviceCount = symbols.function("cuDeviceGetCount", JAVA_LONG);
    deviceGet = symbols.function("cuDeviceGet", JAVA_LONG, JAVA_INT);
    deviceName = symbols.function("cuDeviceGetName", JAVA_LONG, JAVA_INT, JAVA_INT);
    deviceAttribute = symbols.function("cuDeviceGetAttribute", JAVA_LONG, JAVA_INT, JAVA_INT);
    contextRetain = symbols.function("cuDevicePrimaryCtxRetain", JAVA_LONG, JAVA_INT);
    contextRelease = symbols.function("cuDevicePrimaryCtxRelease_v2", JAVA_INT);
    contextPush = symbols.function("cuCtxPushCurrent_v2", JAVA_LONG);
    contextPop = symbols.function("cuCtxPopCurrent_v2", JAVA_LONG);
    memoryInfo = symbols.function("cuMemGetInfo_v2", JAVA_LONG, JAVA_LONG);
    memoryAllocate = symbols.function("cuMemAlloc_v2", JAVA_LONG, JAVA_LONG);
    memoryFree = symbols.function("cuMemFree_v2", JAVA_LONG);
    hostRegister = symbols.function("cuMemHostRegister_v2", JAVA_LONG, JAVA_LONG, JAVA_INT);
    hostUnregister = symbols.function("cuMemHostUnregister", JAVA_LONG);
  }

  /** The library's name or path, for people. */
  String library() {
    return library;
  }

  /** The calls that work is given with. */
  CudaStreams streams() {
    return streams;
  }

  /** Whether a call failed for more than want of memory. */
  boolean hasFailed() {
    return errors.hasFailed();
  }

  /** Starts the driver; the first call of a process. */
  void init() {
    errors.check(initialise.call(0), initialise);
  }

  /** The newest CUDA that the driver supports: 1000 times the major version, 10 times the minor. */
  int driverVersion() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_INT);
      errors.check(driverVersion.call(out.address()), driverVersion);
      return out.get(JAVA_INT, 0);
    }
  }

  int deviceCount() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_INT);
      errors.check(deviceCount.call(out.address()), deviceCount);
      return out.get(JAVA_INT, 0);
    }
  }

  int device(int ordinal) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_INT);
      errors.check(deviceGet.call(out.address(), ordinal), deviceGet);
      return out.get(JAVA_INT, 0);
    }
  }

  String deviceName(int device) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(NAME_BYTES);
      // The last byte stays the zero that it is, so that the text ends in any case.
      errors.check(deviceName.call(out.address(), NAME_BYTES - 1, device), deviceName);
      return out.getString(0);
    }
  }

  int attribute(int device, int attribute) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_INT);
      errors.check(deviceAttribute.call(out.address(), attribute, device), deviceAttribute);
      return out.get(JAVA_INT, 0);
    }
  }

  /** The compute capability: 10 times the major version, plus the minor. */
  int capability(int device) {
    return 10 * attribute(device, COMPUTE_CAPABILITY_MAJOR)
        + attribute(device, COMPUTE_CAPABILITY_MINOR);
  }

  /** The device's primary context, which cuBLAS shares; to be released as often as retained. */
  long retainPrimaryContext(int device) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_LONG);
      errors.check(contextRetain.call(out.address(), device), contextRetain);
      return out.get(JAVA_LONG, 0);
    }
  }

  void releasePrimaryContext(int device) {
    errors.check(contextRelease.call(device), contextRelease);
  }

  /**
   * Makes a context the calling thread's until {@link #popContext}. The thread may be another
   * library's user, too, so its own context is kept, and ours does not stay behind when it ends.
   */
  void pushContext(long context) {
    errors.check(contextPush.call(context), contextPush);
  }

  /** Gives the calling thread back the context that it had before {@link #pushContext}. */
  void popContext() {
    try {
      errors.check(contextPop.call(popped.address()), contextPop);
    } finally {
      Reference.reachabilityFence(popped);
    }
  }

  /** The same because of an exception, which gets a further failure as suppressed. */
  void popContextAfter(Throwable cause) {
    try {
      popContext();
    } catch (DeviceException e) {
      cause.addSuppressed(e);
    }
  }

  /** Bytes of the current context's device that are free. */
  long freeMemory() {
    return memoryInfo(0);
  }

  /** Bytes of the current context's device. */
  long totalMemory() {
    return memoryInfo(1);
  }

  private long memoryInfo(int index) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_LONG, 2);
      long address = out.address();
      errors.check(memoryInfo.call(address, address + Long.BYTES), memoryInfo);
      return out.getAtIndex(JAVA_LONG, index);
    }
  }

  /**
   * Allocates memory of the current context's device, aligned to 256 bytes.
   *
   * @param purpose what for; part of the error's message
   */
  DevicePointer allocate(long bytes, String purpose) {
    if (bytes <= 0) {
      throw new IllegalArgumentException(bytes + " bytes of device memory can't be allocated");
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_LONG);
      int status = memoryAllocate.call(out.address(), bytes);
      if (status != 0) {
        throw errors.exception(status, memoryAllocate, refused(bytes, purpose));
      }
      return new DevicePointer(out.get(JAVA_LONG, 0), bytes);
    }
  }

  private String refused(long bytes, String purpose) {
    String asked = DeviceSize.format(bytes) + " asked for " + purpose;
    String free = freeText();
    return free.isEmpty() ? asked : asked + ", " + free;
  }

  /**
   * How much memory of the current context's device is free, for the message of another failure;
   * empty if the device does not say.
   */
  String freeText() {
    try {
      return "%s free of %s"
          .formatted(DeviceSize.format(freeMemory()), DeviceSize.format(totalMemory()));
    } catch (DeviceException e) {
      return ""; // the other failure is what matters
    }
  }

  void free(DevicePointer memory) {
    errors.check(memoryFree.call(memory.address()), memoryFree);
  }

  /**
   * Locks memory in place, so that copies are fast and asynchronous; kept alive until unregistered.
   */
  void register(MemorySegment host) {
    long address = HostMemory.address(host, 0, host.byteSize());
    int status = hostRegister.call(address, host.byteSize(), 0);
    if (status != 0) {
      throw errors.exception(status, hostRegister, DeviceSize.format(host.byteSize()));
    }
  }

  void unregister(MemorySegment host) {
    errors.check(hostUnregister.call(HostMemory.address(host, 0, 0)), hostUnregister);
  }
}
