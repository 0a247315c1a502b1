package dev.nibble.samples;

import dev.nibble.memory.ByteSize;
import dev.nibble.memory.MemoryAccount;
import java.io.PrintWriter;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What a command may plan: {@code --memory-limit}, or else what the container that holds the
 * process leaves beside the JVM; who exceeds that is killed without a word.
 *
 * @param bytes the limit; {@link MemoryAccount#UNLIMITED} if there is none
 * @param given whether it is the user's
 * @param container what the container allows; null outside of one
 */
record MemoryLimit(long bytes, boolean given, @Nullable Long container) {
  /**
   * What a JVM needs beside the plan: heap, compiler, compiled code. Measured: 184 MiB of a
   * training run of ResNet-20 on the built-in data.
   */
  static final long JVM_BYTES = 192L << 20;

  /**
   * The limit of this process.
   *
   * @param text what {@code --memory-limit} says, or null
   * @throws BadInputException if that is no size, or it is missing and the container leaves nothing
   */
  static MemoryLimit of(@Nullable String text) {
    return of(text, ContainerMemory.limit(Path.of("/"), Machine.memoryBytes()));
  }

  static MemoryLimit of(@Nullable String text, @Nullable Long container) {
    Long given = Inputs.bytes(text);
    if (given != null) {
      return new MemoryLimit(given, true, container);
    }
    if (container == null) {
      return new MemoryLimit(MemoryAccount.UNLIMITED, false, null);
    }
    if (container <= JVM_BYTES) {
      throw new BadInputException(
          "This container allows %s of memory, of which the JVM itself needs about %s: give it more, or insist with --memory-limit."
              .formatted(ByteSize.format(container), ByteSize.format(JVM_BYTES)));
    }
    return new MemoryLimit(container - JVM_BYTES, false, container);
  }

  /** Whether there is one. */
  boolean isSet() {
    return bytes != MemoryAccount.UNLIMITED;
  }

  /** What set it, for a sentence that goes on with a verb. */
  String source() {
    return given || container == null
        ? "--memory-limit"
        : "what this container leaves beside the JVM";
  }

  /** Warns of a limit that the container will not grant. */
  void warn(PrintWriter err) {
    if (given && container != null && bytes > container - JVM_BYTES) {
      err.printf(
          "nibble: --memory-limit is %s, but this container allows %s in all and the JVM needs about %s of it: a run that needs as much will be killed.%n",
          ByteSize.format(bytes), ByteSize.format(container), ByteSize.format(JVM_BYTES));
    }
  }

  /** An account of so much. */
  MemoryAccount account() {
    return MemoryAccount.root("nibble", bytes);
  }
}
