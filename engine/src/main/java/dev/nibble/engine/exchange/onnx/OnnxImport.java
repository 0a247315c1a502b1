package dev.nibble.engine.exchange.onnx;

import dev.nibble.engine.exchange.ExchangeException;
import dev.nibble.engine.exchange.onnx.graph.Graph;
import dev.nibble.engine.exchange.onnx.graph.GraphReader;
import dev.nibble.engine.exchange.onnx.graph.Operation;
import dev.nibble.engine.exchange.onnx.graph.Problems;
import dev.nibble.engine.exchange.onnx.model.ModelReader;
import dev.nibble.engine.exchange.onnx.model.OnnxModel;
import dev.nibble.engine.files.AtomicFile;
import dev.nibble.engine.model.ModelFile;
import dev.nibble.engine.model.ModelInfo;
import dev.nibble.engine.model.Normalization;
import dev.nibble.engine.model.WeightSource;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.protobuf.ProtobufException;
import dev.nibble.kernels.FeatureMap;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * An open ONNX model: what it computes, and the network that can be trained of it.
 *
 * <pre>{@code
 * try (OnnxImport model = OnnxImport.open(Path.of("resnet18.onnx"))) {
 *   Network network = model.network();
 *   model.load(values); // wherever the parameters shall lie
 * }
 * }</pre>
 *
 * <p>Read are opsets 9 to 23, in inference or training form, with data inside or in files beside
 * it, for any batch. Chains that compute shapes are folded, and softmax at the end is left out. A
 * layer has its initialisers' names ({@code layer1.0.conv1} of {@code layer1.0.conv1.weight});
 * where an exporter renamed them, that of the module it came from. What stands between Transposes
 * to N,H,W,C and back is read as what it is on N,C,H,W. Half and double weights become fp32. The
 * file is not trusted, and none but those in its folder is opened. Not for several threads at a
 * time.
 */
public final class OnnxImport implements AutoCloseable {
  private final Path file;
  private final OnnxModel model;
  private final Graph graph;
  private final LayerSupport support;
  private NetworkMapping.@Nullable Mapped mapped;

  private OnnxImport(Path file, OnnxModel model, Graph graph) {
    this.file = file;
    this.model = model;
    this.graph = graph;
    this.support = new LayerSupport(graph);
  }

  /**
   * Opens a model that says how large its pictures are.
   *
   * @throws ExchangeException if there is no such file, it is damaged, or it is no network that
   *     pictures go into
   */
  public static OnnxImport open(Path file) {
    return open(file, null);
  }

  /**
   * Opens a model that leaves height and width of its pictures free.
   *
   * @param height rows, where the model leaves them free
   * @param width columns, where the model leaves them free
   * @throws ExchangeException as the first method does
   */
  public static OnnxImport open(Path file, int height, int width) {
    return open(file, new int[] {height, width});
  }

  /** Whether a file is an ONNX model by its name's ending. */
  public static boolean isOnnx(Path file) {
    return file.toString().toLowerCase(Locale.ROOT).endsWith(".onnx");
  }

  /**
   * Whether a model leaves height or width of its pictures free, so that they must be given.
   *
   * @throws ExchangeException if there is no such file, or it is damaged
   */
  public static boolean leavesSizeFree(Path file) {
    requireRegular(file);
    try (OnnxModel model = ModelReader.open(file)) {
      return GraphReader.leavesSizeFree(model);
    } catch (IOException | RuntimeException e) {
      throw told(file, e);
    }
  }

  /** Opening a pipe would wait for its other end. */
  private static void requireRegular(Path file) {
    if (Files.exists(file) && !Files.isRegularFile(file)) {
      throw new ExchangeException(file + " is no regular file, give an ONNX file.");
    }
  }

  private static OnnxImport open(Path file, int @Nullable [] size) {
    requireRegular(file);
    OnnxModel model = null;
    try {
      model = ModelReader.open(file);
      return new OnnxImport(file, model, GraphReader.read(model, size));
    } catch (Throwable e) {
      close(model, e);
      throw told(file, e);
    }
  }

  private static void close(@Nullable OnnxModel model, Throwable cause) {
    if (model != null) {
      try {
        model.close();
      } catch (IOException e) {
        cause.addSuppressed(e);
      }
    }
  }

  /** The failure as a sentence if the file is to blame; else as it is. */
  private static RuntimeException told(Path file, Throwable e) {
    return switch (e) {
      case ProtobufException p ->
          new ExchangeException(
              "Cannot import ONNX file %s: %s."
                  .formatted(file, Problems.plain(String.valueOf(p.getMessage()))),
              p);
      case IOException io -> unreadable(file, io);
      case UncheckedIOException io -> unreadable(file, Objects.requireNonNull(io.getCause()));
      case RuntimeException r -> r;
      case Error error -> throw error;
      default -> new IllegalStateException(e);
    };
  }

  private static ExchangeException unreadable(Path file, IOException e) {
    return new ExchangeException(
        "Cannot read ONNX file " + file + ": " + AtomicFile.reason(e) + ".", e);
  }

  /** The graph's name, may be empty. */
  public String name() {
    return graph.name();
  }

  /** Version of ONNX's operators. */
  public int opset() {
    return graph.opset();
  }

  /** The program that wrote the file, may be empty. */
  public String producer() {
    return model.producer();
  }

  /** The model's own strings. */
  public Map<String, String> metadata() {
    return Map.copyOf(model.metadata());
  }

  /** Every operation that the output depends on, each after those that it reads. */
  public List<OnnxLayer> layers() {
    return graph.nodes().stream().map(LayerSummary::of).toList();
  }

  /** What no network can be built of, a sentence's clause each; empty where one can be. */
  public List<String> unsupported() {
    return support.problems();
  }

  /** What is read otherwise than the file has it, a sentence each. */
  public List<String> notes() {
    List<String> notes = new ArrayList<>(graph.notes());
    notes.addAll(support.notes());
    boolean isFolded =
        graph.nodes().stream().noneMatch(n -> n.operation() instanceof Operation.BatchNorm)
            && "folded".equals(model.metadata().get("batch_norm"));
    if (isFolded && !notes.contains(LayerSupport.FOLDED)) {
      notes.add(LayerSupport.FOLDED);
    }
    return notes;
  }

  /** Values that are trained. */
  public long parameterCount() {
    return layers().stream().mapToLong(OnnxLayer::parameters).sum();
  }

  /** Multiplications with additions for one picture. */
  public long multiplyAdds() {
    return layers().stream().mapToLong(OnnxLayer::multiplyAdds).sum();
  }

  /**
   * The network, by the file's name without its ending.
   *
   * @throws ExchangeException if something of it is not supported; it names all of that
   */
  public Network network() {
    return mapped().network();
  }

  private NetworkMapping.Mapped mapped() {
    NetworkMapping.Mapped made = mapped;
    if (made == null) {
      made = map();
      mapped = made;
    }
    return made;
  }

  private NetworkMapping.Mapped map() {
    List<String> problems = unsupported();
    if (!problems.isEmpty()) {
      throw new ExchangeException(
          "No network can be trained of %s: %s; replace that in the source and export it again."
              .formatted(file, String.join("; ", problems)));
    }
    try {
      NetworkMapping.Mapped made = NetworkMapping.of(graph, support, fileName());
      for (Parameter parameter : made.network().parameters()) {
        ParameterSource source = made.sources().get(parameter.name());
        if (source == null || !source.fits(parameter)) {
          String name = source == null ? "" : source.name();
          throw new IllegalArgumentException(
              "tensor '%s' has not the shape of %s".formatted(name, parameter.name()));
        }
      }
      return made;
    } catch (IllegalArgumentException | ArithmeticException e) {
      throw new ExchangeException(
          "No network can be trained of %s: %s."
              .formatted(file, Problems.plain(String.valueOf(e.getMessage()))),
          e);
    }
  }

  /**
   * Reads the network's parameters and running statistics.
   *
   * @param values where a parameter shall lie, in memory order ({@link Parameter#memoryIndex})
   * @throws ExchangeException if something is not supported, or the file was shortened meanwhile
   */
  public void load(Function<Parameter, MemorySegment> values) {
    NetworkMapping.Mapped made = mapped();
    WeightLoader loader = new WeightLoader();
    try {
      for (Parameter parameter : made.network().parameters()) {
        load(loader, parameter, values.apply(parameter));
      }
    } catch (ProtobufException | UncheckedIOException e) {
      throw told(file, e);
    }
  }

  /** Reads one of the network's parameters, in memory order. */
  void load(Parameter parameter, MemorySegment target) {
    try {
      load(new WeightLoader(), parameter, target);
    } catch (ProtobufException | UncheckedIOException e) {
      throw told(file, e);
    }
  }

  private void load(WeightLoader loader, Parameter parameter, MemorySegment target) {
    switch (Objects.requireNonNull(mapped().sources().get(parameter.name()))) {
      case ParameterSource.OfFile f -> loader.load(f.weight(), parameter, target);
      case ParameterSource.Computed c -> c.load(parameter, target);
    }
  }

  /**
   * The network's parameters by name, for a warm start of it or of another network that has the
   * same; readable until this is closed.
   */
  public WeightSource weights() {
    return new OnnxWeights(this);
  }

  /**
   * What the file says about the model, as {@link OnnxExport} writes it, with the network.
   *
   * @return null if another program wrote it
   * @throws ExchangeException if that is damaged, or something is not supported
   */
  public @Nullable ModelInfo info() {
    return ModelFile.info(file, model.metadata(), network());
  }

  /**
   * How the model's pictures are normalised: as the file says; else, where it begins with constants
   * that do so, not at all; else, for three channels, as is usual, by ImageNet's mean and std.
   *
   * @return null if nothing tells
   */
  public @Nullable Normalization normalization() {
    ModelInfo info = info();
    if (info != null) {
      return new Normalization(info.mean(), info.std(), info.pictureMean(), "as " + file + " says");
    }
    int channels = input().channels();
    float most = OwnNormalization.most(graph, support);
    if (most > 0) {
      String origin = "%s normalises them itself, and takes values 0..%.0f".formatted(file, most);
      return Normalization.none(channels, most, origin);
    }
    String usual = "ImageNet's, which is usual; %s does not say".formatted(file);
    return channels == 3 ? Normalization.imageNet(usual) : null;
  }

  /** The file. */
  Path path() {
    return file;
  }

  private String fileName() {
    String name = String.valueOf(file.getFileName());
    int dot = name.lastIndexOf('.');
    return dot > 0 ? name.substring(0, dot) : name;
  }

  /** Shape of the pictures. */
  public FeatureMap input() {
    return network().input();
  }

  /** Closes the file; networks that were built stay. */
  @Override
  public void close() {
    try {
      model.close();
    } catch (IOException e) {
      throw new ExchangeException(
          "Cannot close ONNX file " + file + ": " + AtomicFile.reason(e) + ".", e);
    }
  }
}
