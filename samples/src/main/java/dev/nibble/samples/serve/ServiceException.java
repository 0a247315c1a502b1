package dev.nibble.samples.serve;

import java.io.IOException;
import java.io.Serial;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Says in one sentence why the service cannot start, and what to do about it. */
public final class ServiceException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  ServiceException(String sentence) {
    super(sentence);
  }

  ServiceException(String sentence, Throwable cause) {
    super(sentence, cause);
  }

  /** A file that cannot be used, with the reason in words. */
  static ServiceException file(String action, Path file, IOException e) {
    return new ServiceException("Cannot %s %s: %s.".formatted(action, file, reason(e)), e);
  }

  /** The reason of a failure in words: the bare file name that some exceptions carry is none. */
  static String reason(IOException e) {
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
