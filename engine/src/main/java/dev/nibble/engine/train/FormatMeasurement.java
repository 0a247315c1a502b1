package dev.nibble.engine.train;

import dev.nibble.engine.collective.Workers;
import dev.nibble.engine.data.ChannelStatistics;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.loading.BatchShare;
import dev.nibble.engine.data.loading.DataLoader;
import dev.nibble.engine.data.loading.PrefetchingDataLoader;
import dev.nibble.engine.exec.FormatMeter;
import dev.nibble.engine.exec.Initializer;
import dev.nibble.engine.exec.Session;
import dev.nibble.engine.exec.SessionOptions;
import dev.nibble.engine.optim.UpdateRule;
import dev.nibble.engine.plan.FormatErrors;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.engine.plan.StageGraph;
import dev.nibble.kernels.Kernels;
import dev.nibble.memory.MemoryAccount;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Measures on a run's first pictures, with the weights that are drawn for it, what formats cost its
 * gradient. The result is the same for any number of threads, and for each of any number of
 * workers, who all measure the same pictures.
 */
final class FormatMeasurement {
  /** Enough for means and deviations of colours. */
  private static final int STATISTICS_PICTURES = 256;

  private FormatMeasurement() {}

  /**
   * Measures.
   *
   * @param most bytes that it may take while it lasts; where that is too little, fewer pictures are
   *     measured
   * @return null if not even one picture can be measured, or its loss is not finite
   * @throws dev.nibble.engine.data.DataException if a picture cannot be read
   */
  static @Nullable FormatErrors of(
      StageGraph graph, TrainingOptions options, Dataset pictures, Kernels kernels, long most) {
    SessionOptions sessionOptions = TrainingPlan.sessionOptions(options);
    PlanOptions planned =
        TrainingPlan.planOptions(options)
            .withFormats(Map.of())
            .withRecomputed(List.of())
            .withUpdate(UpdateRule.recipe())
            .withBest(false)
            .withWorkers(Workers.ONE);
    int count = Math.min(FormatMeter.PICTURES, Math.min(options.batch(), pictures.size()));
    while (count > 0) {
      PlanOptions tried = planned.withBatch(count);
      if (FormatMeter.bytes(graph, tried, sessionOptions, kernels) <= most) {
        return measure(graph, tried, options, sessionOptions, pictures, kernels, most);
      }
      count /= 2;
    }
    return null;
  }

  private static @Nullable FormatErrors measure(
      StageGraph graph,
      PlanOptions planned,
      TrainingOptions options,
      SessionOptions sessionOptions,
      Dataset pictures,
      Kernels kernels,
      long most) {
    float[] mean = options.mean();
    float[] std = options.std();
    if (mean == null || std == null) {
      ChannelStatistics statistics = ChannelStatistics.of(pictures, STATISTICS_PICTURES);
      mean = statistics.mean();
      std = statistics.std();
    }
    float[] ownMean = mean;
    float[] ownStd = std;
    Consumer<Session> prepare =
        session -> {
          session.setNormalization(ownMean, ownStd, options.pictureMean());
          Initializer.initialize(session, options.seed());
        };
    DataLoader.Factory loaders =
        (slots, start, end) ->
            PrefetchingDataLoader.forTraining(
                pictures,
                planned.batch(),
                options.augmentation(),
                options.shuffle(),
                options.seed(),
                slots,
                start,
                end,
                BatchShare.WHOLE,
                options.mixing());
    MixedFormats mixed = options.mixed();
    double average = mixed == null ? 0 : mixed.averageBits();
    try (MemoryAccount account = MemoryAccount.root("choosing formats", most)) {
      return FormatMeter.measure(
          graph, planned, sessionOptions, kernels, account, prepare, loaders, average);
    }
  }
}
