package dev.nibble.samples;

import dev.nibble.engine.data.DataOptions;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.data.sources.DataSources;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.train.MixedFormats;
import dev.nibble.engine.train.Recompute;
import dev.nibble.engine.train.TrainingOptions.Schedule;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.memory.ByteSize;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What the words of the command line stand for; all complain with {@link BadInputException}. */
final class Inputs {
  static final List<String> DATA_SETS = List.of("shapes", "fashion-mnist", "cifar10", "cifar100");

  /** Every way to store activations, most bits first. */
  static final List<StoreFormat> FORMATS =
      Arrays.stream(StoreFormat.values()).filter(Inputs::isNamed).toList();

  private static final List<String> FORMAT_NAMES = FORMATS.stream().map(Inputs::name).toList();
  private static final List<String> ACTIVATIONS =
      Stream.concat(FORMAT_NAMES.stream(), Stream.of("mixed")).toList();
  private static final List<String> CODES = List.of("fitted", "uniform");
  private static final List<String> RECOMPUTE = List.of("auto", "never", "most");
  private static final List<String> SCHEDULES = List.of("constant", "step", "cosine", "paper");
  private static final Pattern SHAPE = Pattern.compile("(\\d{1,5})x(\\d{1,5})(?:x(\\d{1,4}))?");

  /** Held here, for a logger that nobody holds forgets its level. */
  private static final Logger PARQUET = Logger.getLogger("dev.hardwood");

  static {
    // It tells of every file how it decodes it.
    PARQUET.setLevel(Level.WARNING);
  }

  /** Whether people choose it by its own name: the paper's codes are an option's matter. */
  private static boolean isNamed(StoreFormat format) {
    return format.isWritten() && !format.isUniform();
  }

  private Inputs() {}

  /**
   * A data set's name, or a folder as an absolute path, so that a resume finds it from anywhere.
   */
  static String data(String text) {
    String name = text.strip().toLowerCase(Locale.ROOT);
    if (DATA_SETS.contains(name)) {
      return name;
    }
    if (Files.isDirectory(BadInputException.path(text))) {
      return BadInputException.path(text).toAbsolutePath().normalize().toString();
    }
    if (text.matches("[A-Za-z0-9_-]+")) {
      // A misspelt name rather than a folder, but perhaps one.
      String nearest = Names.nearest(name, DATA_SETS);
      throw new BadInputException(
          "--data can't be '%s', which is no folder here: %schoose one of %s, or give a folder."
              .formatted(
                  text,
                  nearest.isEmpty() ? "" : "did you mean " + nearest + "? ",
                  String.join(", ", DATA_SETS)));
    }
    throw new BadInputException(
        "There is no folder %s: give one, or one of %s."
            .formatted(text, String.join(", ", DATA_SETS)));
  }

  /** Opens a data set; {@code size} is what an image folder's pictures are resized to, or null. */
  static DataSplits open(String data, @Nullable PictureSize size, boolean skipUnreadable) {
    return open(
        data, DataOptions.defaults().withImageSize(size).withSkipUnreadable(skipUnreadable));
  }

  /** Opens a data set. */
  static DataSplits open(String data, DataOptions options) {
    return DataSources.open(data, options);
  }

  static Network network(String model, FeatureMap input, int classes) {
    return ModelChoice.of(model).network(input, classes);
  }

  /** A model's name, or its file's absolute path, as it stands in files. */
  static String modelName(String text) {
    return ModelChoice.of(text).setting();
  }

  /** A format's name as it is given and printed. */
  static String name(StoreFormat format) {
    return format.name().toLowerCase(Locale.ROOT);
  }

  private static final String MIXED = "mixed";

  /** One format, or for mixed ones the kind that they are of. */
  static StoreFormat format(String text) {
    return mixed(text) == null ? activations(text) : StoreFormat.INT4;
  }

  /** A format for each activation, as in mixed or mixed:3; null if the text names one format. */
  static @Nullable MixedFormats mixed(String text) {
    String name = text.strip().toLowerCase(Locale.ROOT);
    if (!name.equals(MIXED) && !name.startsWith(MIXED + ":")) {
      return null;
    }
    if (name.equals(MIXED)) {
      return MixedFormats.byMemory();
    }
    double bits;
    try {
      bits = Double.parseDouble(name.substring(MIXED.length() + 1));
    } catch (NumberFormatException e) {
      bits = Double.NaN;
    }
    if (!(bits >= StoreFormat.INT1.bits() && bits <= 8)) {
      throw new BadInputException(
          "--activations can't be '%s': give 1.25 to 8 bits on average, such as mixed:3."
              .formatted(text));
    }
    return MixedFormats.average(bits);
  }

  static StoreFormat activations(String text) {
    String name = Names.choose("--activations", text, ACTIVATIONS);
    return StoreFormat.valueOf(name.toUpperCase(Locale.ROOT));
  }

  static String codesName(String text) {
    return Names.choose("--codes", text, CODES);
  }

  /** Refuses the paper's codes of other widths than the paper's. */
  static void checkCodes(boolean uniform, StoreFormat store) {
    if (uniform) {
      BadInputException.check(store::uniform);
    }
  }

  static String activationsName(String text) {
    return mixed(text) == null
        ? Names.choose("--activations", text, ACTIVATIONS)
        : text.strip().toLowerCase(Locale.ROOT);
  }

  static String recomputeName(String text) {
    return Names.choose("--recompute", text, RECOMPUTE);
  }

  static Recompute recompute(String text) {
    return Recompute.valueOf(recomputeName(text).toUpperCase(Locale.ROOT));
  }

  static String scheduleName(String text) {
    return Names.choose("--schedule", text, SCHEDULES);
  }

  static Schedule schedule(String text) {
    return Schedule.valueOf(scheduleName(text).toUpperCase(Locale.ROOT));
  }

  /** A size in bytes, or null for none. */
  static @Nullable Long bytes(@Nullable String text) {
    return text == null ? null : BadInputException.check(() -> ByteSize.parse(text));
  }

  /** Rows and columns, such as 32x32; or null for none. */
  static @Nullable PictureSize pictureSize(@Nullable String text) {
    if (text == null) {
      return null;
    }
    Matcher shape = SHAPE.matcher(text.strip().toLowerCase(Locale.ROOT));
    if (!shape.matches() || shape.group(3) != null) {
      throw new BadInputException("'" + text + "' is no picture size: give one such as 32x32.");
    }
    return new PictureSize(Integer.parseInt(shape.group(1)), Integer.parseInt(shape.group(2)));
  }

  /** Rows, columns and channels, such as 32x32x3. */
  static FeatureMap shape(String text) {
    Matcher shape = SHAPE.matcher(text.strip().toLowerCase(Locale.ROOT));
    if (!shape.matches() || shape.group(3) == null) {
      throw new BadInputException(
          "--input '" + text + "' is no shape: give height, width, channels, such as 32x32x3.");
    }
    return BadInputException.check(
        () ->
            new FeatureMap(
                Integer.parseInt(shape.group(1)),
                Integer.parseInt(shape.group(2)),
                Integer.parseInt(shape.group(3))));
  }

  static int threads(@Nullable Integer given) {
    int threads = given == null ? Runtime.getRuntime().availableProcessors() : given;
    if (threads < 1 || threads > 1024) {
      throw new BadInputException("--threads is " + threads + ": give 1 to 1024.");
    }
    return threads;
  }
}
