package dev.nibble.engine.model;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.nibble.engine.exchange.DType;
import dev.nibble.engine.exchange.SafetensorsWriter;
import dev.nibble.engine.exchange.TensorInfo;
import dev.nibble.engine.exchange.TensorSource;
import dev.nibble.engine.exec.TestSession;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.network.ResNet;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.kernels.FeatureMap;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.UnaryOperator;

/** Models as tests write them, sound or changed. */
final class SavedModels {
  static final Network NETWORK = ResNet.of("resnet8", new FeatureMap(8, 8, 3), 4);

  private SavedModels() {}

  /** What a file says of {@link #NETWORK}: names and numbers that are easily damaged on the way. */
  static ModelInfo info() {
    return new ModelInfo(
        "resnet8",
        new FeatureMap(8, 8, 3),
        List.of("cat", "dog \"Rex\"", "Vögel", "d,e"),
        new float[] {0.1f, 0.25f, 1e-9f},
        new float[] {1, 0.3f, 3e9f},
        true);
  }

  static TestSession session(Network network, long seed) {
    return new TestSession(network, PlanOptions.inference(2), 1, seed);
  }

  static byte[][] bytes(TestSession test) {
    return new byte[][] {
      test.session().weights().toArray(JAVA_BYTE),
      test.session().runningStatistics().toArray(JAVA_BYTE)
    };
  }

  /** Writes {@link #NETWORK} with its tensors changed. */
  static void write(Path file, TestSession from, UnaryOperator<List<TensorSource>> change) {
    List<TensorSource> tensors = new ArrayList<>();
    Map<String, double[]> values = from.parameters();
    for (Parameter parameter : NETWORK.parameters()) {
      double[] wide = Objects.requireNonNull(values.get(parameter.name()));
      float[] floats = new float[parameter.size()];
      for (int i = 0; i < floats.length; i++) {
        floats[i] = (float) wide[i];
      }
      long[] shape = Arrays.stream(parameter.shape()).asLongStream().toArray();
      tensors.add(TensorSource.floats(parameter.name(), floats, shape));
    }
    SafetensorsWriter.write(file, Map.of(), change.apply(tensors));
  }

  static List<TensorSource> withLast(List<TensorSource> tensors, TensorSource... last) {
    List<TensorSource> changed = new ArrayList<>(tensors.subList(0, tensors.size() - 1));
    changed.addAll(List.of(last));
    return changed;
  }

  static TensorSource counter(String name) {
    MemorySegment steps = MemorySegment.ofArray(new byte[8]);
    return TensorSource.of(TensorInfo.of(name, DType.I64), steps);
  }
}
