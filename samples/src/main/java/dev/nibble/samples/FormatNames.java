package dev.nibble.samples;

import java.util.Iterator;

/** What {@code --activations} may be, for its help. */
final class FormatNames implements Iterable<String> {
  @Override
  public Iterator<String> iterator() {
    return Inputs.FORMATS.stream().map(Inputs::name).iterator();
  }
}
