package dev.nibble.spark;

import dev.nibble.engine.checkpoint.CheckpointStore;
import dev.nibble.engine.checkpoint.LoadedCheckpoint;
import dev.nibble.engine.collective.Collective;
import dev.nibble.engine.collective.CollectiveException;
import dev.nibble.engine.collective.Listener;
import dev.nibble.engine.collective.TcpCollective;
import dev.nibble.engine.collective.TcpSettings;
import dev.nibble.engine.collective.Workers;
import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.views.Datasets;
import dev.nibble.engine.model.ModelFile;
import dev.nibble.engine.network.NamedNetworks;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.train.DivergedException;
import dev.nibble.engine.train.Trainer;
import dev.nibble.engine.train.TrainingListener;
import dev.nibble.engine.train.TrainingOptions;
import dev.nibble.engine.train.TrainingOptions.Schedule;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.memory.ByteSize;
import dev.nibble.memory.MemoryAccount;
import dev.nibble.memory.MemoryLimitException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.IntStream;
import org.apache.spark.BarrierTaskContext;
import org.jspecify.annotations.Nullable;
import scala.Tuple2;

/** One worker of a fit: a task of the barrier stage. */
final class FitTask {
  /** Training pictures on which loss and accuracy are told after each epoch. */
  private static final int WATCHED = 64;

  private final FitSettings settings;
  private final BarrierTaskContext context;
  private final int rank;

  private FitTask(FitSettings settings, BarrierTaskContext context) {
    this.settings = settings;
    this.context = context;
    this.rank = context.partitionId();
  }

  /** Trains; worker 0 answers, the others do not. */
  static Iterator<FitResult> run(Iterator<Tuple2<String, Example>> pictures, FitSettings settings) {
    FitTask task = new FitTask(settings, BarrierTaskContext.get());
    FitResult result = task.fit(pictures);
    return task.rank == 0 ? List.of(result).iterator() : Collections.emptyIterator();
  }

  private FitResult fit(Iterator<Tuple2<String, Example>> examples) {
    try (Pictures pictures = Pictures.spool(examples, settings)) {
      Path folder =
          settings.checkpoints().isEmpty()
              ? null
              : SharedFolder.agree(
                  context, rank, settings.checkpoints(), "fit-" + pictures.identity());
      try (Collective workers = meet()) {
        return train(pictures.dataset(), workers, folder);
      }
    } catch (DataException
        | DivergedException
        | IllegalArgumentException
        | MemoryLimitException e) {
      // All workers read the same pictures and options, and all are told of what is not finite.
      return FitResult.failed(String.valueOf(e.getMessage()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Collective meet() throws IOException {
    TcpSettings tcp = TcpSettings.of(settings.secret());
    String address = context.getTaskInfos()[rank].address();
    String host = address.contains(":") ? address.substring(0, address.lastIndexOf(':')) : address;
    if (rank > 0) {
      String where = context.allGather("")[0];
      int colon = where.lastIndexOf(':');
      return TcpCollective.join(
          new InetSocketAddress(
              where.substring(0, colon), Integer.parseInt(where.substring(colon + 1))),
          rank,
          settings.workers(),
          tcp);
    }
    Listener listener = Listener.open(new InetSocketAddress(InetAddress.getByName(host), 0));
    try {
      context.allGather(host + ":" + listener.address().getPort());
    } catch (RuntimeException | Error e) {
      listener.close();
      throw e;
    }
    return TcpCollective.host(listener, settings.workers(), tcp);
  }

  private FitResult train(Dataset train, Collective workers, @Nullable Path folder)
      throws IOException {
    int watched = Math.min(WATCHED, train.size());
    Dataset test = Datasets.subset(train, IntStream.range(0, watched).toArray());
    Path start = startFile();
    Kernels kernels = ExecutorKernels.choose();
    try (MemoryAccount account = MemoryAccount.root("nibble-spark", limit());
        Trainer trainer =
            Trainer.open(
                network(train, start),
                new DataSplits(train, test, "the data frame"),
                options(train.size()),
                kernels,
                account,
                workers)) {
      if (start != null) {
        trainer.warmStart(start);
      }
      if (rank == 0 && folder != null) {
        goOn(trainer, new CheckpointStore(folder));
      }
      boolean cancelled = trainer.run(cancelling(trainer)).cancelled();
      if (cancelled) {
        throw new CollectiveException("The fit was cancelled.");
      }
      return FitResult.of(
          rank == 0 ? bytes(trainer) : new byte[0], ExecutorKernels.notice(kernels));
    } finally {
      if (start != null) {
        Files.deleteIfExists(start);
      }
    }
  }

  private static void goOn(Trainer trainer, CheckpointStore store) {
    Optional<LoadedCheckpoint> latest = store.loadLatest(warning -> {});
    if (latest.isPresent()) {
      try (LoadedCheckpoint checkpoint = latest.get()) {
        trainer.resume(checkpoint);
      }
    }
    trainer.checkpointTo(store);
  }

  /** Spark only marks a task that it wants to end. */
  private TrainingListener cancelling(Trainer trainer) {
    return new TrainingListener() {
      @Override
      public void onStep(Step step) {
        if (context.isInterrupted()) {
          trainer.cancel();
        }
      }
    };
  }

  private Network network(Dataset train, @Nullable Path start) {
    int classes = settings.classNames().size();
    if (start != null) {
      Network network = ModelFile.info(start).network();
      return network.classes() == classes ? network : network.withClasses(classes);
    }
    FeatureMap map = new FeatureMap(train.height(), train.width(), train.channels());
    return NamedNetworks.of(settings.network(), map, classes);
  }

  private @Nullable Path startFile() throws IOException {
    return settings.start().length == 0 ? null : Scratch.file(settings.start());
  }

  private long limit() {
    return settings.memoryLimit().isEmpty()
        ? MemoryAccount.UNLIMITED
        : ByteSize.parse(settings.memoryLimit());
  }

  private TrainingOptions options(int pictures) {
    return TrainingOptions.builder()
        .store(StoreFormat.valueOf(settings.activations().toUpperCase(Locale.ROOT)))
        .batch(Math.min(settings.batch(), pictures))
        .epochs(settings.epochs())
        .schedule(Schedule.COSINE, (float) settings.learningRate())
        .seed(settings.seed())
        .threads(settings.threads())
        .checkpointEvery(settings.checkpointEvery())
        .workers(new Workers(0, 1, settings.shards(), false))
        .build();
  }

  private static byte[] bytes(Trainer trainer) throws IOException {
    Path file = Scratch.file(new byte[0]);
    try {
      trainer.saveModel(file);
      return Files.readAllBytes(file);
    } finally {
      Files.deleteIfExists(file);
    }
  }
}
