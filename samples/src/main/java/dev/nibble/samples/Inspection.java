package dev.nibble.samples;

import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.exchange.SafetensorsFile;
import dev.nibble.engine.exchange.onnx.OnnxImport;
import dev.nibble.engine.model.ModelFile;
import dev.nibble.engine.network.Layer;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.Parameter;
import dev.nibble.kernels.FeatureMap;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What a model file holds.
 *
 * @param format how the file is written, such as {@code ONNX, opset 17}
 * @param file the file
 * @param metadata its own strings
 * @param rows layers or, where no network is known, tensors
 * @param unsupported what no network can be built of
 * @param notes what is read otherwise than the file has it
 * @param network the network, or null where none can be built
 */
record Inspection(
    String format,
    Path file,
    Map<String, String> metadata,
    List<Row> rows,
    List<String> unsupported,
    List<String> notes,
    @Nullable Network network) {

  /** A layer, or a tensor alone. */
  record Row(
      String name,
      String operator,
      String detail,
      String shape,
      long parameters,
      long multiplyAdds) {}

  static Inspection ofOnnx(Path file, @Nullable PictureSize size) {
    try (OnnxImport model =
        size == null ? OnnxImport.open(file) : OnnxImport.open(file, size.height(), size.width())) {
      List<Row> rows =
          model.layers().stream()
              .map(
                  l ->
                      new Row(
                          l.name(),
                          l.operator(),
                          l.detail(),
                          l.shape(),
                          l.parameters(),
                          l.multiplyAdds()))
              .toList();
      String producer = model.producer().isEmpty() ? "" : ", by " + model.producer();
      return new Inspection(
          "ONNX, opset " + model.opset() + producer,
          file,
          model.metadata(),
          rows,
          model.unsupported(),
          model.notes(),
          model.unsupported().isEmpty() ? model.network() : null);
    }
  }

  static Inspection ofSafetensors(Path file) {
    try (SafetensorsFile tensors = SafetensorsFile.open(file)) {
      Map<String, String> metadata = tensors.metadata();
      if (metadata.containsKey("model") && metadata.containsKey("classes")) {
        Network network = BadInputException.check(() -> ModelFile.info(file).network());
        return new Inspection(
            "safetensors", file, metadata, rows(network), List.of(), List.of(), network);
      }
      List<Row> rows = new ArrayList<>();
      for (String name : tensors.names()) {
        long[] shape = tensors.shape(name);
        long values = 1;
        StringBuilder text = new StringBuilder("[");
        for (long extent : shape) {
          text.append(text.length() == 1 ? "" : ",").append(extent);
          values *= extent;
        }
        rows.add(
            new Row(name, tensors.dtype(name).name(), "", text.append("]").toString(), values, 0));
      }
      String note = "The file does not say which network its tensors belong to.";
      return new Inspection("safetensors", file, metadata, rows, List.of(), List.of(note), null);
    }
  }

  private static List<Row> rows(Network network) {
    Map<String, Long> values = new HashMap<>();
    for (Parameter parameter : network.parameters()) {
      if (parameter.kind().trainable()) {
        String layer = parameter.name().substring(0, parameter.name().lastIndexOf('.'));
        values.merge(layer, (long) parameter.size(), Long::sum);
      }
    }
    return network.layers().stream()
        .map(
            layer -> {
              FeatureMap map = layer.output();
              return new Row(
                  layer.name(),
                  layer.getClass().getSimpleName(),
                  "",
                  "[N,%d,%d,%d]".formatted(map.channels(), map.height(), map.width()),
                  values.getOrDefault(layer.name(), 0L),
                  layer instanceof Layer.Weighted w ? w.operator().multiplyAdds() : 0);
            })
        .toList();
  }

  long parameters() {
    return rows.stream().mapToLong(Row::parameters).sum();
  }

  long multiplyAdds() {
    return rows.stream().mapToLong(Row::multiplyAdds).sum();
  }

  /** The rows' operators and how many there are of each, the most frequent first. */
  String operators() {
    return rows.stream()
        .collect(Collectors.groupingBy(Row::operator, Collectors.counting()))
        .entrySet()
        .stream()
        .sorted(
            Map.Entry.<String, Long>comparingByValue()
                .reversed()
                .thenComparing(Map.Entry.comparingByKey()))
        .map(e -> String.format(Locale.ROOT, "%d %s", e.getValue(), e.getKey()))
        .collect(Collectors.joining(", "));
  }
}
