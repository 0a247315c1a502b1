package dev.nibble.engine.exchange.onnx.model;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * An open ONNX file: its graph as it is; tensors' data are read when they are asked for.
 *
 * @param opset version of the standard's operators
 * @param producer what wrote the file, may be empty
 * @param metadata the model's own strings, in their order
 * @param name the graph's name, may be empty
 * @param nodes in the file's order, in which each must follow those that it reads
 * @param initializers tensors by name, in the file's order
 * @param sparse names of the initialisers that are sparse, and not read
 * @param inputs what the graph reads; older files list initialisers, too
 * @param outputs what the graph gives
 * @param functions names of the file's own functions
 * @param files what is open
 */
public record OnnxModel(
    int opset,
    String producer,
    Map<String, String> metadata,
    String name,
    List<Node> nodes,
    Map<String, TensorData> initializers,
    Set<String> sparse,
    List<ValueInfo> inputs,
    List<ValueInfo> outputs,
    Set<String> functions,
    Files files)
    implements AutoCloseable {
  /** The model's file and those beside it that hold its tensors. */
  public static final class Files implements AutoCloseable {
    private final FileChannel model;
    private final ExternalFiles external;

    Files(FileChannel model, ExternalFiles external) {
      this.model = model;
      this.external = external;
    }

    @Override
    public void close() throws IOException {
      try (external) {
        model.close();
      }
    }
  }

  /** Closes the file and those beside it. */
  @Override
  public void close() throws IOException {
    files.close();
  }
}
