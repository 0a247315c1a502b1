package dev.nibble.engine.collective;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.util.List;

/**
 * The few functions of an MPI library that are needed. There are two families of libraries, which a
 * program in C tells apart when it is compiled: in MPICH's (also Intel's, Cray's), communicators,
 * types and requests are numbers; in Open MPI's, addresses of the library's own structures.
 */
final class Mpi {
  private static final int SUCCESS = 0;

  /** One thread at a time calls MPI. */
  private static final int SERIALIZED = 2;

  // MPICH's mpi.h
  private static final int MPICH_WORLD = 0x44000000;
  private static final int MPICH_BYTE = 0x4c00010d;
  private static final int MPICH_ERRORS_RETURN = 0x54000001;
  private static final long MPICH_IGNORE = 1;

  private final boolean open;
  private final String description;
  private final int rank;
  private final int size;
  private final MethodHandle send;
  private final MethodHandle receive;
  private final MethodHandle test;
  private final MethodHandle abort;
  private final MethodHandle end;

  private Mpi(SymbolLookup library, String name) throws Throwable {
    this.open = library.find("ompi_mpi_comm_world").isPresent();
    this.description = (open ? "Open MPI" : "MPICH") + " (" + name + ")";
    Linker linker = Linker.nativeLinker();
    // Addresses as numbers: a segment made for every call would be an allocation.
    ValueLayout handle = open ? JAVA_LONG : JAVA_INT;
    long world = open ? address(library, "ompi_mpi_comm_world") : MPICH_WORLD;
    long type = open ? address(library, "ompi_mpi_byte") : MPICH_BYTE;
    long errors = open ? address(library, "ompi_mpi_errors_return") : MPICH_ERRORS_RETURN;
    MethodHandle init =
        find(linker, library, "MPI_Init_thread", ADDRESS, ADDRESS, JAVA_INT, ADDRESS);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment number = arena.allocate(JAVA_INT);
      check(
          "MPI_Init_thread",
          (int) init.invoke(MemorySegment.NULL, MemorySegment.NULL, SERIALIZED, number));
      if (number.get(JAVA_INT, 0) < SERIALIZED - 1) {
        throw new CollectiveException(description + " does not work in programs with threads.");
      }
      MethodHandle handler =
          bound(find(linker, library, "MPI_Comm_set_errhandler", handle, handle), 0, world);
      check("MPI_Comm_set_errhandler", (int) bound(handler, 0, errors).invoke());
      MethodHandle commRank =
          bound(find(linker, library, "MPI_Comm_rank", handle, ADDRESS), 0, world);
      check("MPI_Comm_rank", (int) commRank.invoke(number));
      this.rank = number.get(JAVA_INT, 0);
      MethodHandle commSize =
          bound(find(linker, library, "MPI_Comm_size", handle, ADDRESS), 0, world);
      check("MPI_Comm_size", (int) commSize.invoke(number));
      this.size = number.get(JAVA_INT, 0);
    }
    MemoryLayout[] message = {JAVA_LONG, JAVA_INT, handle, JAVA_INT, JAVA_INT, handle, JAVA_LONG};
    // buffer, bytes, [type], peer, tag, [world], request
    this.send = bound(bound(find(linker, library, "MPI_Isend", message), 5, world), 2, type);
    this.receive = bound(bound(find(linker, library, "MPI_Irecv", message), 5, world), 2, type);
    this.test = find(linker, library, "MPI_Testall", JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG);
    this.abort = bound(find(linker, library, "MPI_Abort", handle, JAVA_INT), 0, world);
    this.end = find(linker, library, "MPI_Finalize");
  }

  /** Binds a handle, which is a long or an int. */
  private static MethodHandle bound(MethodHandle function, int position, long handle) {
    Class<?> type = function.type().parameterType(position);
    Object value = type == int.class ? (Object) (int) handle : (Object) handle;
    return MethodHandles.insertArguments(function, position, value);
  }

  private static long address(SymbolLookup library, String name) {
    return library
        .find(name)
        .orElseThrow(() -> new CollectiveException("The MPI library lacks " + name + "."))
        .address();
  }

  @SuppressWarnings("restricted") // the functions of a library are native
  private static MethodHandle find(
      Linker linker, SymbolLookup library, String name, MemoryLayout... arguments) {
    MemorySegment function =
        library
            .find(name)
            .orElseThrow(() -> new CollectiveException("The MPI library lacks " + name + "."));
    return linker.downcallHandle(function, FunctionDescriptor.of(JAVA_INT, arguments));
  }

  private static void check(String function, int code) {
    if (code != SUCCESS) {
      throw new CollectiveException("MPI failed: %s gave %d.".formatted(function, code));
    }
  }

  /**
   * UCX, below many MPI libraries, takes a SIGSEGV for a crash and ends the process, where the JVM
   * finds nulls by it. Whoever has set the variable is left alone.
   */
  @SuppressWarnings("restricted") // a function of the C library is native
  private static void leaveSignals() {
    Linker linker = Linker.nativeLinker();
    MemorySegment function = linker.defaultLookup().find("setenv").orElse(null);
    if (function == null) {
      return; // no POSIX, no UCX
    }
    MethodHandle setenv =
        linker.downcallHandle(
            function, FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_INT));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment name = arena.allocateFrom("UCX_ERROR_SIGNALS");
      check("setenv", (int) setenv.invokeExact(name, arena.allocateFrom(""), 0));
    } catch (Throwable e) {
      throw thrown(e);
    }
  }

  /**
   * Finds the system's library, of the family that {@code mpirun} is of, and starts it.
   *
   * @throws CollectiveException if there is none, or it does not start
   */
  @SuppressWarnings("restricted") // a library is native
  static Mpi start() {
    String wanted = System.getProperty("nibble.mpi.library");
    List<String> names =
        wanted != null
            ? List.of(wanted)
            : System.getenv("OMPI_COMM_WORLD_RANK") != null
                ? List.of("libmpi.so.40", "libmpi.so.80", "libmpi.so")
                : List.of("libmpich.so.12", "libmpi.so.12", "libmpi_cray.so", "libmpi.so");
    leaveSignals();
    for (String name : names) {
      SymbolLookup library;
      try {
        library = SymbolLookup.libraryLookup(name, Arena.global());
      } catch (IllegalArgumentException e) {
        continue; // not there
      }
      try {
        return new Mpi(library, name);
      } catch (RuntimeException | Error e) {
        throw e;
      } catch (Throwable e) {
        throw new CollectiveException("MPI failed: " + e, e);
      }
    }
    throw new CollectiveException(
        "There is no MPI library (%s): install MPICH or Open MPI, or name it with -Dnibble.mpi.library=FILE."
            .formatted(String.join(", ", names)));
  }

  String description() {
    return description;
  }

  int rank() {
    return rank;
  }

  int size() {
    return size;
  }

  /** Bytes of a request's handle. */
  int requestBytes() {
    return open ? 8 : 4;
  }

  void send(long memory, int bytes, int peer, int tag, long request) {
    try {
      check("MPI_Isend", (int) send.invokeExact(memory, bytes, peer, tag, request));
    } catch (Throwable e) {
      throw thrown(e);
    }
  }

  void receive(long memory, int bytes, int peer, int tag, long request) {
    try {
      check("MPI_Irecv", (int) receive.invokeExact(memory, bytes, peer, tag, request));
    } catch (Throwable e) {
      throw thrown(e);
    }
  }

  /** Whether all requests are done. */
  boolean isDone(int count, long requests, MemorySegment flag) {
    try {
      long ignored = open ? 0 : MPICH_IGNORE;
      check("MPI_Testall", (int) test.invokeExact(count, requests, flag.address(), ignored));
      return flag.get(JAVA_INT, 0) != 0;
    } catch (Throwable e) {
      throw thrown(e);
    }
  }

  void abort() {
    try {
      int code = (int) abort.invokeExact(1);
      check("MPI_Abort", code);
    } catch (Throwable e) {
      throw thrown(e);
    }
  }

  void end() {
    try {
      check("MPI_Finalize", (int) end.invokeExact());
    } catch (Throwable e) {
      throw thrown(e);
    }
  }

  private static RuntimeException thrown(Throwable e) {
    if (e instanceof RuntimeException r) {
      return r;
    }
    if (e instanceof Error error) {
      throw error;
    }
    return new IllegalStateException(e);
  }
}
