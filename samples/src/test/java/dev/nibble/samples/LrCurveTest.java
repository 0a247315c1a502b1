package dev.nibble.samples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.train.LearningRateFinder.Point;
import dev.nibble.engine.train.LearningRateFinder.Result;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The curve's axis says rates as people write them. */
class LrCurveTest {
  private static final Pattern LABEL = Pattern.compile("text-anchor=\"middle\">([^<]*)<");

  @TempDir private Path folder;

  private List<String> labels(double from, double to) throws IOException {
    List<Point> points = new ArrayList<>();
    for (int i = 0; i <= 20; i++) {
      double loss = 2 + Math.cos(i / 5.0);
      points.add(new Point((float) (from * Math.pow(to / from, i / 20.0)), loss, loss));
    }
    Result result = new Result(points, true, points.get(8).rate(), points.get(16).rate());
    Path file = folder.resolve("curve.svg");
    LrCurve.write(file, result, "a model");
    return LABEL
        .matcher(Files.readString(file))
        .results()
        .map((MatchResult label) -> label.group(1))
        .toList();
  }

  @ParameterizedTest
  @CsvSource({
    "1e-5, 1, 1e-5 0.0001 0.001 0.01 0.1 1",
    "0.001, 0.1, 0.001 0.002 0.005 0.01 0.02 0.05 0.1",
    "0.02, 0.3, 0.02 0.05 0.1 0.2",
    "1e-9, 1000, 1e-8 1e-6 0.0001 0.01 1 100",
  })
  void decadesAreLabelled(double from, double to, String labels) throws IOException {
    assertThat(String.join(" ", labels(from, to))).isEqualTo(labels + " learning rate");
  }

  /** Also where the last step was the first. */
  @Test
  void aSinglePointIsDrawn() throws IOException {
    Result result = new Result(List.of(new Point(0.1f, 2, 2)), true, Float.NaN, 0.1f);
    for (String name : List.of("one.svg", "one.png")) {
      LrCurve.write(folder.resolve(name), result, "a model");
      assertThat(folder.resolve(name)).isNotEmptyFile();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "0.001, 0.001",
    "0.1, 0.1",
    "1, 1",
    "20, 20",
    "1000, 1000",
    "1e-5, 1e-5",
    "2.5e-7, 2.5e-7",
    "0.0001, 0.0001",
    "1e6, 1e6",
    "0.3000000119, 0.3",
    "1234, 1230",
    "9.9999e-6, 1e-5",
  })
  void numbersAreWrittenAsPeopleDo(double value, String text) {
    assertThat(SvgScale.text(value)).isEqualTo(text);
  }
}
