package dev.nibble.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class ProgressTest {
  @Test
  void theEstimateLearnsFromThePast() {
    assertThat(Progress.left(0, 100, 0)).isEqualTo(100);
    assertThat(Progress.left(5, 95, 50)).isEqualTo(95);
    assertThat(Progress.left(20, 80, 30)).isEqualTo(120);
  }

  @Test
  void durationsReadLikeADurations() {
    assertThat(Progress.duration(0.4)).isEqualTo("0 s");
    assertThat(Progress.duration(59.4)).isEqualTo("59 s");
    assertThat(Progress.duration(125)).isEqualTo("2 min 5 s");
  }

  @Test
  void linesAreCounted() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8)) {
      Progress progress = new Progress(out, 2, 9);
      progress.begin("a");
      progress.end(4);
      progress.begin("b");
    }
    assertThat(bytes.toString(StandardCharsets.UTF_8).lines())
        .satisfiesExactly(
            l -> assertThat(l).startsWith("[ 1/2] a").endsWith("about 9 s left"),
            l -> assertThat(l).startsWith("[ 2/2] b").endsWith("about 5 s left"));
  }
}
