package dev.nibble.samples;

import dev.nibble.engine.collective.Collective;
import dev.nibble.engine.collective.Listener;
import dev.nibble.engine.collective.MpiCollective;
import dev.nibble.engine.collective.TcpCollective;
import dev.nibble.engine.collective.TcpSettings;
import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The workers that share a run, and which of them this process is. With {@code --workers}, this is
 * worker 0, and starts the others with its own command line; variables tell them who they are.
 * Under {@code mpirun} they are those that it has started.
 */
final class WorkerGroup implements AutoCloseable {
  private static final String WORKER = "NIBBLE_WORKER";
  private static final String SECRET = "NIBBLE_SECRET";
  private static final int LEAST_SECRET = 16;
  private static final long END_SECONDS = 10;
  private static final Duration MPI_DEADLINE = Duration.ofMinutes(10);

  private final int rank;
  private final int count;
  private final boolean child;
  private final boolean starts;
  private final @Nullable InetSocketAddress rendezvous;
  private final @Nullable TcpSettings settings;
  private final List<Process> children = new ArrayList<>();
  private @Nullable Collective collective;

  private WorkerGroup(
      int rank,
      int count,
      boolean child,
      boolean starts,
      @Nullable InetSocketAddress rendezvous,
      @Nullable TcpSettings settings) {
    this.rank = rank;
    this.count = count;
    this.child = child;
    this.starts = starts;
    this.rendezvous = rendezvous;
    this.settings = settings;
  }

  /** Reads who takes part; nothing is started yet. */
  static WorkerGroup of(WorkerOptions options) {
    checkCombination(options);
    double patience = options.patience == null ? 8 : options.patience;
    if (!(patience >= 1 && patience <= 3600)) {
      throw new BadInputException("--patience is %s: give 1 to 3600 seconds.".formatted(patience));
    }
    String told = System.getenv(WORKER);
    if (options.workers != null) {
      int workers = checkCount("--workers", options.workers);
      if (told != null) {
        return child(told, patience);
      }
      InetSocketAddress any = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
      byte[] secret = new byte[32];
      new SecureRandom().nextBytes(secret);
      String text = HexFormat.of().formatHex(secret);
      return workers == 1
          ? alone()
          : new WorkerGroup(0, workers, false, true, any, tcp(text, patience));
    }
    if (options.rank == null || options.world == null || options.rendezvous == null) {
      MpiCollective.Place place = MpiCollective.place();
      return place == null || place.size() == 1
          ? alone()
          : new WorkerGroup(
              place.rank(), checkCount("mpirun's -n", place.size()), false, false, null, null);
    }
    int world = checkCount("--world", options.world);
    if (options.rank < 0 || options.rank >= world) {
      throw new BadInputException(
          "--rank is %d: with --world %d it is 0 to %d.".formatted(options.rank, world, world - 1));
    }
    InetSocketAddress address = address(options.rendezvous);
    return world == 1
        ? alone()
        : new WorkerGroup(
            options.rank, world, false, false, address, tcp(secret(options), patience));
  }

  private static WorkerGroup alone() {
    return new WorkerGroup(0, 1, false, false, null, null);
  }

  private static void checkCombination(WorkerOptions options) {
    boolean any = options.rank != null || options.world != null || options.rendezvous != null;
    boolean all = options.rank != null && options.world != null && options.rendezvous != null;
    if (any && options.workers != null) {
      throw new BadInputException(
          "Give --workers for processes on this machine, or --rank, --world and --rendezvous for"
              + " those of several, not both.");
    }
    if (any && !all) {
      throw new BadInputException("Give --rank, --world and --rendezvous together.");
    }
  }

  private static int checkCount(String option, int count) {
    if (count < 1 || count > 32) {
      throw new BadInputException(
          "%s is %d: give 1 to 32, the most parts that a batch is cut into."
              .formatted(option, count));
    }
    return count;
  }

  /** {@code RANK/COUNT@PORT}, as {@link #start} says it. */
  private static WorkerGroup child(String told, double patience) {
    int slash = told.indexOf('/');
    int at = told.indexOf('@');
    String secret = System.getenv(SECRET);
    try {
      int port = Integer.parseInt(told.substring(at + 1));
      return new WorkerGroup(
          Integer.parseInt(told.substring(0, slash)),
          Integer.parseInt(told.substring(slash + 1, at)),
          true,
          false,
          new InetSocketAddress(InetAddress.getLoopbackAddress(), port),
          tcp(secret == null ? "" : secret, patience));
    } catch (NumberFormatException | IndexOutOfBoundsException e) {
      throw new BadInputException(
          "The variable %s is '%s': it is set by nibble for the workers that it starts; unset it."
              .formatted(WORKER, told),
          e);
    }
  }

  private static TcpSettings tcp(String secret, double patience) {
    TcpSettings standard = BadInputException.check(() -> TcpSettings.of(secret));
    Duration silence = Duration.ofMillis((long) (1000 * patience));
    return standard.withDeadlines(standard.join(), silence, standard.step());
  }

  private static String secret(WorkerOptions options) {
    String secret = System.getenv(SECRET);
    if (options.secretFile != null) {
      Path file = BadInputException.path(options.secretFile);
      try {
        secret = Files.readString(file).lines().findFirst().orElse("");
      } catch (IOException e) {
        throw BadInputException.file("read the secret", file, e);
      }
    }
    if (secret == null || secret.getBytes(StandardCharsets.UTF_8).length < LEAST_SECRET) {
      throw new BadInputException(
          "Workers know each other by a secret of at least %d letters: give all of them the same --secret-file, or set NIBBLE_SECRET."
              .formatted(LEAST_SECRET));
    }
    return secret;
  }

  private static InetSocketAddress address(String text) {
    int colon = text.lastIndexOf(':');
    try {
      int port = Integer.parseInt(text.substring(colon + 1));
      if (colon > 0 && port > 0 && port < 65536) {
        InetSocketAddress address = new InetSocketAddress(text.substring(0, colon), port);
        if (address.isUnresolved()) {
          throw new BadInputException(
              "The host %s of --rendezvous is unknown.".formatted(address.getHostString()));
        }
        return address;
      }
    } catch (NumberFormatException e) {
      // said below
    }
    throw new BadInputException(
        "--rendezvous is '%s': give HOST:PORT, such as 10.0.0.1:7001.".formatted(text));
  }

  /** This worker. */
  int rank() {
    return rank;
  }

  /** Workers. */
  int count() {
    return count;
  }

  /** Whether the worker that started this one tells what ended the run. */
  boolean isChild() {
    return child;
  }

  /** The threads that a worker takes unless told: all cores, shared with those on this machine. */
  @Nullable Integer threads() {
    return starts || child ? Math.max(1, Runtime.getRuntime().availableProcessors() / count) : null;
  }

  /**
   * Meets the other workers, starting them where that is this one's part; null where there are
   * none.
   *
   * @throws dev.nibble.engine.collective.CollectiveException if not all come
   */
  @Nullable Collective meet() {
    if (count == 1) {
      return null;
    }
    InetSocketAddress where = rendezvous;
    TcpSettings how = settings;
    if (where == null || how == null) {
      collective = MpiCollective.join(MPI_DEADLINE);
      return collective;
    }
    if (rank > 0) {
      collective = TcpCollective.join(where, rank, count, how);
      return collective;
    }
    Listener listener;
    try {
      listener = Listener.open(where);
    } catch (IOException e) {
      throw new BadInputException(
          "Worker 0 cannot listen at %s:%d: %s."
              .formatted(where.getHostString(), where.getPort(), e.getMessage()),
          e);
    }
    if (starts) {
      start(listener.address().getPort(), how);
    }
    collective = TcpCollective.host(listener, count, how, this::deadChild);
    return collective;
  }

  private @Nullable String deadChild() {
    for (int i = 0; i < children.size(); i++) {
      if (!children.get(i).isAlive()) {
        return "Worker %d of %d has ended before the run began, with exit code %d."
            .formatted(i + 1, count, children.get(i).exitValue());
      }
    }
    return null;
  }

  private void start(int port, TcpSettings how) {
    List<String> command = ownCommand();
    for (int worker = 1; worker < count; worker++) {
      ProcessBuilder builder =
          new ProcessBuilder(command)
              .redirectInput(new File("/dev/null"))
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .redirectError(ProcessBuilder.Redirect.INHERIT);
      builder.environment().put(WORKER, "%d/%d@%d".formatted(worker, count, port));
      builder.environment().put(SECRET, new String(how.secret(), StandardCharsets.UTF_8));
      try {
        children.add(builder.start());
      } catch (IOException e) {
        throw new BadInputException(
            "Worker %d cannot be started: %s.".formatted(worker, e.getMessage()), e);
      }
    }
  }

  /** The command line of this process, as the system knows it, however long it is. */
  private static List<String> ownCommand() {
    try {
      byte[] line = Files.readAllBytes(Path.of("/proc/self/cmdline"));
      String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
      List<String> words =
          new ArrayList<>(List.of(new String(line, StandardCharsets.UTF_8).split("\0", -1)));
      words.removeLast(); // behind the last zero
      words.set(0, java);
      if (words.stream().noneMatch(word -> word.endsWith(Nibble.class.getName()))) {
        throw new BadInputException(
            "--workers starts the others as this process was started, which is not the command"
                + " nibble: start each with --rank, --world and --rendezvous.");
      }
      return words;
    } catch (IOException e) {
      throw new BadInputException(
          "This system does not tell how nibble was started, so --workers cannot start the others:"
              + " start each with --rank, --world and --rendezvous.",
          e);
    }
  }

  /** Leaves the others, and sees that none of those that it started stays behind. */
  @Override
  public void close() {
    Collective open = collective;
    if (open != null) {
      open.close();
    }
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(END_SECONDS);
    boolean interrupted = false;
    for (Process process : children) {
      try {
        if (!process.waitFor(Math.max(0, end - System.nanoTime()), TimeUnit.NANOSECONDS)) {
          process.destroyForcibly();
        }
      } catch (InterruptedException e) {
        interrupted = true;
        process.destroyForcibly();
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
