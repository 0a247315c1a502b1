package dev.nibble.samples.serve;

import dev.nibble.engine.exchange.ExchangeException;
import dev.nibble.engine.exchange.onnx.BatchNorms;
import dev.nibble.engine.exchange.onnx.OnnxExport;
import io.javalin.http.Context;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Locale;

/** The routes of the model's versions: shown, made current, downloaded. */
final class ModelRoutes {
  private static final String BYTES = "application/octet-stream";

  private final ModelRegistry registry;

  /** Held while a file is converted, for which the whole model is in memory. */
  private final Object converting = new Object();

  ModelRoutes(ModelRegistry registry) {
    this.registry = registry;
  }

  void addTo(Api.Routes routes) {
    routes.get("/model", request -> Answer.ok(registry.toJson()));
    routes.post("/model/rollback", request -> Answer.ok(registry.rollback()));
    routes.get("/model/file", request -> file(current()));
    routes.get("/model/onnx", request -> onnx(current()));
    routes.get(
        "/model/versions/{version}", request -> Answer.ok(registry.toJson(version(request))));
    routes.get("/model/versions/{version}/file", request -> file(version(request)));
    routes.get("/model/versions/{version}/onnx", request -> onnx(version(request)));
    routes.post(
        "/model/versions/{version}/activate",
        request -> Answer.ok(registry.activate(version(request))));
  }

  private static long version(Context request) {
    return Parameters.path(request, "version");
  }

  private long current() {
    Long version = registry.version();
    if (version == null) {
      throw new HttpProblem(
          HttpProblem.UNAVAILABLE,
          "There is no model yet: wait for the end of the first training, which /status shows.",
          5);
    }
    return version;
  }

  private Answer file(long version) throws IOException {
    registry.get(version);
    try {
      return FileAnswer.open(
          registry.model(version), BYTES, name(version, "safetensors"), StandardOpenOption.READ);
    } catch (NoSuchFileException e) {
      throw gone(version);
    }
  }

  private Answer onnx(long version) throws IOException {
    registry.get(version);
    synchronized (converting) {
      Path copy = registry.download();
      boolean done = false;
      try {
        OnnxExport.write(copy, registry.model(version), BatchNorms.FOLDED);
        Answer answer =
            FileAnswer.open(
                copy,
                BYTES,
                name(version, "onnx"),
                StandardOpenOption.READ,
                StandardOpenOption.DELETE_ON_CLOSE);
        done = true;
        return answer;
      } catch (ExchangeException e) {
        if (e.getCause() instanceof NoSuchFileException) {
          throw gone(version);
        }
        if (e.getCause() instanceof IOException io) {
          throw io;
        }
        throw e;
      } finally {
        if (!done) {
          ModelFolder.delete(copy);
        }
      }
    }
  }

  private static HttpProblem gone(long version) {
    return new HttpProblem(
        HttpProblem.NOT_FOUND,
        String.format(Locale.ROOT, "Version %d is no longer kept: choose another.", version));
  }

  private static String name(long version, String ending) {
    return String.format(Locale.ROOT, "nibble-v%06d.%s", version, ending);
  }
}
