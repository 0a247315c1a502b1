package dev.nibble.bench;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.format.OutputFormatFactory;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/** Runs one case with JMH in a JVM of its own, quietly, with the allocation profiler. */
final class CaseRunner {
  private static final String PROFILED = "gc.alloc.rate.norm";

  private CaseRunner() {}

  /**
   * Measures a case.
   *
   * @throws BenchmarkFailedException if it failed, with the end of what JMH said
   */
  static Measurement run(BenchmarkCase benchmark) {
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    try (PrintStream out = new PrintStream(said, true, StandardCharsets.UTF_8)) {
      Runner runner =
          new Runner(
              options(benchmark).build(),
              OutputFormatFactory.createFormatInstance(out, VerboseMode.NORMAL));
      Collection<RunResult> results = runner.run();
      if (results.size() != 1) {
        throw new BenchmarkFailedException(
            benchmark.label() + " gave " + results.size() + " results instead of one", null);
      }
      return measurement(benchmark, results.iterator().next());
    } catch (RunnerException e) {
      throw new BenchmarkFailedException(failure(said, benchmark, e), e);
    }
  }

  private static String failure(
      ByteArrayOutputStream said, BenchmarkCase benchmark, RunnerException e) {
    String text = said.toString(StandardCharsets.UTF_8).strip();
    String end = text.substring(Math.max(0, text.length() - 2000));
    return "The benchmark '%s' failed (%s). JMH said:%n%s"
        .formatted(benchmark.label(), e.getMessage(), end);
  }

  private static ChainedOptionsBuilder options(BenchmarkCase benchmark) {
    Effort effort = benchmark.effort();
    ChainedOptionsBuilder options =
        new OptionsBuilder()
            .include(Pattern.quote("dev.nibble.bench." + benchmark.method()) + "$")
            .forks(1)
            .threads(benchmark.threads())
            .warmupIterations(effort.warmups())
            .warmupTime(time(effort.warmupSeconds()))
            .measurementIterations(effort.iterations())
            .measurementTime(time(effort.seconds()))
            .timeUnit(TimeUnit.NANOSECONDS)
            .shouldFailOnError(true)
            .addProfiler(GCProfiler.class);
    for (Map.Entry<String, String> param : benchmark.params().entrySet()) {
      options.param(param.getKey(), param.getValue());
    }
    return options;
  }

  private static TimeValue time(double seconds) {
    return TimeValue.milliseconds(Math.round(1000 * seconds));
  }

  private static Measurement measurement(BenchmarkCase benchmark, RunResult run) {
    Result<?> time = run.getPrimaryResult();
    double calls = secondary(run, "heapCalls");
    return new Measurement(
        benchmark,
        time.getScore() / 1e9,
        time.getScoreError() / 1e9,
        secondary(run, "heapBytes") / calls,
        secondary(run, PROFILED));
  }

  /** One of the figures beside the time, or NaN if the benchmark has none of that name. */
  private static double secondary(RunResult run, String name) {
    return run.getSecondaryResults().values().stream()
        .filter(result -> result.getLabel().endsWith(name))
        .mapToDouble(result -> result.getScore())
        .findFirst()
        .orElse(Double.NaN);
  }
}
