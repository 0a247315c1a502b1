package dev.nibble.engine.exchange.onnx.model;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An input or output of a graph.
 *
 * @param name its name
 * @param type of its elements; null where the file does not tell, or it is no tensor
 * @param dims its extents, -1 for one that is free; null where the file does not tell
 */
public record ValueInfo(String name, @Nullable ElementType type, @Nullable List<Long> dims) {
  /** An extent that is free. */
  public static final long FREE = -1;
}
