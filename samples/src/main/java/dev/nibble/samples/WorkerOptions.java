package dev.nibble.samples;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of {@code nibble train} about workers that share every batch. */
final class WorkerOptions {
  @Option(
      names = "--workers",
      paramLabel = "N",
      description =
          "Train with N processes on this machine, each of which computes a part of every batch."
              + " The weights are the same for any number; threads and memory count for each.")
  @Nullable Integer workers;

  @Option(
      names = "--rank",
      paramLabel = "R",
      description =
          "Be worker R of --world, counted from 0, which all meet at --rendezvous; start each with"
              + " the same options. Worker 0 writes the run's files and tells its progress.")
  @Nullable Integer rank;

  @Option(names = "--world", paramLabel = "N", description = "Workers in all, with --rank.")
  @Nullable Integer world;

  @Option(
      names = "--rendezvous",
      paramLabel = "HOST:PORT",
      description = "Where worker 0 listens and the others join, with --rank.")
  @Nullable String rendezvous;

  @Option(
      names = "--secret-file",
      paramLabel = "FILE",
      description =
          "A file whose first line all workers know and strangers do not, at least 16 letters; or"
              + " the variable NIBBLE_SECRET. It proves who may join; what is exchanged is not"
              + " encrypted.")
  @Nullable String secretFile;

  @Option(
      names = "--shards",
      paramLabel = "N",
      description =
          "Workers that large weights and small batches are cut for at least; the weights depend on"
              + " it in their last digits. Default: 1, which is enough for small networks.")
  @Nullable Integer shards;

  @Option(
      names = "--batch-norm",
      paramLabel = "OF",
      description =
          "global: statistics of the whole batch; local: of each worker's part, which waits for"
              + " nobody, but makes other weights for each number of workers. Default: global.")
  @Nullable String batchNorm;

  @Option(
      names = "--patience",
      paramLabel = "SECONDS",
      description =
          "After how long without a sign of life a worker counts as lost, and ends the run."
              + " Default: 8.")
  @Nullable Double patience;
}
