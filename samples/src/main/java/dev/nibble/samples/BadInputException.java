package dev.nibble.samples;

import dev.nibble.engine.checkpoint.CheckpointException;
import dev.nibble.engine.data.DataException;
import dev.nibble.engine.exchange.ExchangeException;
import dev.nibble.engine.tensorboard.TensorBoardException;
import dev.nibble.engine.train.DivergedException;
import dev.nibble.kernels.provider.KernelUnavailableException;
import dev.nibble.memory.MemoryLimitException;
import dev.nibble.samples.serve.ServiceException;
import java.io.IOException;
import java.io.Serial;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Says in one sentence what is wrong with what the user gave, and what to do about it. */
final class BadInputException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  BadInputException(String sentence) {
    super(sentence);
  }

  BadInputException(String sentence, Throwable cause) {
    super(sentence, cause);
  }

  /** A file that cannot be read or written, with the reason in words. */
  static BadInputException file(String action, Path file, IOException e) {
    return new BadInputException("Cannot " + action + " " + file + ": " + reason(e) + ".", e);
  }

  /** Runs what checks an input; a complaint about its arguments becomes one about the input. */
  static <T> T check(Supplier<T> input) {
    try {
      return input.get();
    } catch (IllegalArgumentException e) {
      // As it is: it may begin with a name, such as a layer's.
      throw new BadInputException(String.valueOf(e.getMessage()), e);
    }
  }

  /** Reads a path. */
  static Path path(String text) {
    try {
      return Path.of(text);
    } catch (InvalidPathException e) {
      if (!StandardCharsets.US_ASCII.newEncoder().canEncode(text)) {
        throw new BadInputException(
            "'%s' has letters that the locale's character set %s lacks: set LC_ALL=C.UTF-8."
                .formatted(text, System.getProperty("sun.jnu.encoding")),
            e);
      }
      throw new BadInputException("'%s' is not a file's name.".formatted(text), e);
    }
  }

  /** What to tell the user if the failure is of a kind that he can do something about. */
  static @Nullable String sentenceOf(Throwable e) {
    return switch (e) {
      case BadInputException b -> b.getMessage();
      case DataException d -> d.getMessage();
      case ExchangeException x -> x.getMessage();
      case CheckpointException c -> c.getMessage();
      case MemoryLimitException m -> m.getMessage();
      case ServiceException s -> s.getMessage();
      case KernelUnavailableException k -> k.getMessage();
      case DivergedException d -> d.getMessage();
      case TensorBoardException t -> t.getMessage();
      default -> null;
    };
  }

  private static String reason(IOException e) {
    if (e instanceof NoSuchFileException) {
      return "no such file or folder";
    }
    if (e instanceof AccessDeniedException) {
      return "access is denied";
    }
    if (e instanceof FileSystemException f && f.getReason() != null) {
      return f.getReason();
    }
    return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
  }
}
