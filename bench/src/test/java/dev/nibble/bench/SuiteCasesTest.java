package dev.nibble.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

class SuiteCasesTest {
  private static List<BenchmarkCase> all(boolean quick) {
    List<BenchmarkCase> cases = new ArrayList<>(SuiteCases.roofs(quick, 2));
    cases.addAll(SuiteCases.all(quick, 2, 200));
    return cases;
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void everyCaseNamesABenchmarkAndAllItsParameters(boolean quick) throws Exception {
    for (BenchmarkCase benchmark : all(quick)) {
      String method = benchmark.method();
      Class<?> owner =
          Class.forName("dev.nibble.bench." + method.substring(0, method.indexOf('.')));
      assertThat(owner.getMethods())
          .filteredOn(m -> m.getName().equals(benchmark.pass()))
          .singleElement()
          .matches(m -> m.isAnnotationPresent(Benchmark.class));
      assertThat(benchmark.params().keySet())
          .as(benchmark.label())
          .containsExactlyInAnyOrderElementsOf(
              Arrays.stream(owner.getDeclaredFields())
                  .filter(f -> f.isAnnotationPresent(Param.class))
                  .map(Field::getName)
                  .toList());
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void noTwoCasesHaveOneName(boolean quick) {
    assertThat(all(quick)).extracting(BenchmarkCase::label).doesNotHaveDuplicates();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void everythingIsCounted(boolean quick) {
    assertThat(all(quick))
        .allSatisfy(c -> assertThat(c.work().flops() + c.work().bytes()).isPositive());
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void theQuickFormStaysBelowThreeMinutes(int threads) {
    double seconds = 0;
    for (BenchmarkCase benchmark : SuiteCases.roofs(true, threads)) {
      seconds += benchmark.expectedSeconds();
    }
    for (BenchmarkCase benchmark : SuiteCases.all(true, threads, 100 * threads)) {
      seconds += benchmark.expectedSeconds();
    }
    assertThat(seconds).isLessThan(170);
  }
}
