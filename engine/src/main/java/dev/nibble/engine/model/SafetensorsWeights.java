package dev.nibble.engine.model;

import dev.nibble.engine.exchange.SafetensorsFile;
import dev.nibble.engine.network.Network;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Tensors of a safetensors file, under the names that a network has for them. */
final class SafetensorsWeights implements WeightSource {
  private final SafetensorsFile file;

  /** The file's name of each tensor. */
  private final Map<String, String> names = new LinkedHashMap<>();

  SafetensorsWeights(SafetensorsFile file, Network network) {
    this.file = file;
    StateDictNames renamed = StateDictNames.of(file.names(), network);
    for (String name : file.names()) {
      String wanted = renamed.wanted(name);
      // Two that would have one name keep their own.
      if (!wanted.equals(name) && (file.contains(wanted) || names.containsKey(wanted))) {
        wanted = name;
      }
      names.put(wanted, name);
    }
  }

  private String own(String name) {
    return names.getOrDefault(name, name);
  }

  @Override
  public Path path() {
    return file.path();
  }

  @Override
  public List<String> names() {
    return List.copyOf(names.keySet());
  }

  @Override
  public boolean hasFloats(String name, long... shape) {
    return file.hasFloats(own(name), stored(name, shape));
  }

  @Override
  public void requireFloats(String name, long... shape) {
    file.requireFloats(own(name), stored(name, shape));
  }

  /**
   * The shape that a tensor may have in the file: a dense layer may be written as the convolution
   * of all its pixels, the other way round, whose values lie in the same order.
   */
  private long[] stored(String name, long... shape) {
    if (!file.contains(own(name))) {
      return shape;
    }
    long[] stored = file.shape(own(name));
    boolean isOther =
        stored.length + shape.length == 6 && Math.min(stored.length, shape.length) == 2;
    return isOther && stored[0] == shape[0] && values(stored) == values(shape) ? stored : shape;
  }

  private static long values(long... shape) {
    long values = 1;
    for (long extent : shape) {
      values *= extent;
    }
    return values;
  }

  @Override
  public long[] shape(String name) {
    return file.shape(own(name));
  }

  @Override
  public float[] readFloats(String name) {
    return file.readFloats(own(name));
  }

  @Override
  public @Nullable ModelInfo info() {
    return ModelFile.isDescribed(file) ? ModelFile.info(file.path()) : null;
  }

  @Override
  public @Nullable Normalization normalization() {
    ModelInfo info = info();
    return info == null
        ? null
        : new Normalization(
            info.mean(), info.std(), info.pictureMean(), "as " + file.path() + " says");
  }
}
