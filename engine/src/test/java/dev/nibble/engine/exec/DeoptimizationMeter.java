package dev.nibble.engine.exec;

import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Records which methods of the kernels and the engine the JVM compiles to its best code, and where
 * it throws such code away. By reflection, like {@link HeapMeter}: the module does not need flight
 * recordings to run.
 */
final class DeoptimizationMeter implements AutoCloseable {
  private static final String DEOPTIMIZATION = "jdk.Deoptimization";
  private static final String COMPILATION = "jdk.Compilation";
  private static final int OPTIMIZING_COMPILER = 4;

  private final Class<?> type;
  private final Object recording;

  /** What happened between start and stop, as names of methods. */
  record Counts(List<String> deoptimized, List<String> compiled) {}

  DeoptimizationMeter() throws ReflectiveOperationException {
    type = Class.forName("jdk.jfr.Recording");
    recording = type.getConstructor().newInstance();
    type.getMethod("enable", String.class).invoke(recording, DEOPTIMIZATION);
    Object settings = type.getMethod("enable", String.class).invoke(recording, COMPILATION);
    Class.forName("jdk.jfr.EventSettings")
        .getMethod("with", String.class, String.class)
        .invoke(settings, "threshold", "0 ms");
    type.getMethod("start").invoke(recording);
  }

  Counts stop() throws ReflectiveOperationException, IOException {
    type.getMethod("stop").invoke(recording);
    return soFar();
  }

  /** What happened since the start; the recording goes on. */
  Counts soFar() throws ReflectiveOperationException, IOException {
    Path file = Files.createTempFile("deoptimizations", ".jfr");
    try {
      type.getMethod("dump", Path.class).invoke(recording, file);
      Class<?> reader = Class.forName("jdk.jfr.consumer.RecordingFile");
      List<?> events = (List<?>) reader.getMethod("readAllEvents", Path.class).invoke(null, file);
      return count(events);
    } finally {
      Files.delete(file);
    }
  }

  private static Counts count(List<?> events) throws ReflectiveOperationException {
    Class<?> recorded = Class.forName("jdk.jfr.consumer.RecordedEvent");
    Class<?> method = Class.forName("jdk.jfr.consumer.RecordedMethod");
    Class<?> owner = Class.forName("jdk.jfr.consumer.RecordedClass");
    Class<?> kind = Class.forName("jdk.jfr.EventType");
    Method value = recorded.getMethod("getValue", String.class);
    Counts counts = new Counts(new ArrayList<>(), new ArrayList<>());
    for (Object event : events) {
      Object where = value.invoke(event, "method");
      if (where == null) {
        continue;
      }
      Object declaring = method.getMethod("getType").invoke(where);
      String name =
          owner.getMethod("getName").invoke(declaring)
              + "."
              + method.getMethod("getName").invoke(where);
      if (!name.startsWith("dev.nibble.") && !name.contains(".vector.")) {
        continue; // the test's own machinery
      }
      Object eventType = recorded.getMethod("getEventType").invoke(event);
      if (kind.getMethod("getName").invoke(eventType).equals(DEOPTIMIZATION)) {
        counts.deoptimized().add(name);
      } else if (((Number) value.invoke(event, "compileLevel")).intValue() == OPTIMIZING_COMPILER) {
        counts.compiled().add(name);
      }
    }
    return counts;
  }

  @Override
  public void close() {
    try {
      type.getMethod("close").invoke(recording);
    } catch (ReflectiveOperationException e) {
      throw new LinkageError("This JVM's flight recordings have no close()", e);
    }
  }
}
