package dev.nibble.kernels.cublas;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The CUDA driver's functions for devices, contexts and memory, over host memory. */
@SuppressWarnings({"MemberName", "UnusedMethod"}) // C's names, called as C functions
final class StandInDriver {
  private static final int INVALID_VALUE = 1;
  private static final int OUT_OF_MEMORY = 2;
  private static final int NO_DEVICE = 100;
  private static final int INVALID_DEVICE = 101;
  private static final int INVALID_CONTEXT = 201;
  private static final int ALREADY_REGISTERED = 712;
  private static final int NOT_REGISTERED = 713;
  private static final int NOT_SUPPORTED = 801;
  private static final String NAME = "Stand-in";

  /** Statuses with a name of their own; others get one made of their number. */
  private static final Map<Integer, String> STATUSES =
      Map.ofEntries(
          Map.entry(1, "CUDA_ERROR_INVALID_VALUE"),
          Map.entry(2, "CUDA_ERROR_OUT_OF_MEMORY"),
          Map.entry(100, "CUDA_ERROR_NO_DEVICE"),
          Map.entry(101, "CUDA_ERROR_INVALID_DEVICE"),
          Map.entry(201, "CUDA_ERROR_INVALID_CONTEXT"),
          Map.entry(400, "CUDA_ERROR_INVALID_HANDLE"),
          Map.entry(700, "CUDA_ERROR_ILLEGAL_ADDRESS"),
          Map.entry(712, "CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED"),
          Map.entry(713, "CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED"),
          Map.entry(719, "CUDA_ERROR_LAUNCH_FAILED"),
          Map.entry(801, "CUDA_ERROR_NOT_SUPPORTED"),
          Map.entry(999, "CUDA_ERROR_UNKNOWN"));

  private final CudaStandIn owner;
  private final StandInGate gate;
  private final StandInCalls calls;
  private final StandInContexts contexts;
  private final StandInStreams streams;
  private final StandInMemory memory;

  StandInDriver(CudaStandIn owner) {
    this.owner = owner;
    this.gate = owner.gate();
    this.contexts = owner.contexts();
    this.calls = new StandInCalls(gate, contexts);
    this.streams = owner.streams();
    this.memory = owner.memory();
  }

  int cuInit(int flags) {
    return calls.free(
        "cuInit", () -> flags != 0 ? INVALID_VALUE : owner.devices() == 0 ? NO_DEVICE : 0);
  }

  int cuDriverGetVersion(long version) {
    return calls.free(
        "cuDriverGetVersion",
        () -> {
          StandInCalls.putInt(version, owner.driverVersion());
          return 0;
        });
  }

  int cuDeviceGetCount(long count) {
    return calls.free(
        "cuDeviceGetCount",
        () -> {
          StandInCalls.putInt(count, owner.devices());
          return 0;
        });
  }

  int cuDeviceGet(long device, int ordinal) {
    return calls.free(
        "cuDeviceGet",
        () -> {
          if (noDevice(ordinal)) {
            return INVALID_DEVICE;
          }
          StandInCalls.putInt(device, ordinal);
          return 0;
        });
  }

  private boolean noDevice(int device) {
    return device < 0 || device >= owner.devices();
  }

  int cuDeviceGetName(long name, int length, int device) {
    return calls.free(
        "cuDeviceGetName",
        () -> {
          if (noDevice(device) || length <= NAME.length()) {
            return noDevice(device) ? INVALID_DEVICE : INVALID_VALUE;
          }
          StandInStubs.at(name, length).setString(0, NAME);
          return 0;
        });
  }

  int cuDeviceGetAttribute(long value, int attribute, int device) {
    return calls.free(
        "cuDeviceGetAttribute",
        () -> {
          if (noDevice(device) || attribute <= 0) {
            return noDevice(device) ? INVALID_DEVICE : INVALID_VALUE;
          }
          StandInCalls.putInt(value, attribute(attribute));
          return 0;
        });
  }

  private int attribute(int attribute) {
    return switch (attribute) {
      case CudaDriver.COMPUTE_CAPABILITY_MAJOR -> owner.capability() / 10;
      case CudaDriver.COMPUTE_CAPABILITY_MINOR -> owner.capability() % 10;
      case CudaDriver.HOST_REGISTER_SUPPORTED -> owner.registers() ? 1 : 0;
      default -> gate.fail(0, "attribute %d was asked for", attribute);
    };
  }

  int cuDevicePrimaryCtxRetain(long context, int device) {
    return calls.free(
        "cuDevicePrimaryCtxRetain",
        () -> {
          if (noDevice(device)) {
            return INVALID_DEVICE;
          }
          StandInCalls.putLong(context, contexts.retain(device));
          return 0;
        });
  }

  int cuDevicePrimaryCtxRelease_v2(int device) {
    return gate.call("cuDevicePrimaryCtxRelease_v2", () -> release(device), () -> release(device));
  }

  private int release(int device) {
    int left = contexts.release(device);
    if (left < 0) {
      return gate.fail(INVALID_CONTEXT, "a context was released that was not retained");
    }
    List<String> lost = owner.leftInContext();
    if (left == 0 && !lost.isEmpty()) {
      gate.fail("the context was released before %s", lost);
    }
    if (contexts.isStale()) {
      gate.fail("a context ended that a thread still has");
    }
    return 0;
  }

  int cuCtxPushCurrent_v2(long context) {
    return gate.call(
        "cuCtxPushCurrent_v2",
        () ->
            contexts.push(context)
                ? 0
                : gate.fail(INVALID_CONTEXT, "a context was made current that is gone"),
        contexts::excuse);
  }

  int cuCtxPopCurrent_v2(long popped) {
    return gate.call("cuCtxPopCurrent_v2", () -> pop(popped), () -> pop(popped));
  }

  private int pop(long popped) {
    long context = contexts.pop();
    if (context == 0) {
      return gate.fail(INVALID_CONTEXT, "a thread gave up a context that it did not have");
    }
    StandInCalls.putLong(popped, context);
    return 0;
  }

  int cuMemGetInfo_v2(long free, long total) {
    return calls.bound(
        "cuMemGetInfo_v2",
        () -> {
          StandInCalls.putLong(free, memory.free());
          StandInCalls.putLong(total, memory.total());
          return 0;
        });
  }

  int cuMemAlloc_v2(long pointer, long bytes) {
    return calls.bound(
        "cuMemAlloc_v2",
        () -> {
          if (bytes <= 0) {
            return gate.fail(INVALID_VALUE, "%d bytes were asked for", bytes);
          }
          long address = memory.allocate(bytes);
          if (address == 0) {
            return OUT_OF_MEMORY;
          }
          StandInCalls.putLong(pointer, address);
          return 0;
        });
  }

  int cuMemFree_v2(long pointer) {
    return calls.bound("cuMemFree_v2", () -> giveBack(pointer), () -> giveBack(pointer));
  }

  private int giveBack(long pointer) {
    StandInRange range = memory.release(pointer);
    if (range == null) {
      return gate.fail(INVALID_VALUE, "device memory was freed that is none: %x", pointer);
    }
    List<String> users = streams.using(range);
    if (!users.isEmpty()) {
      gate.fail("device memory was freed while %s was under way", users);
    }
    if (owner.isWorkspace(range)) {
      gate.fail("a workspace was freed before its handle was destroyed");
    }
    return 0;
  }

  int cuMemHostRegister_v2(long pointer, long bytes, int flags) {
    return calls.bound(
        "cuMemHostRegister_v2",
        () -> {
          if (pointer == 0 || bytes <= 0 || flags != 0) {
            return gate.fail(INVALID_VALUE, "%d bytes were registered with %d", bytes, flags);
          }
          if (!owner.registers()) {
            return gate.fail(NOT_SUPPORTED, "a device registers no memory, and was asked to");
          }
          return memory.register(new StandInRange(pointer, bytes)) ? 0 : ALREADY_REGISTERED;
        });
  }

  int cuMemHostUnregister(long pointer) {
    return calls.bound("cuMemHostUnregister", () -> unregister(pointer), () -> unregister(pointer));
  }

  private int unregister(long pointer) {
    StandInRange range = memory.unregister(pointer);
    if (range == null) {
      return gate.fail(NOT_REGISTERED, "memory was unregistered that was not registered");
    }
    List<String> users = streams.using(range);
    if (!users.isEmpty()) {
      gate.fail("host memory was unregistered while %s was under way", users);
    }
    return 0;
  }

  int cuGetErrorName(int status, long text) {
    return text(status, text, STATUSES.get(status));
  }

  int cuGetErrorString(int status, long text) {
    return text(status, text, "what " + STATUSES.get(status) + " means");
  }

  private int text(int status, long text, @Nullable String words) {
    if (!STATUSES.containsKey(status) || words == null) {
      StandInCalls.putLong(text, 0);
      return INVALID_VALUE;
    }
    StandInCalls.putLong(text, owner.cString(words));
    return 0;
  }
}
