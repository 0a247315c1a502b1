package dev.nibble.bench;

import java.util.Collections;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * One line of the suite's tables before it is measured.
 *
 * @param kind peak, copy, codes, stage, step or inference
 * @param name what tells it from the others of its kind, in a few words
 * @param method the JMH benchmark, {@code Class.method}
 * @param params JMH's parameters
 * @param threads JMH's threads: each runs the benchmark side by side with the others
 * @param work what one call of all threads together does
 * @param effort how long it is run
 * @param call seconds that one call is expected to take, for the estimate only
 */
record BenchmarkCase(
    Kind kind,
    String name,
    String method,
    Map<String, String> params,
    int threads,
    StageWork work,
    Effort effort,
    double call) {
  /** What a case measures. */
  enum Kind {
    PEAK,
    COPY,
    CODES,
    STAGE,
    STEP,
    INFERENCE,
    PEER;

    /** As it stands in JSON and on the screen. */
    String text() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** Copies the parameters, in the order of their names. */
  BenchmarkCase {
    params = Collections.unmodifiableMap(new TreeMap<>(params));
  }

  /** What {@code --only} is matched against. */
  String label() {
    return kind.text() + " " + name;
  }

  /** A parameter, or null if the benchmark has none of that name. */
  @Nullable String param(String key) {
    return params.get(key);
  }

  /** Threads that compute: a session brings its own, which JMH does not see. */
  int cores() {
    String session = params.get("threads");
    return session == null ? threads : Integer.parseInt(session);
  }

  /** Pictures that one call of all threads takes, or 0 where there are none. */
  int pictures() {
    String batch = params.get("batch");
    return batch == null ? 0 : threads * Integer.parseInt(batch);
  }

  /** The benchmark's method: which pass of a stage or codes it is. */
  String pass() {
    return method.substring(method.lastIndexOf('.') + 1);
  }

  double expectedSeconds() {
    return effort.expected(call);
  }
}
