package dev.nibble.samples.serve;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.data.Resizing;
import dev.nibble.engine.data.sources.PictureFiles;
import dev.nibble.kernels.FeatureMap;
import io.javalin.http.Context;
import java.lang.foreign.MemorySegment;
import java.util.Locale;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * Turns the body of a request into the pixels that the network reads, in bounded memory: bodies and
 * pictures are measured before they are read, and only so much of both is held at one time.
 */
final class PictureIntake {
  /** Bytes of bodies that are held at one time, at least as many as one may have. */
  private static final int BODIES = 32 << 20;

  /** Pixels that are decoded at one time; the decoder reduces a picture to 4 million. */
  private static final int PIXELS = 8 << 20;

  private static final int MOST_PIXELS_OF_ONE = 4 << 20;
  private static final long PATIENCE_SECONDS = 10;

  private final int maxBody;
  private final int maxSide;
  private final BodyReader reader;
  private final Resizing resizing;
  private final Semaphore bodies;
  private final Semaphore pixels = new Semaphore(PIXELS, true);

  /**
   * Takes pictures within a service's bounds.
   *
   * @param resizing how they are brought to the model's size
   */
  PictureIntake(ServiceOptions.Http options, Resizing resizing) {
    this.resizing = resizing;
    this.maxBody = options.maxBody();
    this.maxSide = options.maxSide();
    this.reader =
        new BodyReader(
            maxBody,
            String.format(
                Locale.ROOT, "The file has more than %d bytes: give a smaller picture.", maxBody),
            options.patience(),
            System::nanoTime);
    this.bodies = new Semaphore(Math.max(BODIES, maxBody), true);
  }

  /**
   * The picture that a request carries.
   *
   * @return height x width x channels bytes
   * @throws HttpProblem if it is too large or too slow, or no sound picture
   */
  byte[] read(Context request, FeatureMap input) {
    return use(
        request,
        "The picture is empty: send a picture file as the body.",
        body -> decode(body, input));
  }

  /**
   * Reads a body and uses it, while its bytes count as held.
   *
   * @param ifEmpty what to say where there is none
   * @throws HttpProblem if it is too large or too slow
   */
  <T> T use(Context request, String ifEmpty, Function<byte[], T> use) {
    long announced = request.req().getContentLengthLong();
    if (announced > maxBody) {
      throw reader.tooLong();
    }
    int held = announced < 0 ? maxBody : (int) announced;
    acquire(bodies, held);
    try {
      byte[] body = reader.read(request);
      if (body.length == 0) {
        throw new HttpProblem(HttpProblem.BAD_REQUEST, ifEmpty);
      }
      return use.apply(body);
    } finally {
      bodies.release(held);
    }
  }

  /**
   * The picture in a file.
   *
   * @return height x width x channels bytes
   * @throws HttpProblem if it is too large, or no sound picture
   */
  byte[] decode(byte[] file, FeatureMap input) {
    if (!PictureFiles.isPicture(file)) {
      throw new HttpProblem(
          HttpProblem.UNSUPPORTED_TYPE,
          "The file is no picture that is read here: give a JPEG, PNG, GIF, BMP, TIFF or WebP"
              + " file.");
    }
    try {
      PictureSize size = PictureFiles.size(file, "as sent");
      if (size.height() > maxSide || size.width() > maxSide) {
        throw new HttpProblem(
            HttpProblem.TOO_LARGE,
            String.format(
                Locale.ROOT,
                "The picture has %d x %d pixels, more than %d on a side: give a smaller one.",
                size.width(),
                size.height(),
                maxSide));
      }
      int held = Math.min(size.height() * size.width(), MOST_PIXELS_OF_ONE);
      acquire(pixels, held);
      try {
        byte[] picture = new byte[input.values()];
        PictureFiles.read(
            file,
            "as sent",
            new PictureSize(input.height(), input.width(), resizing),
            input.channels(),
            MemorySegment.ofArray(picture),
            0);
        return picture;
      } finally {
        pixels.release(held);
      }
    } catch (DataException e) {
      throw new HttpProblem(
          HttpProblem.BAD_REQUEST,
          "The picture can't be decoded, or is far too large: give a sound one.");
    }
  }

  private static void acquire(Semaphore semaphore, int permits) {
    try {
      if (semaphore.tryAcquire(permits, PATIENCE_SECONDS, TimeUnit.SECONDS)) {
        return;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    throw new HttpProblem(
        HttpProblem.TOO_MANY, "Too many pictures are on their way: try again in a second.", 1);
  }
}
