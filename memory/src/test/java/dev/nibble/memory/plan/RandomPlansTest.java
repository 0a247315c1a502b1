package dev.nibble.memory.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import dev.nibble.memory.Slab;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.ArgumentsProvider;
import org.junit.jupiter.params.provider.ArgumentsSource;
import org.junit.jupiter.params.support.ParameterDeclarations;

/** Random lifetimes: the seed is the test's argument, so that its name says how to repeat it. */
class RandomPlansTest {
  static final class Seeds implements ArgumentsProvider {
    @Override
    public Stream<? extends Arguments> provideArguments(
        ParameterDeclarations parameters, ExtensionContext context) {
      return LongStream.range(0, 200).mapToObj(Arguments::of);
    }
  }

  @ParameterizedTest(name = "seed {0}")
  @ArgumentsSource(Seeds.class)
  void isValid(long seed) {
    List<BufferRequest> requests = random(seed);
    MemoryPlan plan = MemoryPlan.of(requests);

    List<Placement> placements = plan.placements();
    assertThat(placements.stream().map(Placement::request)).isEqualTo(requests);
    long end = 0;
    for (int i = 0; i < placements.size(); i++) {
      Placement placement = placements.get(i);
      assertThat(placement.offset()).isNotNegative();
      assertThat(placement.offset() % 64).isZero();
      end = Math.max(end, end(placement));
      for (Placement other : placements.subList(0, i)) {
        if (placement.request().overlaps(other.request())
            && placement.offset() < end(other)
            && other.offset() < end(placement)) {
          fail("seed %d: %s and %s share bytes", seed, placement, other);
        }
      }
    }
    assertThat(plan.totalBytes()).isEqualTo(end);
    assertThat(plan.totalBytes()).isGreaterThanOrEqualTo(plan.lowerBoundBytes());
    // Looser than what the planner reaches, tight enough to notice one that has gone wrong.
    assertThat((double) plan.totalBytes()).isLessThanOrEqualTo(1.35 * plan.lowerBoundBytes());
  }

  @ParameterizedTest(name = "seed {0}")
  @ArgumentsSource(Seeds.class)
  void lowerBoundIsTheLargestOfTheLiveBytes(long seed) {
    List<BufferRequest> requests = random(seed);
    MemoryPlan plan = MemoryPlan.of(requests);
    int steps = requests.stream().mapToInt(BufferRequest::lastUse).max().orElse(0) + 1;
    long most = 0;
    for (int step = 0; step <= steps; step++) {
      long live = 0;
      for (BufferRequest request : requests) {
        if (request.firstUse() <= step && step <= request.lastUse()) {
          live += Slab.sizeFor(request.bytes());
        }
      }
      assertThat(plan.liveBytesAt(step)).as("seed %d, step %d", seed, step).isEqualTo(live);
      most = Math.max(most, live);
    }
    assertThat(plan.lowerBoundBytes()).isEqualTo(most);
  }

  @ParameterizedTest(name = "seed {0}")
  @ArgumentsSource(Seeds.class)
  void isTheSameEveryTime(long seed) {
    List<BufferRequest> requests = random(seed);
    assertThat(MemoryPlan.of(requests).placements())
        .isEqualTo(MemoryPlan.of(random(seed)).placements());
  }

  @Test
  void manyBuffersArePlannedQuickly() {
    SplittableRandom random = new SplittableRandom(5);
    List<BufferRequest> requests = new ArrayList<>();
    for (int i = 0; i < 5000; i++) {
      int first = random.nextInt(5000);
      requests.add(
          new BufferRequest("b" + i, random.nextInt(1 << 20), first, first + random.nextInt(5000)));
    }
    // Well under a second when the machine is ours; the bound leaves room for one that is not.
    MemoryPlan plan =
        Assertions.assertTimeout(Duration.ofSeconds(15), () -> MemoryPlan.of(requests));
    assertThat((double) plan.totalBytes()).isLessThan(1.05 * plan.lowerBoundBytes());
  }

  private static long end(Placement placement) {
    return placement.offset() + Slab.sizeFor(placement.request().bytes());
  }

  private static List<BufferRequest> random(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int count = random.nextInt(1, 60);
    int steps = random.nextInt(1, 2 * count + 1);
    int longest = random.nextInt(1, steps + 1);
    int largest = 1 << random.nextInt(4, 20);
    List<BufferRequest> requests = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int first = random.nextInt(steps);
      int last = first + random.nextInt(longest);
      requests.add(new BufferRequest("b" + i, random.nextInt(largest), first, last));
    }
    return requests;
  }
}
