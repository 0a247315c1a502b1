package dev.nibble.engine.gradients;

import dev.nibble.engine.data.ChannelStatistics;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.exec.Initializer;
import dev.nibble.engine.model.ModelFile;
import dev.nibble.engine.model.ModelInfo;
import dev.nibble.engine.model.Normalization;
import dev.nibble.engine.model.WarmStart;
import dev.nibble.engine.model.WeightSource;
import dev.nibble.engine.network.Network;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.memory.MemoryAccount;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * How far the gradients of a way to store activations are from the exact ones, layer by layer, on
 * the same batches.
 *
 * @param network the network's name
 * @param store how the activations were stored
 * @param batch pictures of a batch
 * @param batches how many batches there were
 * @param layers every layer with parameters, in forward order
 * @param total all layers as one: of the weights those of the convolutions, unless there are none
 * @param loss mean loss of the exact pass
 * @param formats where each activation had a format of its own, that, by the name of the layer that
 *     keeps it; else empty
 */
public record GradientReport(
    String network,
    StoreFormat store,
    int batch,
    int batches,
    List<LayerGradients> layers,
    LayerGradients total,
    double loss,
    Map<String, StoreFormat> formats) {
  /** Copies list and map. */
  public GradientReport {
    layers = List.copyOf(layers);
    formats = Collections.unmodifiableMap(new LinkedHashMap<>(formats));
  }

  /** Whether the naive way was looked at, too. */
  public boolean hasNaive() {
    return !total.naive().isEmpty();
  }

  /**
   * Compares the gradients of a saved model.
   *
   * @param pictures labelled pictures, of the model's size and classes; taken as they are
   * @param account pays for two or, with the naive way, three sessions while it lasts
   * @throws dev.nibble.engine.exchange.ExchangeException if the file holds no such model
   * @throws dev.nibble.engine.data.DataException if the pictures do not fit it, or their loss is
   *     not finite
   * @throws dev.nibble.memory.MemoryLimitException if the account has less free than is needed
   */
  public static GradientReport ofModel(
      Path model,
      Dataset pictures,
      GradientOptions options,
      Kernels kernels,
      MemoryAccount account) {
    ModelInfo info = ModelFile.info(model);
    Network network = info.network();
    return GradientComparison.run(
        network,
        info,
        session -> ModelFile.load(model, network, session::values),
        pictures,
        options,
        kernels,
        account);
  }

  /**
   * Compares the gradients of a network with the weights of another file, as an {@link
   * dev.nibble.engine.exchange.onnx.OnnxImport} gives them, normalised as for these; a head for
   * other classes is drawn from the options' seed.
   *
   * @param weights stays open
   * @throws dev.nibble.engine.exchange.ExchangeException if the weights do not fit the network
   * @throws dev.nibble.engine.data.DataException if the pictures do not fit the network
   * @throws dev.nibble.memory.MemoryLimitException if the account has less free than is needed
   */
  public static GradientReport ofWeights(
      Network network,
      WeightSource weights,
      Dataset pictures,
      GradientOptions options,
      Kernels kernels,
      MemoryAccount account) {
    Normalization known = weights.normalization();
    ModelInfo info = initial(network, pictures);
    return GradientComparison.run(
        network,
        known == null ? info : info.withNormalization(known.mean(), known.std(), known.ofPicture()),
        session -> {
          Initializer.initialize(session, options.seed());
          WarmStart.load(weights, network, pictures.classNames(), session::values);
        },
        pictures,
        options,
        kernels,
        account);
  }

  /**
   * Compares the gradients of a network before its first step, with weights drawn from the options'
   * seed and pictures normalised by their own mean and deviation.
   *
   * @throws dev.nibble.engine.data.DataException if the pictures do not fit the network
   * @throws dev.nibble.memory.MemoryLimitException if the account has less free than is needed
   */
  public static GradientReport ofInitial(
      Network network,
      Dataset pictures,
      GradientOptions options,
      Kernels kernels,
      MemoryAccount account) {
    ModelInfo info = initial(network, pictures);
    return GradientComparison.run(
        network,
        info,
        session -> Initializer.initialize(session, options.seed()),
        pictures,
        options,
        kernels,
        account);
  }

  private static ModelInfo initial(Network network, Dataset pictures) {
    ChannelStatistics statistics = ChannelStatistics.of(pictures);
    return new ModelInfo(
        network.name(),
        network.input(),
        pictures.classNames(),
        statistics.mean(),
        statistics.std(),
        false,
        Map.of());
  }
}
