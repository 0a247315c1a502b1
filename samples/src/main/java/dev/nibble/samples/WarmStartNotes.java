package dev.nibble.samples;

import dev.nibble.engine.model.Normalization;
import dev.nibble.engine.model.WarmStart;
import java.util.ArrayList;
import java.util.List;

/** What is said of a model that a training starts from. */
final class WarmStartNotes {
  private WarmStartNotes() {}

  /** What was taken over, and how pictures are normalised unless that was given. */
  static List<String> of(WarmStart start, Settings settings) {
    List<String> notes = new ArrayList<>(start.notes());
    Normalization source = start.normalization();
    if (source != null && !settings.has("mean")) {
      notes.add("Pictures are normalised by %s (%s)".formatted(source.figures(), source.origin()));
    }
    return notes;
  }
}
