package dev.nibble.engine.exchange.onnx;

import dev.nibble.engine.exchange.ExchangeException;
import dev.nibble.engine.model.ModelInfo;
import dev.nibble.engine.model.Normalization;
import dev.nibble.engine.model.WeightSource;
import dev.nibble.engine.network.Parameter;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The parameters of an imported network, by name. */
final class OnnxWeights implements WeightSource {
  private final OnnxImport model;

  OnnxWeights(OnnxImport model) {
    this.model = model;
  }

  @Override
  public Path path() {
    return model.path();
  }

  @Override
  public List<String> names() {
    return model.network().parameters().stream().map(Parameter::name).toList();
  }

  @Override
  public boolean hasFloats(String name, long... shape) {
    return model.network().hasParameter(name) && Arrays.equals(shape(name), shape);
  }

  @Override
  public void requireFloats(String name, long... shape) {
    if (!model.network().hasParameter(name)) {
      throw new ExchangeException(
          "%s has no tensor '%s', but it is needed (an export for inference folds batch norms and loses names): name the file itself as the model, or export it for training."
              .formatted(path(), name));
    }
    if (!hasFloats(name, shape)) {
      throw new ExchangeException(
          "In %s, tensor '%s' is of shape %s, but shape %s is needed: choose the model it was made for."
              .formatted(path(), name, Arrays.toString(shape(name)), Arrays.toString(shape)));
    }
  }

  @Override
  public long[] shape(String name) {
    return Arrays.stream(model.network().parameter(name).shape()).asLongStream().toArray();
  }

  @Override
  public float[] readFloats(String name) {
    Parameter parameter = model.network().parameter(name);
    float[] values = new float[parameter.size()];
    model.load(parameter, MemorySegment.ofArray(values));
    return parameter.inFileOrder(values);
  }

  /** Piece by piece: of a large tensor there is no copy. */
  @Override
  public void read(Parameter parameter, MemorySegment target) {
    model.load(parameter, target);
  }

  @Override
  public @Nullable ModelInfo info() {
    return model.info();
  }

  @Override
  public @Nullable Normalization normalization() {
    return model.normalization();
  }
}
