package dev.nibble.samples;

import dev.nibble.kernels.provider.KernelProvider;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/** What {@code --kernels} may be, for its help. */
final class KernelNames implements Iterable<String> {
  /** Leaves the choice to the library. */
  static final String AUTO = "auto";

  static List<String> all() {
    List<String> names = new ArrayList<>(List.of(AUTO));
    names.addAll(KernelProvider.names());
    return names;
  }

  @Override
  public Iterator<String> iterator() {
    return all().iterator();
  }
}
