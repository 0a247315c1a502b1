package dev.nibble.bench;

import dev.nibble.bench.BenchmarkCase.Kind;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.StoreFormat;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What the suite measures, whole or quick. */
final class SuiteCases {
  private static final List<StoreFormat> STORES =
      List.of(StoreFormat.FP32, StoreFormat.INT8, StoreFormat.INT4, StoreFormat.INT2);

  /** For whole networks at 224x224. */
  private static final Effort LARGE = new Effort(20, 0, 1, 4, 1);

  /** Share of the peak that an average step reaches, for estimates only. */
  private static final double STEP_SHARE = 0.6;

  private final boolean quick;
  private final int threads;
  private final List<BenchmarkCase> cases = new ArrayList<>();

  private SuiteCases(boolean quick, int threads) {
    this.quick = quick;
    this.threads = threads;
  }

  /** The machine's roofs: what every share is a share of. */
  static List<BenchmarkCase> roofs(boolean quick, int threads) {
    SuiteCases cases = new SuiteCases(quick, threads);
    Effort effort = quick ? new Effort(0, 1, 0.8, 3, 0.3) : new Effort(0, 2, 1, 5, 1);
    cases.add(
        Kind.PEAK,
        "fma",
        "PeakBenchmark.fma",
        Map.of(),
        threads,
        new StageWork((double) threads * FmaLoop.flops(), 0),
        effort);
    for (int count : threads == 1 ? new int[] {1} : new int[] {1, threads}) {
      StageWork work = new StageWork(0, (double) count * CopyBenchmark.BYTES);
      String name = count + (count == 1 ? " thread" : " threads");
      cases.add(Kind.COPY, name, "CopyBenchmark.copy", Map.of(), count, work, effort);
    }
    return cases.cases;
  }

  /**
   * Everything else.
   *
   * @param gflops the expected peak of all threads, for the estimate of the time only
   */
  static List<BenchmarkCase> all(boolean quick, int threads, double gflops) {
    SuiteCases cases = new SuiteCases(quick, threads);
    cases.codes();
    cases.stages();
    cases.steps(gflops);
    cases.inference(gflops);
    return cases.cases;
  }

  private void codes() {
    Effort effort = quick ? new Effort(1.5, 1, 0.1, 2, 0.3) : new Effort(1.5, 2, 0.5, 5, 0.5);
    for (StoreFormat store : STORES) {
      if (!store.isCodes()) {
        continue;
      }
      for (String method : List.of("pack", "unpack")) {
        for (int pictures : quick ? new int[] {1} : new int[] {1, 2048}) {
          double bytes =
              method.equals("pack")
                  ? CodeFixture.packedBytes(store, pictures)
                  : CodeFixture.unpackedBytes(store, pictures);
          add(
              Kind.CODES,
              text(store) + " " + method + (pictures == 1 ? " in cache" : " from memory"),
              "CodeBenchmark." + method,
              Map.of("store", store.name(), "pictures", "" + pictures),
              1,
              new StageWork(0, bytes),
              effort);
        }
      }
    }
  }

  private void stages() {
    if (quick) {
      StageShapes.QUICK.forEach(shape -> stage(shape, StoreFormat.INT4));
    } else {
      StageShapes.SMALL.forEach(shape -> stage(shape, StoreFormat.INT4));
      StageShapes.RESNET50.forEach(shape -> stage(shape, StoreFormat.INT4));
      StageShapes.MOBILENET_V2.forEach(shape -> stage(shape, StoreFormat.INT4));
      for (String shape : StageShapes.KEPT) {
        stage(shape, StoreFormat.KEPT);
      }
      for (String shape : List.of("16x16x32-3x3-s1-32", "32x32x64-1x1-s1-16")) {
        for (StoreFormat store : List.of(StoreFormat.FP32, StoreFormat.INT8, StoreFormat.INT2)) {
          stage(shape, store);
        }
      }
    }
  }

  private void stage(String shape, StoreFormat store) {
    for (String method : List.of("forward", "backward")) {
      // C2 takes longer over the loops of the way back.
      double compiling = method.equals("forward") ? 2 : 3;
      Effort effort =
          quick ? new Effort(compiling, 1, 0.1, 3, 0.3) : new Effort(compiling, 2, 0.5, 5, 0.5);
      Operator operator = StageShape.parse(shape).operator();
      int batch = StageShapes.batch(operator);
      StageWork work = StageWork.of(operator, store, method, batch);
      add(
          Kind.STAGE,
          shape + " " + text(store) + " " + method,
          "StageBenchmark." + method,
          Map.of("shape", shape, "store", store.name(), "batch", "" + batch),
          threads,
          new StageWork(threads * work.flops(), threads * work.bytes()),
          effort);
    }
  }

  private void steps(double gflops) {
    if (quick) {
      step("resnet20", StoreFormat.FP32, 128, new Effort(8, 1, 0.5, 4, 0.5), gflops);
      step("resnet20", StoreFormat.INT4, 128, new Effort(8, 1, 0.5, 4, 0.5), gflops);
      step("resnet164", StoreFormat.INT4, 128, new Effort(12, 0, 1, 3, 1), gflops);
      return;
    }
    for (String model : List.of("resnet20", "resnet56", "resnet164", "resnet1001")) {
      for (StoreFormat store : STORES) {
        boolean deep = model.equals("resnet1001");
        Effort effort = deep ? new Effort(20, 1, 1, 3, 1) : new Effort(10, 2, 2, 5, 2);
        step(model, store, deep ? 64 : 128, effort, gflops);
      }
    }
    for (StoreFormat store : List.of(StoreFormat.FP32, StoreFormat.INT4)) {
      step("resnet18", store, 32, LARGE, gflops);
      step("resnet50", store, 16, LARGE, gflops);
      step(MobileNet.NAME, store, 32, LARGE, gflops);
    }
  }

  private void step(String model, StoreFormat store, int batch, Effort effort, double gflops) {
    StageWork work = NetworkWork.step(model, batch);
    cases.add(
        new BenchmarkCase(
            Kind.STEP,
            "%s %s batch %d".formatted(model, text(store), batch),
            "StepBenchmark.train",
            params(model, batch, Map.of("store", store.name())),
            1,
            work,
            effort,
            work.flops() / 1e9 / (STEP_SHARE * gflops)));
  }

  private void inference(double gflops) {
    Effort small = quick ? new Effort(2, 1, 0.3, 3, 0.5) : new Effort(2, 2, 1, 5, 1);
    for (String model : quick ? List.of("resnet20") : List.of("resnet20", "resnet164")) {
      inference(model, 1, small, gflops);
      inference(model, 128, small, gflops);
    }
    if (!quick) {
      inference("resnet50", 1, small, gflops);
      inference("resnet50", 32, LARGE, gflops);
    }
  }

  private void inference(String model, int batch, Effort effort, double gflops) {
    StageWork work = NetworkWork.inference(model, batch);
    cases.add(
        new BenchmarkCase(
            Kind.INFERENCE,
            "%s batch %d".formatted(model, batch),
            "InferenceBenchmark.predict",
            params(model, batch, Map.of()),
            1,
            work,
            effort,
            work.flops() / 1e9 / (STEP_SHARE * gflops)));
  }

  private Map<String, String> params(String model, int batch, Map<String, String> more) {
    HashMap<String, String> params = new HashMap<>(more);
    params.put("model", model);
    params.put("batch", "" + batch);
    params.put("threads", "" + threads);
    return params;
  }

  private void add(
      Kind kind,
      String name,
      String method,
      Map<String, String> params,
      int count,
      StageWork work,
      Effort effort) {
    cases.add(new BenchmarkCase(kind, name, method, params, count, work, effort, 0));
  }

  static String text(StoreFormat store) {
    return store.name().toLowerCase(Locale.ROOT);
  }
}
