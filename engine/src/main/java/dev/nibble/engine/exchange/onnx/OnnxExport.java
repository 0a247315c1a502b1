package dev.nibble.engine.exchange.onnx;

import dev.nibble.engine.exchange.ExchangeException;
import dev.nibble.engine.files.AtomicFile;
import dev.nibble.engine.files.Disk;
import dev.nibble.engine.model.ModelFile;
import dev.nibble.engine.model.ModelInfo;
import dev.nibble.engine.network.FoldedNetwork;
import dev.nibble.engine.network.FoldedWeights;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.protobuf.MessageWriter;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;

/**
 * Writes trained networks as ONNX models, for other runtimes to predict with.
 *
 * <p>Opset {@value #OPSET}. Input {@code images}: fp32 N,C,H,W as the network sees them, normalised
 * by mean and std; output {@code logits}: fp32 N,classes; N is free. The model's metadata holds
 * what {@link ModelFile} writes: {@code model}, {@code input}, {@code classes}, {@code mean},
 * {@code std}, {@code picture_mean}, and {@code batch_norm}, folded or kept.
 */
public final class OnnxExport {
  /** Version of the operators: that of ONNX 1.8 (2020), which later runtimes read. */
  public static final int OPSET = 13;

  /** Version of the file format that came with these operators. */
  private static final int IR_VERSION = 7;

  /** Protocol buffers hold no more. */
  private static final long MOST_BYTES = Integer.MAX_VALUE;

  private OnnxExport() {}

  /**
   * Writes a network with these values, whole or not at all.
   *
   * @param file replaced only by a complete file
   * @param values each parameter's values in memory order ({@link Parameter#memoryIndex}), running
   *     statistics included
   * @param info what the metadata says
   * @throws ExchangeException if the file cannot be written, or would exceed 2 GiB
   */
  public static void write(
      Path file,
      Network network,
      Function<Parameter, MemorySegment> values,
      ModelInfo info,
      BatchNorms norms) {
    MessageWriter model = model(network, values, info, norms);
    if (model.size() > MOST_BYTES) {
      throw new ExchangeException(
          "%s needs %d bytes as an ONNX file, which can hold 2 GiB at most: keep it as safetensors."
              .formatted(network.name(), model.size()));
    }
    try {
      AtomicFile.write(Disk.system(), file, model::writeTo);
    } catch (IOException e) {
      throw new ExchangeException(
          "Cannot write ONNX file " + file + ": " + AtomicFile.reason(e) + ".", e);
    }
  }

  /**
   * Writes a saved model; as the first method.
   *
   * @param weights a file that {@link ModelFile#save} wrote
   * @throws ExchangeException if that is damaged or says not what it holds, too
   */
  public static void write(Path file, Path weights, BatchNorms norms) {
    ModelInfo info = ModelFile.info(weights);
    Network network;
    try {
      network = info.network();
    } catch (IllegalArgumentException e) {
      throw new ExchangeException(weights + " holds no model that is known: " + e.getMessage(), e);
    }
    Function<Parameter, MemorySegment> values = onHeap(network);
    ModelFile.load(weights, network, values);
    write(file, network, values, info, norms);
  }

  private static Function<Parameter, MemorySegment> onHeap(Network network) {
    Map<String, MemorySegment> arrays = new HashMap<>();
    for (Parameter parameter : network.parameters()) {
      arrays.put(parameter.name(), MemorySegment.ofArray(new float[parameter.size()]));
    }
    return parameter -> Objects.requireNonNull(arrays.get(parameter.name()));
  }

  private static MessageWriter model(
      Network network,
      Function<Parameter, MemorySegment> values,
      ModelInfo info,
      BatchNorms norms) {
    MessageWriter model = new MessageWriter().integer(1, IR_VERSION).text(2, "nibble");
    if (norms == BatchNorms.FOLDED) {
      FoldedNetwork folded = FoldedNetwork.of(network);
      Function<Parameter, MemorySegment> foldedValues = onHeap(folded.network());
      new FoldedWeights(network, folded, values).write(foldedValues);
      model.message(7, OnnxGraph.of(folded.network(), foldedValues));
    } else {
      model.message(7, OnnxGraph.of(network, values));
    }
    model.message(8, new MessageWriter().text(1, "").integer(2, OPSET));
    ModelFile.describe(info).forEach((key, value) -> property(model, key, value));
    property(model, "batch_norm", norms.name().toLowerCase(Locale.ROOT));
    return model;
  }

  private static void property(MessageWriter model, String key, String value) {
    model.message(14, new MessageWriter().text(1, key).text(2, value));
  }
}
