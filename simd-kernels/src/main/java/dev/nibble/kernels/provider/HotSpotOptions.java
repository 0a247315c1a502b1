package dev.nibble.kernels.provider;

import com.sun.management.HotSpotDiagnosticMXBean;
import java.lang.management.ManagementFactory;
import org.jspecify.annotations.Nullable;

/**
 * Reads the JVM's options through HotSpot's diagnostic bean. Where the bean's modules are missing,
 * as in a trimmed run-time image, nothing is known, which is not an error.
 */
final class HotSpotOptions {
  private HotSpotOptions() {}

  /** The option's value as text, or null where it is not known to this JVM. */
  static @Nullable String get(String name) {
    try {
      HotSpotDiagnosticMXBean bean =
          ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
      return bean == null ? null : bean.getVMOption(name).getValue();
    } catch (LinkageError | IllegalArgumentException e) {
      return null;
    }
  }

  /** The option's value as a number, or {@code unknown} where it has none. */
  static int get(String name, int unknown) {
    String value = get(name);
    try {
      return value == null ? unknown : Integer.parseInt(value);
    } catch (NumberFormatException e) {
      return unknown;
    }
  }
}
