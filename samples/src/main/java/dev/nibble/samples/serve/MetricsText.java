package dev.nibble.samples.serve;

import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.nio.charset.StandardCharsets;

/** The meters in Prometheus' text format. */
final class MetricsText {
  private static final String TYPE = "text/plain; version=0.0.4; charset=utf-8";

  private MetricsText() {}

  static Answer of(PrometheusMeterRegistry registry) {
    return Answer.of(Answer.OK, TYPE, registry.scrape(TYPE).getBytes(StandardCharsets.UTF_8));
  }
}
