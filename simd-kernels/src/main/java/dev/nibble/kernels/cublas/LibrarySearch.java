package dev.nibble.kernels.cublas;

import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Where NVIDIA's libraries may lie, in the order in which they are tried: the folder that the user
 * named, those of Python's wheels, wherever the system's linker looks, those of a CUDA toolkit.
 */
final class LibrarySearch {
  /** Of the driver; {@code libcuda.so} is a link for compilers. */
  static final String DRIVER = "libcuda.so.1";

  /** Major versions of cuBLAS that are known to have the functions used, newest first. */
  static final List<Integer> MAJORS = List.of(13, 12);

  /**
   * The device that cuBLAS 13 needs: it has no code for those before Turing, unlike its drivers.
   */
  static final int CAPABILITY_13 = 75;

  private static final List<Path> WHEELS =
      List.of(Path.of("nvidia", "cu13", "lib"), Path.of("nvidia", "cublas", "lib"));
  private static final List<String> TOOLKITS = List.of("CUDA_HOME", "CUDA_PATH");
  private static final List<String> TOOLKIT_FOLDERS = List.of("lib64", "lib");

  private final CudaOptions options;
  private final UnaryOperator<@Nullable String> environment;

  /**
   * A search.
   *
   * @param environment the environment's variables by name; null for one that isn't set
   */
  LibrarySearch(CudaOptions options, UnaryOperator<@Nullable String> environment) {
    this.options = options;
    this.environment = environment;
  }

  /**
   * cuBLAS of one major version at one place.
   *
   * @param folder null for wherever the linker looks
   */
  record Candidate(@Nullable Path folder, int major) {
    /** The part of it that does matrix products, which is loaded first. */
    String light() {
      return name("libcublasLt.so.");
    }

    String blas() {
      return name("libcublas.so.");
    }

    /** The compute capability that it needs, times 10; 0 where every driver's devices will do. */
    int capability() {
      return major >= 13 ? CAPABILITY_13 : 0;
    }

    private String name(String stem) {
      return at(folder, stem + major);
    }
  }

  /** Names to load the driver by. */
  List<String> driver() {
    Path folder = options.libdir();
    return folder == null ? List.of(DRIVER) : List.of(at(folder, DRIVER), DRIVER);
  }

  /** Places to load cuBLAS from. */
  List<Candidate> blas() {
    List<Candidate> candidates = new ArrayList<>();
    Path libdir = options.libdir();
    if (libdir != null) {
      add(libdir, candidates);
    }
    for (Path root : options.roots()) {
      WHEELS.forEach(wheel -> add(root.resolve(wheel), candidates));
    }
    add(null, candidates);
    for (String variable : TOOLKITS) {
      Path toolkit = path(environment.apply(variable));
      if (toolkit != null) {
        TOOLKIT_FOLDERS.forEach(folder -> add(toolkit.resolve(folder), candidates));
      }
    }
    return candidates;
  }

  /** Files of that name in the folders that the system's linker looks into first. */
  List<Path> inLinkersPath(String name) {
    String folders = environment.apply("LD_LIBRARY_PATH");
    if (folders == null) {
      return List.of();
    }
    return Arrays.stream(folders.split("[:;]", -1))
        .map(LibrarySearch::path)
        .filter(Objects::nonNull)
        .map(folder -> folder.resolve(name))
        .filter(Files::isRegularFile)
        .toList();
  }

  /** What the user named and is not there, for people. */
  List<String> missingFolders() {
    List<String> missing = new ArrayList<>();
    Path libdir = options.libdir();
    if (libdir != null && !Files.isDirectory(libdir)) {
      missing.add(notAFolder(libdir, CudaOptions.LIBDIR_PROPERTY));
    }
    List<Path> roots = options.roots().stream().filter(root -> !Files.isDirectory(root)).toList();
    if (!roots.isEmpty()) {
      String first = notAFolder(roots.getFirst(), CudaOptions.ROOTS_PROPERTY);
      missing.add(
          roots.size() == 1 ? first : first + ", nor are " + (roots.size() - 1) + " others");
    }
    return missing;
  }

  private static String notAFolder(Path path, String property) {
    return "%s, which -D%s names, is not a folder".formatted(path, property);
  }

  /** The folder that the user named, as text; empty if there is none. */
  String libdir() {
    Path folder = options.libdir();
    return folder == null || !Files.isDirectory(folder) ? "" : folder.toString();
  }

  private static void add(@Nullable Path folder, List<Candidate> candidates) {
    MAJORS.forEach(major -> candidates.add(new Candidate(folder, major)));
  }

  /** Null for a variable that isn't set or is no path. */
  private static @Nullable Path path(@Nullable String value) {
    try {
      return value == null || value.isBlank() ? null : Path.of(value);
    } catch (InvalidPathException e) {
      return null;
    }
  }

  /** Absolute, since the linker would search for a name without a slash. */
  private static String at(@Nullable Path folder, String name) {
    return folder == null ? name : folder.resolve(name).toAbsolutePath().toString();
  }
}
