package dev.nibble.engine.exchange.onnx;

import dev.nibble.engine.exchange.onnx.graph.Weight;
import dev.nibble.engine.network.Parameter;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Where a parameter's values come from. */
sealed interface ParameterSource {
  /** Whether there are as many values as the parameter has. */
  boolean fits(Parameter parameter);

  /** Name for people. */
  String name();

  /** A tensor of the file. */
  record OfFile(Weight weight) implements ParameterSource {
    @Override
    public boolean fits(Parameter parameter) {
      return WeightLoader.fits(weight, parameter);
    }

    @Override
    public String name() {
      return weight.name();
    }
  }

  /** Numbers that are computed of the file's, a value a channel. */
  @SuppressWarnings("ArrayRecordComponent") // made here, read here, never compared
  record Computed(float[] values) implements ParameterSource {
    @Override
    public boolean fits(Parameter parameter) {
      return values.length == parameter.size();
    }

    @Override
    public String name() {
      return "constant";
    }

    /** Copies the values to where the parameter lies. */
    void load(Parameter parameter, MemorySegment target) {
      float[] ordered = parameter.inMemoryOrder(values);
      MemorySegment.copy(ordered, 0, target, ValueLayout.JAVA_FLOAT, 0, ordered.length);
    }
  }
}
