package dev.nibble.samples;

import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.exchange.onnx.OnnxImport;
import dev.nibble.engine.model.ModelFile;
import dev.nibble.engine.model.ModelInfo;
import dev.nibble.engine.network.NamedNetworks;
import dev.nibble.engine.network.Network;
import dev.nibble.kernels.FeatureMap;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** What --model names: one of the networks that have a name, or a file that holds one. */
final class ModelChoice {
  /** How pictures are large where neither the file nor the data tells. */
  private static final PictureSize USUAL = new PictureSize(224, 224);

  private static final Pattern PYTORCH = Pattern.compile(".*\\.(pth|pt|pt2|bin|ckpt)");
  private static final Pattern OTHER = Pattern.compile(".*\\.(h5|hdf5|keras|pb|tflite|gguf|pkl)");

  private final String name;
  private final @Nullable Path file;
  private List<String> notes = List.of();

  private ModelChoice(String name, @Nullable Path file) {
    this.name = name;
    this.file = file;
  }

  /**
   * Reads a name or path.
   *
   * @throws BadInputException if it is a file of another kind, or none where one must be
   */
  static ModelChoice of(String text) {
    String name = text.strip().toLowerCase(Locale.ROOT);
    boolean isPath =
        name.endsWith(".onnx")
            || name.endsWith(".safetensors")
            || PYTORCH.matcher(name).matches()
            || OTHER.matcher(name).matches()
            || text.contains("/")
            || text.contains("\\");
    if (!isPath) {
      return new ModelChoice(name, null);
    }
    Path file = BadInputException.path(text.strip());
    if (PYTORCH.matcher(name).matches()) {
      throw new BadInputException(
          "%s is a file of PyTorch's own format, which may hold any program and no network that is read here: export the network as ONNX, in Python: torch.onnx.export(model, torch.zeros(1, 3, 224, 224), 'model.onnx', training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False, dynamo=False), and give that."
              .formatted(text));
    }
    if (!name.endsWith(".onnx") && !name.endsWith(".safetensors")) {
      throw new BadInputException(
          "%s is neither an ONNX nor a safetensors file: give one that ends in .onnx or .safetensors, or the name of a network."
              .formatted(text));
    }
    if (!Files.exists(file)) {
      throw new BadInputException(
          "There is no file %s: give an ONNX file that is.".formatted(text));
    }
    return new ModelChoice(name, file.toAbsolutePath().normalize());
  }

  /** As it stands in a run's settings. */
  String setting() {
    return file == null ? name : file.toString();
  }

  /** The file with network and weights; null for a name. */
  @Nullable Path file() {
    return file;
  }

  /** Whether a setting is a file's path. */
  static boolean isFile(String setting) {
    return Path.of(setting).isAbsolute();
  }

  /** What a setting is called in a folder's name and in tables. */
  static String label(String setting) {
    String last =
        setting.substring(Math.max(setting.lastIndexOf('/'), setting.lastIndexOf('\\')) + 1);
    int dot = last.lastIndexOf('.');
    return last.equals(setting) || dot < 1 ? last : last.substring(0, dot);
  }

  /** The size that pictures must have; null where any will do. */
  @Nullable PictureSize size() {
    Path path = file;
    if (path == null || (OnnxImport.isOnnx(path) && OnnxImport.leavesSizeFree(path))) {
      return null;
    }
    if (!isOnnx()) {
      return info(path).pictureSize();
    }
    FeatureMap input = onnxInput(path);
    return new PictureSize(input.height(), input.width());
  }

  private boolean isOnnx() {
    return file != null && OnnxImport.isOnnx(file);
  }

  private static FeatureMap onnxInput(Path path) {
    try (OnnxImport model = OnnxImport.open(path)) {
      return model.input();
    }
  }

  private static ModelInfo info(Path path) {
    return ModelFile.info(path);
  }

  /** Whether a setting names a network of the kind that is trained on ImageNet: a file's may be. */
  static boolean isOfImageNet(String setting) {
    return isFile(setting) || NamedNetworks.isOfImageNet(setting);
  }

  /**
   * The network for pictures of a shape.
   *
   * @param classes as many as it shall have; null for its own
   */
  Network network(FeatureMap shape, @Nullable Integer classes) {
    Path path = file;
    if (path == null) {
      int count =
          classes == null
              ? BadInputException.check(() -> NamedNetworks.usualClasses(name))
              : classes;
      return BadInputException.check(() -> NamedNetworks.of(name, shape, count));
    }
    Network network;
    if (isOnnx()) {
      try (OnnxImport model = OnnxImport.open(path, shape.height(), shape.width())) {
        network = model.network();
        notes = model.notes();
      }
    } else {
      network = BadInputException.check(() -> info(path).network());
    }
    if (!network.input().equals(shape)) {
      throw new BadInputException(
          "%s reads pictures of %s, not of %s: give %s."
              .formatted(
                  path,
                  network.input(),
                  shape,
                  network.input().channels() == shape.channels()
                      ? "--image-size %dx%d"
                          .formatted(network.input().height(), network.input().width())
                      : "pictures of as many channels"));
    }
    return classes == null ? network : BadInputException.check(() -> network.withClasses(classes));
  }

  /** What the network that was made is otherwise than in its file, a sentence each. */
  List<String> notes() {
    return notes;
  }

  /** Shape of the pictures where nothing else tells it. */
  FeatureMap usualInput() {
    Path path = file;
    if (path == null) {
      return BadInputException.check(() -> NamedNetworks.usualInput(name));
    }
    if (!isOnnx()) {
      return info(path).input();
    }
    try (OnnxImport model =
        OnnxImport.leavesSizeFree(path)
            ? OnnxImport.open(path, USUAL.height(), USUAL.width())
            : OnnxImport.open(path)) {
      return model.input();
    }
  }
}
