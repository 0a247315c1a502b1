package dev.nibble.engine.network;

import dev.nibble.kernels.FeatureMap;
import java.util.List;

/** Networks of one design, which differ in depth or width, by their names. */
interface NetworkFamily {
  /** Whether a name, in lower case, is for this family to answer. */
  boolean has(String name);

  /** The names to offer a person: all, or the usual ones of an endless family. */
  List<String> names();

  /** Shape of the pictures that the network of that name is known for. */
  FeatureMap usualInput(String name);

  /** Number of classes that the network of that name is known for. */
  int usualClasses(String name);

  /**
   * The network of a name that {@link #has} accepted; it bears that name.
   *
   * @param input shape of a picture
   * @param classes number of classes
   * @throws IllegalArgumentException if there is no such network for such pictures
   */
  Network build(String name, FeatureMap input, int classes);
}
