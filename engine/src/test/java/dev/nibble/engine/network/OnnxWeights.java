package dev.nibble.engine.network;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** The fp32 initialisers of an ONNX file, by name, read field by field: for tests only. */
final class OnnxWeights {
  private static final int GRAPH = 7;
  private static final int INITIALIZER = 5;
  private static final int NAME = 8;
  private static final int RAW_DATA = 9;
  private static final int BYTES = 2;

  private final Map<String, float[]> values = new LinkedHashMap<>();

  private OnnxWeights() {}

  static Map<String, float[]> read(Path file) throws IOException {
    OnnxWeights weights = new OnnxWeights();
    weights.model(ByteBuffer.wrap(Files.readAllBytes(file)));
    return weights.values;
  }

  private void model(ByteBuffer model) {
    while (model.hasRemaining()) {
      long tag = varint(model);
      ByteBuffer field = field(model, tag);
      if (tag >>> 3 == GRAPH) {
        graph(field);
      }
    }
  }

  private void graph(ByteBuffer graph) {
    while (graph.hasRemaining()) {
      long tag = varint(graph);
      ByteBuffer field = field(graph, tag);
      if (tag >>> 3 == INITIALIZER) {
        tensor(field);
      }
    }
  }

  private void tensor(ByteBuffer tensor) {
    String name = "";
    float[] floats = {};
    while (tensor.hasRemaining()) {
      long tag = varint(tensor);
      ByteBuffer field = field(tensor, tag);
      if (tag >>> 3 == NAME) {
        byte[] text = new byte[field.remaining()];
        field.get(text);
        name = new String(text, StandardCharsets.UTF_8);
      } else if (tag >>> 3 == RAW_DATA) {
        floats = new float[field.remaining() / Float.BYTES];
        field.order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(floats);
      }
    }
    values.put(name, floats);
  }

  /** The field's bytes, or none for a number, which is passed over. */
  private static ByteBuffer field(ByteBuffer from, long tag) {
    if ((tag & 7) != BYTES) {
      varint(from);
      return ByteBuffer.allocate(0);
    }
    int length = (int) varint(from);
    ByteBuffer field = from.slice(from.position(), length);
    from.position(from.position() + length);
    return field;
  }

  private static long varint(ByteBuffer from) {
    long value = 0;
    for (int shift = 0; ; shift += 7) {
      byte next = from.get();
      value |= (next & 0x7fL) << shift;
      if (next >= 0) {
        return value;
      }
    }
  }
}
