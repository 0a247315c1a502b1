package dev.nibble.kernels.provider;

import org.jspecify.annotations.Nullable;

/**
 * Reads the JVM's options through HotSpot's diagnostic bean. By reflection, because the bean's
 * modules may be missing from a trimmed run-time image, and then nothing is known rather than
 * wrong.
 */
final class HotSpotOptions {
  private final @Nullable Object bean;

  HotSpotOptions() {
    this.bean = find();
  }

  private static @Nullable Object find() {
    try {
      Class<?> type = Class.forName("com.sun.management.HotSpotDiagnosticMXBean");
      Class<?> factory = Class.forName("java.lang.management.ManagementFactory");
      return factory.getMethod("getPlatformMXBean", Class.class).invoke(null, type);
    } catch (ReflectiveOperationException | LinkageError e) {
      return null;
    }
  }

  /** The option's value as text, or null where it is not known to this JVM. */
  @Nullable String get(String name) {
    if (bean == null) {
      return null;
    }
    try {
      Class<?> type = Class.forName("com.sun.management.HotSpotDiagnosticMXBean");
      Object option = type.getMethod("getVMOption", String.class).invoke(bean, name);
      return (String)
          Class.forName("com.sun.management.VMOption").getMethod("getValue").invoke(option);
    } catch (ReflectiveOperationException | LinkageError e) {
      return null;
    }
  }

  /** The option's value as a number, or {@code unknown} where it has none. */
  int get(String name, int unknown) {
    String value = get(name);
    try {
      return value == null ? unknown : Integer.parseInt(value);
    } catch (NumberFormatException e) {
      return unknown;
    }
  }
}
