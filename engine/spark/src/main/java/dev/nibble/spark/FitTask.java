package dev.nibble.spark;

import dev.nibble.engine.checkpoint.CheckpointStore;
import dev.nibble.engine.checkpoint.LoadedCheckpoint;
import dev.nibble.engine.collective.Collective;
import dev.nibble.engine.collective.Listener;
import dev.nibble.engine.collective.TcpCollective;
import dev.nibble.engine.collective.TcpSettings;
import dev.nibble.engine.collective.Workers;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.Datasets;
import dev.nibble.engine.data.PictureFiles;
import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.data.SpooledDataset;
import dev.nibble.engine.network.NamedNetworks;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.train.Trainer;
import dev.nibble.engine.train.TrainingListener;
import dev.nibble.engine.train.TrainingOptions;
import dev.nibble.engine.train.TrainingOptions.Schedule;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.kernels.provider.KernelProvider;
import dev.nibble.memory.ByteSize;
import dev.nibble.memory.MemoryAccount;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.IntStream;
import org.apache.spark.BarrierTaskContext;
import scala.Tuple2;

/** One worker of a fit: a task of the barrier stage. */
final class FitTask {
  /** Training pictures on which loss and accuracy are told after each epoch. */
  private static final int WATCHED = 64;

  private static final int CHANNELS = 3;

  private FitTask() {}

  /** Trains; worker 0 answers with the model's file, the others with nothing. */
  static Iterator<byte[]> run(Iterator<Tuple2<String, Example>> pictures, FitSettings settings) {
    BarrierTaskContext context = BarrierTaskContext.get();
    int rank = context.partitionId();
    try (Dataset train = spool(pictures, settings);
        Collective workers = meet(context, rank, settings)) {
      byte[] model = train(train, workers, settings);
      return rank == 0 ? List.of(model).iterator() : Collections.emptyIterator();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Dataset spool(
      Iterator<Tuple2<String, Example>> pictures, FitSettings settings) {
    if (!pictures.hasNext()) {
      throw new IllegalArgumentException("There are no pictures to train on.");
    }
    List<String> classes = new ArrayList<>();
    for (int i = 0; i < settings.classes(); i++) {
      classes.add(Integer.toString(i));
    }
    Tuple2<String, Example> next = pictures.next();
    PictureSize size = Columns.size(settings.imageSize(), next._2().content());
    FeatureMap map = new FeatureMap(size.height(), size.width(), CHANNELS);
    try (Arena arena = Arena.ofConfined();
        SpooledDataset.Builder builder = SpooledDataset.builder(map, classes)) {
      MemorySegment pixels = arena.allocate(map.values());
      while (true) {
        Example example = next._2();
        PictureFiles.read(example.content(), "a picture", size, CHANNELS, pixels, 0);
        builder.add(pixels, example.label());
        if (!pictures.hasNext()) {
          return builder.build(0);
        }
        next = pictures.next();
      }
    }
  }

  private static Collective meet(BarrierTaskContext context, int rank, FitSettings settings)
      throws IOException {
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

  private static byte[] train(Dataset train, Collective workers, FitSettings settings)
      throws IOException {
    FeatureMap map = new FeatureMap(train.height(), train.width(), train.channels());
    Network network = NamedNetworks.of(settings.network(), map, settings.classes());
    int watched = Math.min(WATCHED, train.size());
    Dataset test = Datasets.subset(train, IntStream.range(0, watched).toArray());
    long limit =
        settings.memoryLimit().isEmpty()
            ? MemoryAccount.UNLIMITED
            : ByteSize.parse(settings.memoryLimit());
    try (MemoryAccount account = MemoryAccount.root("nibble-spark", limit);
        Trainer trainer =
            Trainer.open(
                network,
                new DataSplits(train, test, "the data frame"),
                options(settings, train.size()),
                KernelProvider.choose("auto"),
                account,
                workers)) {
      boolean first = workers.rank() == 0;
      if (first && !settings.checkpoints().isEmpty()) {
        CheckpointStore store = new CheckpointStore(Path.of(settings.checkpoints()));
        Optional<LoadedCheckpoint> latest = store.loadLatest(w -> {});
        if (latest.isPresent()) {
          try (LoadedCheckpoint checkpoint = latest.get()) {
            trainer.resume(checkpoint);
          }
        }
        trainer.checkpointTo(store);
      }
      trainer.run(new TrainingListener() {});
      return first ? bytes(trainer) : new byte[0];
    }
  }

  private static TrainingOptions options(FitSettings settings, int pictures) {
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
    Path file = Files.createTempFile("nibble", ".safetensors");
    try {
      trainer.saveModel(file);
      return Files.readAllBytes(file);
    } finally {
      Files.deleteIfExists(file);
    }
  }
}
