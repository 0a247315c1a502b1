package dev.nibble.kernels;

import static java.util.Objects.requireNonNull;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Runs a {@link StageCase} on a provider, between canaries, and returns all that it wrote. */
final class StageRun {
  /** What a pass wrote, by name; arrays of floats and of bytes. */
  record Result(Map<String, float[]> floats, Map<String, byte[]> bytes) {
    Result() {
      this(new LinkedHashMap<>(), new LinkedHashMap<>());
    }
  }

  private StageRun() {}

  static Result forward(Kernels kernels, StageCase run) {
    Stage stage = run.stage();
    int batch = run.batch();
    FeatureMap in = stage.input();
    FeatureMap out = stage.output();
    try (Guarded memory = new Guarded(run.skew(), run.skew() != 0)) {
      long storeBytes = batch * stage.activation().store().bytes(in);
      MemorySegment store = storeBytes == 0 ? null : memory.allocate(storeBytes);
      long savedBytes = batch * stage.operator().savedBytes();
      MemorySegment saved = savedBytes > 0 && run.trains() ? memory.allocate(savedBytes) : null;
      MemorySegment sums =
          stage.statistics()
              ? memory.allocateAligned(
                  run.cut().leaves() * Partials.statisticsBytes(out.channels()))
              : null;
      ForwardArgs.ResidualArgs residual = null;
      StageCase.Tensor tensor = run.residual();
      if (tensor != null) {
        residual =
            new ForwardArgs.ResidualArgs(
                memory.allocate(tensor.x()), optional(memory, tensor.table()));
      }
      MemorySegment y =
          run.inPlace()
              ? requireNonNull(residual).x()
              : memory.allocate(batch * stage.layout().bytes(out));
      // What lies beside a slice stays.
      float[] before = Guarded.floats(y, Math.toIntExact(batch * stage.layout().bytes(out) / 4));
      ForwardArgs args =
          new ForwardArgs(
              stage,
              batch,
              memory.allocate(run.x()),
              optional(memory, run.table()),
              store,
              optional(memory, run.weights()),
              optional(memory, run.bias()),
              residual,
              saved,
              y,
              sums,
              optional(memory, run.factor()),
              draws(memory, run));
      Runner.forwardParts(kernels, args, run.cut().parts(), run.bounds());
      memory.verify(kernels.name() + " forward, " + run);
      Result result = new Result();
      float[] after = Guarded.floats(y, before.length);
      result.floats().put("y", slice(stage, before, after));
      if (store != null) {
        result.bytes().put("store", Guarded.bytes(store, storeBytes));
      }
      if (saved != null) {
        result.bytes().put("saved", Guarded.bytes(saved, savedBytes));
        if (stage.operator() instanceof GroupNorm) {
          result.floats().put("moments", Guarded.floats(saved, (int) savedBytes / 4));
        }
      }
      if (sums != null) {
        MemorySegment moments = memory.allocate(8L * out.channels());
        int half = out.channels() / 2;
        kernels.finishStatistics(sums, run.cut(), out.channels(), 0, half, moments);
        kernels.finishStatistics(sums, run.cut(), out.channels(), half, out.channels(), moments);
        float[] values = Guarded.floats(moments, 2 * out.channels());
        result.floats().put("mean", Arrays.copyOf(values, out.channels()));
        result.floats().put("variance", Arrays.copyOfRange(values, out.channels(), values.length));
      }
      return result;
    }
  }

  /** Runs the backward pass on what another run's forward pass stored. */
  static Result backward(Kernels kernels, StageCase run, Result stored) {
    Stage stage = run.stage();
    int batch = run.batch();
    FeatureMap in = stage.input();
    FeatureMap out = stage.output();
    try (Guarded memory = new Guarded(run.skew(), run.skew() != 0)) {
      List<GradientTerm> outputTerms = terms(memory, run.outputTerms());
      List<GradientTerm> activationTerms = terms(memory, run.activationTerms());
      MemorySegment gradientOut =
          target(memory, outputTerms, run.gradientOut(), batch * out.bytes());
      MemorySegment dx = target(memory, activationTerms, run.dx(), batch * in.bytes());
      MemorySegment table = optional(memory, run.table());
      byte[] store = stored.bytes().get("store");
      byte[] saved = stored.bytes().get("saved");
      boolean weighs = stage.operator().weights() > 0;
      FeatureMap second = stage.operator().factor();
      MemorySegment factorGradient =
          second == null ? null : memory.allocate(batch * second.bytes());
      BackwardArgs args =
          new BackwardArgs(
              stage,
              batch,
              outputTerms,
              gradientOut,
              stage.activation().store() == StoreFormat.KEPT ? memory.allocate(run.x()) : null,
              table,
              store == null ? null : memory.allocate(store),
              optional(memory, run.weights()),
              saved == null ? null : memory.allocate(saved),
              activationTerms,
              dx,
              weighs
                  ? memory.allocateAligned(run.weightCut().groups() * Partials.weightBytes(stage))
                  : null,
              memory.allocateAligned(run.cut().leaves() * Partials.sumBytes(stage)),
              optional(memory, run.factor()),
              factorGradient,
              draws(memory, run));
      if (run.fused()) {
        Runner.fusedParts(kernels, args, run.parts(), run.bounds());
      } else {
        Runner.backwardParts(kernels, args, run.parts(), run.bounds());
      }
      memory.verify(kernels.name() + " backward, " + run);
      Result result = new Result();
      if (gradientOut != null) {
        result.floats().put("dy", Guarded.floats(gradientOut, batch * out.values()));
      }
      if (dx != null) {
        result.floats().put("d", Guarded.floats(dx, batch * in.values()));
      }
      if (factorGradient != null && second != null) {
        float[] gradient = Guarded.floats(factorGradient, batch * second.values());
        result.floats().put("dfactor", gradient);
      }
      int weights = stage.operator().weights();
      int parameters = weights + (stage.hasBias() ? out.channels() : 0);
      MemorySegment dw = memory.allocate(4L * parameters);
      if (weighs) {
        int half = parameters / 2;
        kernels.finishWeights(args, run.weightCut(), 0, half, dw);
        kernels.finishWeights(args, run.weightCut(), half, parameters, dw);
      }
      float[] values = Guarded.floats(dw, parameters);
      result.floats().put("dweight", Arrays.copyOf(values, weights));
      result.floats().put("dbias", Arrays.copyOfRange(values, weights, parameters));
      if (stage.activation().nonlinearity().hasSlope()) {
        MemorySegment slopes = memory.allocate(in.channels() * 4L);
        int half = in.channels() / 2;
        kernels.finishSlopes(args, run.cut(), 0, half, slopes);
        kernels.finishSlopes(args, run.cut(), half, in.channels(), slopes);
        result.floats().put("dslope", Guarded.floats(slopes, in.channels()));
      }
      if (stage.activation().normalize()) {
        MemorySegment gamma = memory.allocate(in.channels() * 4L);
        MemorySegment beta = memory.allocate(in.channels() * 4L);
        int half = in.channels() / 2;
        kernels.finishChannels(args, run.cut(), batch, 0, half, gamma, beta);
        kernels.finishChannels(args, run.cut(), batch, half, in.channels(), gamma, beta);
        result.floats().put("dgamma", Guarded.floats(gamma, in.channels()));
        result.floats().put("dbeta", Guarded.floats(beta, in.channels()));
      }
      return result;
    }
  }

  private static @Nullable MemorySegment draws(Guarded memory, StageCase run) {
    if (!(run.stage().operator() instanceof Operator.Dropout)) {
      return null;
    }
    MemorySegment key = memory.allocate(Draw.BYTES);
    Draw.set(key, run.draws(), run.draws() >>> 40);
    return key;
  }

  /** The stage's channels; fails if others have changed. */
  private static float[] slice(Stage stage, float[] before, float[] after) {
    Layout layout = stage.layout();
    int channels = stage.output().channels();
    float[] values = new float[after.length / layout.pitch() * channels];
    for (int i = 0; i < after.length; i++) {
      int c = i % layout.pitch() - layout.offset();
      if (c >= 0 && c < channels) {
        values[i / layout.pitch() * channels + c] = after[i];
      } else if (Float.floatToRawIntBits(before[i]) != Float.floatToRawIntBits(after[i])) {
        throw new AssertionError("Float " + i + " beside a slice has changed in " + stage);
      }
    }
    return values;
  }

  private static List<GradientTerm> terms(Guarded memory, List<StageCase.Term> terms) {
    List<GradientTerm> result = new ArrayList<>();
    for (StageCase.Term term : terms) {
      MemorySegment gradient = memory.allocate(term.gradient());
      if (term.transform() != null) {
        result.add(new GradientTerm.Shortcut(gradient, term.transform()));
      } else if (term.layout() != null) {
        result.add(new GradientTerm.Slice(term.map(), gradient, term.layout()));
      } else {
        result.add(
            new GradientTerm.Normalized(
                term.map(),
                gradient,
                memory.allocate(requireNonNull(term.table())),
                term.format(),
                memory.allocate(requireNonNull(term.store()))));
      }
    }
    return result;
  }

  private static @Nullable MemorySegment target(
      Guarded memory, List<GradientTerm> terms, int where, long bytes) {
    return switch (where) {
      case StageCase.NOWHERE -> null;
      case StageCase.OWN -> memory.allocate(bytes);
      default -> requireNonNull(GradientTerm.plainBuffer(terms.get(where)));
    };
  }

  private static @Nullable MemorySegment optional(Guarded memory, float @Nullable [] values) {
    return values == null ? null : memory.allocate(values);
  }
}
