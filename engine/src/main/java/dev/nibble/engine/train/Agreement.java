package dev.nibble.engine.train;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.nibble.engine.collective.Collective;
import dev.nibble.engine.collective.CollectiveException;
import dev.nibble.engine.json.JsonException;
import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonWriter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What workers tell each other before they train together: that they mean the same run, and where
 * it begins, which the first worker knows. Its memory lives as long as the collective's exchanges
 * may need it.
 */
final class Agreement implements AutoCloseable {
  private static final long MOST_BYTES = 1 << 24;

  private final Collective collective;
  private final Arena arena = Arena.ofShared();

  Agreement(Collective collective) {
    this.collective = collective;
  }

  /**
   * Compares what each worker says of its run with what the first one says.
   *
   * @throws CollectiveException naming the worker and the word that differs
   */
  void compare(Map<String, String> words) {
    List<Map<String, String>> all = gather(words);
    Map<String, String> first = all.getFirst();
    for (int rank = 1; rank < all.size(); rank++) {
      Map<String, String> other = all.get(rank);
      Set<String> names = new LinkedHashSet<>(first.keySet());
      names.addAll(other.keySet());
      for (String name : names) {
        String there = first.get(name);
        String here = other.get(name);
        if (!Objects.equals(there, here)) {
          throw new CollectiveException(
              "Worker %d differs from worker 0 in %s (%s, not %s): give all workers the same version, network, options, data and kind of processor."
                  .formatted(rank, name.replace('-', ' '), brief(here), brief(there)));
        }
      }
    }
  }

  private static String brief(@Nullable String value) {
    if (value == null) {
      return "none";
    }
    return value.length() <= 60 ? value : value.substring(0, 57) + "...";
  }

  /** What the first worker says. */
  Map<String, String> first(Map<String, String> words) {
    return gather(collective.rank() == 0 ? words : Map.of()).getFirst();
  }

  /** Hands the first worker's memory to all. */
  void broadcast(List<MemorySegment> memory) {
    for (int i = 0; i < memory.size(); i++) {
      collective.broadcast("the state to begin with", 0, memory.get(i)).run();
    }
  }

  private List<Map<String, String>> gather(Map<String, String> words) {
    int workers = collective.size();
    byte[] own = bytes(words);
    List<MemorySegment> sizes = new ArrayList<>();
    for (int rank = 0; rank < workers; rank++) {
      sizes.add(arena.allocate(JAVA_LONG));
    }
    sizes.get(collective.rank()).set(JAVA_LONG, 0, own.length);
    collective.allGather("the size of a description", sizes).run();
    List<MemorySegment> texts = new ArrayList<>();
    for (MemorySegment size : sizes) {
      long bytes = size.get(JAVA_LONG, 0);
      if (bytes < 2 || bytes > MOST_BYTES) {
        throw new CollectiveException("A worker describes its run in " + bytes + " bytes.");
      }
      texts.add(arena.allocate(bytes));
    }
    MemorySegment.copy(own, 0, texts.get(collective.rank()), JAVA_BYTE, 0, own.length);
    collective.allGather("a description", texts).run();
    return texts.stream().map(Agreement::words).toList();
  }

  private static byte[] bytes(Map<String, String> words) {
    List<JsonValue> pairs = new ArrayList<>();
    words.forEach(
        (name, value) -> {
          pairs.add(JsonValue.of(name));
          pairs.add(JsonValue.of(value));
        });
    return JsonWriter.compact(JsonValue.array(pairs)).getBytes(StandardCharsets.UTF_8);
  }

  private static Map<String, String> words(MemorySegment text) {
    Map<String, String> words = new LinkedHashMap<>();
    try {
      List<JsonValue> pairs =
          JsonParser.parse(new String(text.toArray(JAVA_BYTE), StandardCharsets.UTF_8)).asList();
      for (int i = 0; i + 1 < pairs.size(); i += 2) {
        words.put(pairs.get(i).asString(), pairs.get(i + 1).asString());
      }
    } catch (JsonException e) {
      throw new CollectiveException("A worker's description of its run does not read.", e);
    }
    return words;
  }

  @Override
  public void close() {
    arena.close();
  }
}
