package dev.nibble.kernels;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads the golden files, whose headers are known to be plain; the engine has the real reader. */
final class Safetensors {
  private static final Pattern TENSOR =
      Pattern.compile(
          "\"([^\"]+)\"\\s*:\\s*\\{\\s*\"dtype\"\\s*:\\s*\"(\\w+)\"\\s*,\\s*\"shape\"\\s*:\\s*"
              + "\\[([\\d,\\s]*)\\]\\s*,\\s*\"data_offsets\"\\s*:\\s*\\[\\s*(\\d+)\\s*,"
              + "\\s*(\\d+)\\s*\\]");
  private static final Pattern TEXT = Pattern.compile("\"(\\w+)\"\\s*:\\s*\"([^\"]*)\"");

  private final Map<String, int[]> shapes = new HashMap<>();
  private final Map<String, byte[]> data = new HashMap<>();
  private final Map<String, String> metadata = new HashMap<>();

  /** Reads a whole file. */
  Safetensors(Path file) {
    byte[] content;
    try {
      content = Files.readAllBytes(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    int length =
        Math.toIntExact(ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN).getLong(0));
    String header = new String(content, 8, length, StandardCharsets.UTF_8);
    Matcher tensor = TENSOR.matcher(header);
    while (tensor.find()) {
      String name = tensor.group(1);
      int[] shape =
          Arrays.stream(tensor.group(3).split(",", -1))
              .map(String::trim)
              .filter(axis -> !axis.isEmpty())
              .mapToInt(Integer::parseInt)
              .toArray();
      int from = 8 + length + Integer.parseInt(tensor.group(4));
      int to = 8 + length + Integer.parseInt(tensor.group(5));
      shapes.put(name, shape);
      data.put(name, Arrays.copyOfRange(content, from, to));
    }
    Matcher text = TEXT.matcher(header);
    while (text.find()) {
      metadata.put(text.group(1), text.group(2));
    }
  }

  int[] shape(String name) {
    return find(shapes, name);
  }

  String metadata(String name) {
    return find(metadata, name);
  }

  byte[] bytes(String name) {
    return find(data, name);
  }

  float[] floats(String name) {
    byte[] bytes = bytes(name);
    float[] values = new float[bytes.length / 4];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    return values;
  }

  /** A tensor N,C,H,W as N,H,W,C. */
  float[] channelsLast(String name) {
    int[] shape = shape(name);
    float[] source = floats(name);
    float[] target = new float[source.length];
    int pixels = shape[2] * shape[3];
    for (int n = 0; n < shape[0]; n++) {
      for (int c = 0; c < shape[1]; c++) {
        for (int p = 0; p < pixels; p++) {
          target[(n * pixels + p) * shape[1] + c] = source[(n * shape[1] + c) * pixels + p];
        }
      }
    }
    return target;
  }

  /** A tensor O,I,H,W as H,W,I,O. */
  float[] kernelFirst(String name) {
    int[] shape = shape(name);
    float[] source = floats(name);
    float[] target = new float[source.length];
    int taps = shape[2] * shape[3];
    for (int o = 0; o < shape[0]; o++) {
      for (int i = 0; i < shape[1]; i++) {
        for (int t = 0; t < taps; t++) {
          target[(t * shape[1] + i) * shape[0] + o] = source[(o * shape[1] + i) * taps + t];
        }
      }
    }
    return target;
  }

  private static <T> T find(Map<String, T> map, String name) {
    T value = map.get(name);
    if (value == null) {
      throw new IllegalArgumentException("The golden file has no " + name);
    }
    return value;
  }
}
