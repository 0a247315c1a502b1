package dev.nibble.kernels.cublas;

import dev.nibble.kernels.cublas.DynamicLinker.LoadException;
import dev.nibble.kernels.cublas.LibrarySearch.Candidate;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Loads the libraries from the first place where they work, and remembers where they did not. */
final class CudaLibraries {
  private final LibrarySearch search;
  private final DynamicLinker linker;

  CudaLibraries(LibrarySearch search, DynamicLinker linker) {
    this.search = search;
    this.linker = linker;
  }

  /**
   * cuBLAS and where it was found.
   *
   * @param text its file, and what was found before it and does not do
   */
  record Blas(Cublas functions, String text) {}

  /**
   * Loads the driver.
   *
   * @throws CudaUnavailableException if there is none, or none that works
   */
  CudaDriver driver() throws CudaUnavailableException {
    Failures failures = new Failures();
    search.missingFolders().forEach(failures::absent);
    for (String name : search.driver()) {
      Optional<NativeLibrary> library = open(name, failures);
      if (library.isPresent()) {
        try {
          return new CudaDriver(library.get(), library.get().path("cuInit"));
        } catch (CudaUnavailableException e) {
          failures.broken(reason(e));
          library.get().giveUp();
        }
      }
    }
    throw new CudaUnavailableException(
        failures.isAnyBroken()
            ? failures.brokenText()
            : "there is no NVIDIA driver (%s)".formatted(failures.absentText()));
  }

  /**
   * Loads cuBLAS, of a major version that the driver and the device support.
   *
   * @throws CudaUnavailableException if there is none, or none that works
   */
  Blas blas(Cuda.Started started) throws CudaUnavailableException {
    Failures failures = new Failures();
    // Told even if cuBLAS is found elsewhere: the user meant another one.
    search.missingFolders().forEach(failures::broken);
    if (!search.libdir().isEmpty()) {
      failures.absent("none in " + search.libdir());
    }
    for (Candidate candidate : search.blas()) {
      if (isAbsent(candidate, failures)) {
        continue;
      }
      Optional<String> unsupported = unsupported(candidate, started);
      if (unsupported.isPresent()) {
        if (candidate.folder() != null) {
          failures.broken(unsupported.get());
        }
        continue;
      }
      Optional<Blas> blas = blas(candidate, failures);
      if (blas.isPresent()) {
        return blas.get();
      }
    }
    throw new CudaUnavailableException(
        failures.isAnyBroken() ? failures.brokenText() : noBlas(failures, started));
  }

  /** Taken whole from one place, or not at all: versions of its two parts must not be mixed. */
  private Optional<Blas> blas(Candidate candidate, Failures failures) {
    Optional<NativeLibrary> light = open(candidate.light(), failures);
    if (light.isEmpty()) {
      return Optional.empty();
    }
    Optional<NativeLibrary> library = open(candidate.blas(), failures);
    if (library.isPresent()) {
      String path = library.get().path("cublasCreate_v2");
      try {
        Cublas functions = new Cublas(library.get(), path);
        return Optional.of(new Blas(functions, withFailures(path, failures)));
      } catch (CudaUnavailableException e) {
        failures.broken(reason(e));
        library.get().giveUp();
      }
    }
    light.get().giveUp();
    return Optional.empty();
  }

  private Optional<NativeLibrary> open(String name, Failures failures) {
    Optional<Path> file = name.contains("/") ? Optional.of(Path.of(name)) : Optional.empty();
    if (file.isPresent() && Files.notExists(file.get())) {
      return Optional.empty();
    }
    Path taken = file.orElseGet(() -> takenByLinker(name));
    Optional<String> fault = taken == null ? Optional.empty() : fault(taken);
    if (fault.isPresent()) {
      failures.broken("%s does not load: %s".formatted(taken, fault.get()));
      return Optional.empty();
    }
    try {
      return Optional.of(NativeLibrary.open(name, linker));
    } catch (LoadException e) {
      String words = String.valueOf(e.getMessage());
      // The linker begins with the file that is at fault: the name itself where it found none.
      if (file.isEmpty() && words.startsWith(name + ":")) {
        failures.absent(words);
      } else {
        failures.broken("%s does not load (%s)".formatted(name, words));
      }
      return Optional.empty();
    }
  }

  /** The file in the linker's path that it will take for a name; null where it looks elsewhere. */
  private @Nullable Path takenByLinker(String name) {
    for (Path file : search.inLinkersPath(name)) {
      if (!ElfFile.fault(file).equals(Optional.of(ElfFile.OTHER_PROCESSOR))) {
        return file;
      }
    }
    return null;
  }

  /** What keeps a file from being given to the linker, which a pipe would never come back from. */
  private static Optional<String> fault(Path file) {
    return Files.isRegularFile(file) ? ElfFile.fault(file) : Optional.of("it is not a file");
  }

  /** Whether there is nothing of cuBLAS in a folder; half of it is told. */
  private static boolean isAbsent(Candidate candidate, Failures failures) {
    if (candidate.folder() == null) {
      return false;
    }
    boolean light = Files.exists(Path.of(candidate.light()));
    boolean blas = Files.exists(Path.of(candidate.blas()));
    if (light != blas) {
      failures.broken(
          "%s is missing beside %s"
              .formatted(
                  light ? candidate.blas() : candidate.light(),
                  light ? candidate.light() : candidate.blas()));
    }
    return !light || !blas;
  }

  private static String withFailures(String path, Failures failures) {
    return failures.isAnyBroken() ? "%s (%s)".formatted(path, failures.brokenText()) : path;
  }

  /** Why this version is too new; empty if it isn't. */
  private static Optional<String> unsupported(Candidate candidate, Cuda.Started started) {
    if (candidate.major() > started.version() / 1000) {
      return Optional.of(
          "%s needs a driver for CUDA %d, and this one supports CUDA %s: update the driver or install cuBLAS %d"
              .formatted(
                  candidate.blas(),
                  candidate.major(),
                  Cuda.version(started.version()),
                  started.version() / 1000));
    }
    if (candidate.capability() > started.capability()) {
      return Optional.of(
          "%s needs a device of compute capability %s, and this one has %s: install cuBLAS %d"
              .formatted(
                  candidate.blas(),
                  capability(candidate.capability()),
                  capability(started.capability()),
                  candidate.major() - 1));
    }
    return Optional.empty();
  }

  private static String capability(int tenfold) {
    return tenfold / 10 + "." + tenfold % 10;
  }

  private static String noBlas(Failures failures, Cuda.Started started) {
    boolean older = started.capability() < LibrarySearch.CAPABILITY_13;
    String device =
        older
            ? " and the device, of compute capability %s, cuBLAS 12 at most"
                .formatted(capability(started.capability()))
            : "";
    return "the driver supports CUDA %s%s, but there is no cuBLAS for it (%s): install cuBLAS%s, or name its folder with -D%s"
        .formatted(
            Cuda.version(started.version()),
            device,
            failures.absentText(),
            older ? " 12" : "",
            CudaOptions.LIBDIR_PROPERTY);
  }

  private static String reason(CudaUnavailableException e) {
    return String.valueOf(e.getMessage());
  }
}
