package dev.nibble.samples.serve;

import dev.nibble.engine.data.loading.Augmentation;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.provider.KernelProvider;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Level;
import java.util.logging.Logger;

/** A service of a tiny network on tiny pictures, at a free port, and a client of it. */
final class Tiny implements AutoCloseable {
  static final long LIMIT = 64L << 20;

  /** Its log is for operators; what is wrong still shows. Held, or the setting would be lost. */
  static final Logger LOGGER = Logger.getLogger(ServiceLog.NAME);

  static {
    LOGGER.setLevel(Level.WARNING);
  }

  final List<String> log = new CopyOnWriteArrayList<>();
  final Service service;
  final Client client;

  private Tiny(ServiceOptions options, Kernels kernels, AppendFile.Opener disk) {
    service = Service.open(options, kernels, log::add, System.getLogger(ServiceLog.NAME), disk);
    client = new Client(service.port());
  }

  static Tiny open(Path home) {
    return open(options(home));
  }

  static Tiny open(ServiceOptions options) {
    return open(options, AppendFile::open);
  }

  static Tiny open(ServiceOptions options, AppendFile.Opener disk) {
    return new Tiny(options, KernelProvider.choose("scalar"), disk);
  }

  /** Opens one and waits for its first model. */
  static Tiny trained(ServiceOptions options) {
    return trained(options, KernelProvider.choose("scalar"));
  }

  static Tiny trained(ServiceOptions options, Kernels kernels) {
    Tiny tiny = new Tiny(options, kernels, AppendFile::open);
    try {
      String state = tiny.client.awaitTraining().get("state").asString();
      if (tiny.client.get("/health").status() != 200) {
        throw new AssertionError("no model: the training is " + state);
      }
      return tiny;
    } catch (RuntimeException | Error e) {
      tiny.close();
      throw e;
    }
  }

  static ServiceOptions.Training training() {
    return training(4, 0.01f, 16, 0.5);
  }

  static ServiceOptions.Training training(int firstEpochs, float rate, int batch, double margin) {
    return new ServiceOptions.Training(
        "resnet8", 1, firstEpochs, 1, rate, batch, Augmentation.NONE, margin);
  }

  static ServiceOptions.Http http() {
    return ServiceOptions.Http.defaults().at("127.0.0.1", 0);
  }

  static ServiceOptions options(Path home) {
    return options(home, http(), training());
  }

  static ServiceOptions options(
      Path home, ServiceOptions.Http http, ServiceOptions.Training training) {
    return new ServiceOptions(
        home, size -> TinyPictures.splits(64, 32), null, LIMIT, 3, 1, http, training);
  }

  static byte[] picture(boolean rows, long seed) {
    return TinyPictures.file(rows, seed, "png");
  }

  @Override
  public void close() {
    client.close();
    service.close();
  }
}
