package dev.nibble.kernels.cublas;

import java.util.ArrayList;
import java.util.List;

/** Why the places that were tried for a library do not do, in their order. */
final class Failures {
  private final List<String> absent = new ArrayList<>();
  private final List<String> broken = new ArrayList<>();

  /** There is no such library at a place; in the linker's words. */
  void absent(String words) {
    absent.add(words);
  }

  /** There is one, but it does not do. */
  void broken(String why) {
    broken.add(why);
  }

  boolean isAnyBroken() {
    return !broken.isEmpty();
  }

  /** What is there and does not do, as one clause. */
  String brokenText() {
    return String.join("; ", broken);
  }

  /** What the linker said where there is nothing. */
  String absentText() {
    return String.join("; ", absent);
  }
}
