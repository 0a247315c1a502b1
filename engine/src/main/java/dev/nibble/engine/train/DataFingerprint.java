package dev.nibble.engine.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.Task;
import dev.nibble.engine.json.JsonException;
import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonWriter;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a checkpoint says of the data it was trained on, so that a resume with other data is
 * noticed: the classes in their order, and of each split the number, shape, labels and identities
 * of its pictures. Where pictures have no names, a few hundred are read.
 */
final class DataFingerprint {
  /** What all names in a checkpoint begin with. */
  static final String PREFIX = "data-";

  private static final String CLASSES = PREFIX + "classes";

  /** Pictures without names that are read, spread evenly. */
  private static final int SAMPLES = 256;

  private DataFingerprint() {}

  /**
   * Looks at all labels and names.
   *
   * @throws dev.nibble.engine.data.DataException if a picture that has no name cannot be read
   */
  static Map<String, String> of(DataSplits data) {
    Map<String, String> words = new LinkedHashMap<>();
    List<JsonValue> names = data.train().classNames().stream().map(JsonValue::of).toList();
    words.put(CLASSES, JsonWriter.compact(JsonValue.array(names)));
    describe("train", data.train(), words);
    describe("test", data.test(), words);
    Dataset validation = data.validation();
    if (validation != null) {
      describe("validation", validation, words);
    }
    return words;
  }

  private static void describe(String split, Dataset data, Map<String, String> words) {
    String name = PREFIX + split;
    words.put(name + "-pictures", Integer.toString(data.size()));
    words.put(name + "-shape", data.height() + "x" + data.width() + "x" + data.channels());
    words.put(name + "-labels", labels(data));
    words.put(name + "-content", content(data));
  }

  private static String labels(Dataset data) {
    MessageDigest digest = sha256();
    MemorySegment targets = MemorySegment.ofArray(new byte[4 * data.classNames().size()]);
    for (int i = 0; i < data.size(); i++) {
      if (data.task() == Task.CLASSIFICATION) {
        digest(digest, data.label(i));
        continue;
      }
      data.targets(i, targets, 0);
      for (int k = 0; k < data.classNames().size(); k++) {
        digest(digest, Float.floatToIntBits(targets.get(JAVA_FLOAT_UNALIGNED, 4L * k)));
      }
    }
    return hex(digest);
  }

  private static void digest(MessageDigest digest, int word) {
    for (int shift = 0; shift < 32; shift += 8) {
      digest.update((byte) (word >>> shift));
    }
  }

  private static String content(Dataset data) {
    MessageDigest digest = sha256();
    if (data.identity(0).isEmpty()) {
      byte[] picture = new byte[data.pictureBytes()];
      int samples = Math.min(SAMPLES, data.size());
      for (int i = 0; i < samples; i++) {
        data.read((int) ((long) i * data.size() / samples), MemorySegment.ofArray(picture), 0);
        digest.update(picture);
      }
      return hex(digest);
    }
    for (int i = 0; i < data.size(); i++) {
      digest.update(data.identity(i).getBytes(StandardCharsets.UTF_8));
      digest.update((byte) 0);
    }
    return hex(digest);
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("Every JDK has SHA-256", e);
    }
  }

  /** Nobody attacks it: 16 bytes will not meet by chance. */
  private static String hex(MessageDigest digest) {
    return HexFormat.of().formatHex(digest.digest(), 0, 16);
  }

  /**
   * Says how the data differs from that of a checkpoint.
   *
   * @param saved all words of the checkpoint; without any of these, it is an older one
   * @return a clause such as {@code class 2 was 'cat', here it is 'dog'}; null if it does not
   */
  static @Nullable String difference(Map<String, String> saved, Map<String, String> here) {
    String classes = saved.get(CLASSES);
    if (classes == null) {
      return null; // an older one does not say
    }
    String other = classDifference(classes, here.getOrDefault(CLASSES, "[]"));
    if (other != null) {
      return other;
    }
    for (Map.Entry<String, String> word : here.entrySet()) {
      String there = saved.get(word.getKey());
      if (there != null && !there.equals(word.getValue())) {
        return clause(word.getKey(), there, word.getValue());
      }
    }
    return null;
  }

  private static @Nullable String classDifference(String there, String here) {
    if (there.equals(here)) {
      return null;
    }
    List<String> old = names(there);
    List<String> now = names(here);
    if (old.size() != now.size()) {
      return "it had " + old.size() + " classes, here there are " + now.size();
    }
    for (int i = 0; i < old.size(); i++) {
      if (!old.get(i).equals(now.get(i))) {
        return "class %s was '%s', here it is '%s'"
            .formatted(Integer.toString(i), old.get(i), now.get(i));
      }
    }
    return null;
  }

  private static List<String> names(String json) {
    try {
      return JsonParser.parse(json).asList().stream().map(JsonValue::asString).toList();
    } catch (JsonException e) {
      return List.of();
    }
  }

  private static String clause(String word, String there, String here) {
    String known = word.substring(PREFIX.length(), word.lastIndexOf('-'));
    String split = known.equals("train") ? "training" : known;
    String what = word.substring(word.lastIndexOf('-') + 1);
    return switch (what) {
      case "pictures" -> "it had " + there + " " + split + " pictures, here there are " + here;
      case "shape" -> "its " + split + " pictures were " + there + ", here they are " + here;
      case "labels" -> "the labels of the " + split + " pictures are others";
      default -> "the " + split + " pictures are others (their names, files' sizes or pixels)";
    };
  }
}
