package dev.nibble.kernels.provider;

import dev.nibble.kernels.vector.VectorKernels;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Whether vector code would run as vector code. Without C2, or without the instructions that it
 * needs, every vector is an object on the heap and each operation a call: far slower than plain
 * loops.
 */
final class VectorSupport {
  private static final String MODULE = "jdk.incubator.vector";

  private VectorSupport() {}

  /** One sentence that says why not and what to do, or null where it would. */
  static @Nullable String whyNot() {
    if (ModuleLayer.boot().findModule(MODULE).isEmpty()) {
      return "the Vector API is not part of this JVM's modules; start java with --add-modules "
          + MODULE;
    }
    String info = System.getProperty("java.vm.info", "");
    if (info.toLowerCase(Locale.ROOT).contains("interpreted")) {
      return "the JVM only interprets; start java without -Xint";
    }
    String reason = whyNot(System.getProperty("os.arch", ""));
    return reason != null ? reason : VectorKernels.unsupportedReason();
  }

  private static @Nullable String whyNot(String architecture) {
    int level = HotSpotOptions.get("TieredStopAtLevel", 4);
    if (level < 4) {
      return "the optimising compiler C2 is off; start java without -XX:TieredStopAtLevel=" + level;
    }
    boolean x86 =
        switch (architecture) {
          case "amd64", "x86_64", "x86", "i386" -> true;
          default -> false;
        };
    if ("false".equals(HotSpotOptions.get("UseFMA"))) {
      return "fused multiply-add is missing or switched off (UseFMA is false)";
    }
    // A vector of floats fills MaxVectorSize; AVX without AVX2 has 32 bytes for floats only.
    int needed = x86 ? 32 : 16;
    int bytes = HotSpotOptions.get("MaxVectorSize", needed);
    if (bytes < needed || (x86 && HotSpotOptions.get("UseAVX", 2) < 2)) {
      return "vectors of at least %d bits are needed, and this processor or JVM offers %d"
          .formatted(8 * needed, 8 * Math.min(bytes, x86 ? 16 : bytes));
    }
    return null;
  }
}
