package dev.nibble.kernels.cublas;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Makes C functions of an object's methods, under the methods' names. */
final class StandInStubs {
  private StandInStubs() {}

  /**
   * A library that exports the object's methods whose names begin with a prefix.
   *
   * @param lookup sees the methods
   * @param missing names that the library lacks, looked at on every search
   * @param gate says when functions do nothing
   */
  static SymbolLookup library(
      Object functions,
      MethodHandles.Lookup lookup,
      String prefix,
      Set<String> missing,
      StandInGate gate,
      Arena arena) {
    Map<String, MemorySegment> stubs = new HashMap<>();
    for (Method method : functions.getClass().getDeclaredMethods()) {
      if (method.getName().startsWith(prefix) && !method.isSynthetic()) {
        stubs.put(method.getName(), stub(functions, lookup, method, gate, arena));
      }
    }
    return name -> missing.contains(name) ? Optional.empty() : Optional.ofNullable(stubs.get(name));
  }

  // Test code: the methods have the C functions' types, and catch whatever they throw.
  @SuppressWarnings("restricted")
  private static MemorySegment stub(
      Object functions, MethodHandles.Lookup lookup, Method method, StandInGate gate, Arena arena) {
    MethodType type = MethodType.methodType(method.getReturnType(), method.getParameterTypes());
    MemoryLayout[] parameters =
        Arrays.stream(method.getParameterTypes())
            .map(StandInStubs::layout)
            .toArray(MemoryLayout[]::new);
    FunctionDescriptor descriptor =
        FunctionDescriptor.of(layout(method.getReturnType()), parameters);
    try {
      return Linker.nativeLinker()
          .upcallStub(
              unlessIdle(lookup.bind(functions, method.getName(), type), lookup, gate),
              descriptor,
              arena);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The function, or nothing but a zero while the gate says so. */
  private static MethodHandle unlessIdle(
      MethodHandle function, MethodHandles.Lookup lookup, StandInGate gate)
      throws ReflectiveOperationException {
    MethodType type = function.type();
    MethodHandle idle = lookup.bind(gate, "isIdle", MethodType.methodType(boolean.class));
    MethodHandle nothing =
        MethodHandles.dropArguments(MethodHandles.zero(type.returnType()), 0, type.parameterList());
    return MethodHandles.guardWithTest(idle, nothing, function);
  }

  private static MemoryLayout layout(Class<?> type) {
    return type == int.class ? JAVA_INT : JAVA_LONG;
  }

  /** Memory of the caller's at an address that a call passed. */
  @SuppressWarnings("restricted") // as C would: the caller vouches for its pointers
  static MemorySegment at(long address, long bytes) {
    if (address == 0) {
      throw new IllegalArgumentException("A null pointer was passed");
    }
    return MemorySegment.ofAddress(address).reinterpret(bytes);
  }
}
