package dev.nibble.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Values against known ones, derivatives against differences, edges to the last bit. */
class NonlinearityTest {
  private static final float SLOPE = 0.3f;

  static Stream<Nonlinearity> all() {
    return Stream.of(
        Nonlinearity.identity(),
        Nonlinearity.relu(),
        Nonlinearity.relu6(),
        Nonlinearity.hardTanh(),
        new Nonlinearity.Clip(-0.5f, Float.POSITIVE_INFINITY),
        new Nonlinearity.Clip(Float.NEGATIVE_INFINITY, 2),
        new Nonlinearity.LeakyRelu(0.01f),
        new Nonlinearity.LeakyRelu(-2),
        new Nonlinearity.Prelu(),
        new Nonlinearity.Elu(1.5f),
        Nonlinearity.hardSigmoid(),
        new Nonlinearity.HardSigmoid(0.2f, 0.75f),
        Nonlinearity.hardSwish(),
        new Nonlinearity.Sigmoid(),
        Nonlinearity.silu(),
        new Nonlinearity.Tanh(),
        new Nonlinearity.Mish(),
        new Nonlinearity.Gelu(false),
        new Nonlinearity.Gelu(true));
  }

  @ParameterizedTest
  @MethodSource("all")
  void theDerivativeIsThatOfTheValue(Nonlinearity f) {
    SplittableRandom random = new SplittableRandom(1);
    float step = 1f / 256;
    for (int i = 0; i < 500; i++) {
      float z = Math.round(random.nextDouble(-8, 8) * 1024) / 1024f;
      if (f.side(z - step) != f.side(z + step)) {
        continue;
      }
      double slope = ((double) f.value(z + step, SLOPE) - f.value(z - step, SLOPE)) / (2 * step);
      assertThat((double) f.derivative(z, SLOPE))
          .as("%s at %s", f, z)
          .isCloseTo(slope, within(2e-4));
    }
  }

  @ParameterizedTest
  @MethodSource("all")
  void edgesAreExact(Nonlinearity f) {
    float low = f.lowEdge();
    float high = f.highEdge();
    if (Float.isFinite(low)) {
      assertThat(f.side(low)).isEqualTo(-1);
      assertThat(f.side(Math.nextUp(low))).isZero();
      assertThat(f.derivative(low, SLOPE)).isEqualTo(f.derivative(Math.nextDown(low), SLOPE));
      assertContinuous(f, low);
    }
    if (Float.isFinite(high)) {
      assertThat(f.side(high)).isEqualTo(1);
      assertThat(f.side(Math.nextDown(high))).isZero();
      assertThat(f.derivative(high, SLOPE)).isEqualTo(f.derivative(Math.nextUp(high), SLOPE));
      assertContinuous(f, high);
    }
    assertThat(f.side(Float.NaN)).isZero();
    assertThat(f.value(Float.NaN, SLOPE)).isNaN();
  }

  private static void assertContinuous(Nonlinearity f, float edge) {
    double below = f.value(Math.nextDown(edge), SLOPE);
    double above = f.value(Math.nextUp(edge), SLOPE);
    assertThat(below).isCloseTo(f.value(edge, SLOPE), within(1e-6));
    assertThat(above).isCloseTo(f.value(edge, SLOPE), within(1e-6));
  }

  @Test
  void valuesAreTheKnownOnes() {
    assertThat(Nonlinearity.relu6().value(7, 0)).isEqualTo(6);
    assertThat(new Nonlinearity.Prelu().value(-2, SLOPE)).isEqualTo(-2 * SLOPE);
    assertThat(Nonlinearity.hardSwish().value(1, 0)).isCloseTo(2 / 3f, within(1e-6f));
    assertThat(Nonlinearity.silu().value(1, 0)).isCloseTo(0.7310586f, within(1e-6f));
    assertThat(Nonlinearity.silu().value(-1000, 0)).isZero();
    assertThat(new Nonlinearity.Sigmoid().value(-1, 0)).isCloseTo(0.26894143f, within(1e-7f));
    assertThat(new Nonlinearity.Elu(1).value(-1, 0)).isCloseTo(-0.6321206f, within(1e-6f));
    assertThat(new Nonlinearity.Mish().value(1, 0)).isCloseTo(0.8650984f, within(1e-6f));
    assertThat(new Nonlinearity.Mish().value(-1000, 0)).isZero();
    assertThat(new Nonlinearity.Mish().value(1000, 0)).isEqualTo(1000);
    assertThat(new Nonlinearity.Gelu(false).value(1, 0)).isCloseTo(0.8413447f, within(1e-6f));
    assertThat(new Nonlinearity.Gelu(false).value(-2, 0)).isCloseTo(-0.0455003f, within(1e-6f));
    assertThat(new Nonlinearity.Gelu(true).value(1, 0)).isCloseTo(0.8411920f, within(1e-6f));
  }

  @Test
  void theErrorFunctionIsTheKnownOneOnBothSidesOfItsCut() {
    assertThat(SpecialFunctions.erf(0.5)).isCloseTo(0.5204998778130465, within(1e-15));
    assertThat(SpecialFunctions.erf(-2)).isCloseTo(-0.9953222650189527, within(1e-15));
    assertThat(SpecialFunctions.erf(2.6)).isCloseTo(0.9997639655834707, within(1e-15));
    assertThat(SpecialFunctions.erf(4)).isCloseTo(0.9999999845827421, within(1e-15));
    assertThat(SpecialFunctions.erf(Double.NEGATIVE_INFINITY)).isEqualTo(-1);
  }

  @Test
  void rangesWithoutValuesAreRefused() {
    assertThatThrownBy(() -> new Nonlinearity.Clip(1, 1)).hasMessageContaining("lower bound");
    assertThatThrownBy(() -> new Nonlinearity.Clip(Float.NaN, 1)).hasMessageContaining("lower");
    assertThatThrownBy(() -> new Nonlinearity.HardSigmoid(0, 1)).hasMessageContaining("positive");
    assertThatThrownBy(() -> new Nonlinearity.LeakyRelu(Float.NaN)).hasMessageContaining("finite");
  }
}
