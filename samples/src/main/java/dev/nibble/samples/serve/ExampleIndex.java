package dev.nibble.samples.serve;

import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** A store's examples in the order of their ids, and how many each label has. For one thread. */
final class ExampleIndex {
  private final List<Example> examples;
  private final SortedMap<String, Integer> labels = new TreeMap<>();

  /** Takes examples that are in the order of their ids. */
  ExampleIndex(List<Example> sorted) {
    examples = new ArrayList<>(sorted);
    examples.forEach(this::count);
  }

  private void count(Example example) {
    labels.merge(example.label(), 1, Integer::sum);
  }

  private void discount(Example example) {
    labels.computeIfPresent(example.label(), (label, count) -> count == 1 ? null : count - 1);
  }

  /** Adds an example, or puts it in the place of the one that has its id. */
  void put(Example example) {
    int at = place(example.id());
    if (at < examples.size() && examples.get(at).id() == example.id()) {
      discount(examples.set(at, example));
    } else {
      examples.add(at, example);
    }
    count(example);
  }

  void remove(Example example) {
    int at = place(example.id());
    if (at < examples.size() && examples.get(at).equals(example)) {
      discount(examples.remove(at));
    }
  }

  @Nullable Example find(long id) {
    int at = place(id);
    return at < examples.size() && examples.get(at).id() == id ? examples.get(at) : null;
  }

  /** Where the first example is whose id is no smaller. */
  private int place(long id) {
    int from = 0;
    int to = examples.size();
    while (from < to) {
      int middle = (from + to) >>> 1;
      if (examples.get(middle).id() < id) {
        from = middle + 1;
      } else {
        to = middle;
      }
    }
    return from;
  }

  /**
   * Some examples, the newest first.
   *
   * @param before only those with smaller ids
   * @param most of them, at most
   */
  List<Example> page(long before, int most, Predicate<Example> wanted) {
    List<Example> page = new ArrayList<>();
    for (int at = place(before) - 1; at >= 0 && page.size() < most; at--) {
      if (wanted.test(examples.get(at))) {
        page.add(examples.get(at));
      }
    }
    return page;
  }

  List<Example> all() {
    return List.copyOf(examples);
  }

  int size() {
    return examples.size();
  }

  SortedMap<String, Integer> labels() {
    return new TreeMap<>(labels);
  }
}
