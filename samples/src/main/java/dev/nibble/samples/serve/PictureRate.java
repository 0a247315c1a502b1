package dev.nibble.samples.serve;

/** Keeps clients from taking the processor from a training: so many pictures a second. */
final class PictureRate {
  private final Retraining retraining;
  private final TokenBucket bucket;

  PictureRate(Retraining retraining, ServiceOptions.Http options) {
    this.retraining = retraining;
    this.bucket = new TokenBucket(options.rate(), System::nanoTime);
  }

  /**
   * Counts a picture.
   *
   * @throws HttpProblem if there are too many
   */
  void check() {
    if (retraining.isRunning() && !bucket.tryTake()) {
      throw new HttpProblem(
          HttpProblem.TOO_MANY,
          "Too many pictures for a service that is training: send fewer, or wait for its end.",
          1);
    }
  }
}
