package dev.nibble.samples.serve;

import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.data.loading.Augmentation;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * How a service runs.
 *
 * @param home the folder of its versions and examples
 * @param data opens the pictures to train on; given the size that they must have, or null for their
 *     own
 * @param weights a model to serve where the home has none, or null to train one
 * @param memoryLimit bytes that predictors and training may hold together
 * @param keep versions that stay on the disk
 * @param predictThreads threads that compute predictions at one time
 * @param http what it accepts, and from whom
 * @param training how it trains
 */
public record ServiceOptions(
    Path home,
    Function<@Nullable PictureSize, DataSplits> data,
    @Nullable Path weights,
    long memoryLimit,
    int keep,
    int predictThreads,
    Http http,
    Training training) {

  /**
   * What is accepted, and from whom.
   *
   * @param host address to listen at
   * @param port 0 for any that is free
   * @param token what clients must show, or null
   * @param maxBody bytes of a body, at most
   * @param maxSide rows or columns of a picture, at most
   * @param rate pictures a second that are taken while a training runs
   * @param patience how long a body may take to arrive; longer only as long as it arrives fast
   */
  public record Http(
      String host,
      int port,
      @Nullable String token,
      int maxBody,
      int maxSide,
      int rate,
      Duration patience) {
    /** Loopback, port 8080, no token, 8 MiB, 4096 pixels, 500 a second, 5 seconds. */
    public static Http defaults() {
      return new Http("127.0.0.1", 8080, null, 8 << 20, 4096, 500, Duration.ofSeconds(5));
    }

    /** Whether it is reached from this machine only. */
    public boolean isLocal() {
      return Gate.isLoopback(host);
    }

    /** The same at another address. */
    public Http at(String newHost, int newPort) {
      return new Http(newHost, newPort, token, maxBody, maxSide, rate, patience);
    }

    /** The same with a token that clients must show, or null. */
    public Http withToken(@Nullable String newToken) {
      return new Http(host, port, newToken, maxBody, maxSide, rate, patience);
    }

    /** The same with other limits. */
    public Http withLimits(int newMaxBody, int newMaxSide, int newRate) {
      return new Http(host, port, token, newMaxBody, newMaxSide, newRate, patience);
    }

    /** The same with another patience. */
    public Http withPatience(Duration newPatience) {
      return new Http(host, port, token, maxBody, maxSide, rate, newPatience);
    }
  }

  /**
   * How models are trained.
   *
   * @param model network of the first model, such as {@code resnet20}
   * @param threads threads that compute
   * @param firstEpochs passes of the first training
   * @param epochs passes of a retraining, unless the request says otherwise
   * @param rate highest learning rate of a retraining
   * @param batch pictures a step, or 0 for as many, up to 128, as the memory allows
   * @param augmentation how the training pictures are varied
   * @param margin accuracy that a new model may lose on the held-out pictures, 0 to 1
   */
  public record Training(
      String model,
      int threads,
      int firstEpochs,
      int epochs,
      float rate,
      int batch,
      Augmentation augmentation,
      double margin) {
    /** ResNet-20, one thread, 5 and 2 epochs, rate 0.01, any batch, crops and flips, margin 1 %. */
    public static Training defaults() {
      return new Training("resnet20", 1, 5, 2, 0.01f, 0, Augmentation.CROP_FLIP, 0.01);
    }
  }
}
