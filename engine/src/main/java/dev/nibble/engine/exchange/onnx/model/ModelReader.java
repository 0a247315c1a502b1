package dev.nibble.engine.exchange.onnx.model;

import dev.nibble.engine.files.AtomicFile;
import dev.nibble.engine.protobuf.ByteSource;
import dev.nibble.engine.protobuf.HeapBudget;
import dev.nibble.engine.protobuf.MessageReader;
import dev.nibble.engine.protobuf.ProtobufException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads ModelProto messages; field numbers are those of onnx.proto. */
public final class ModelReader {
  private static final int OLDEST = 9;
  private static final int NEWEST = 23;

  private final HeapBudget budget = HeapBudget.usual();
  private final TensorReader tensors;
  private final NodeReader nodeReader;

  private String producer = "";
  private final Map<String, String> metadata = new LinkedHashMap<>();
  private final Map<String, Long> opsets = new LinkedHashMap<>();
  private final Set<String> functions = new LinkedHashSet<>();
  private boolean hasGraph;

  private String name = "";
  private final List<Node> nodes = new ArrayList<>();
  private final Map<String, TensorData> initializers = new LinkedHashMap<>();
  private final Set<String> sparse = new LinkedHashSet<>();
  private final List<ValueInfo> inputs = new ArrayList<>();
  private final List<ValueInfo> outputs = new ArrayList<>();

  private ModelReader(TensorReader tensors) {
    this.tensors = tensors;
    this.nodeReader = new NodeReader(tensors);
  }

  /**
   * Opens a model.
   *
   * @throws ProtobufException if it is damaged, or of a version that is not read
   * @throws IOException if it cannot be read
   */
  public static OnnxModel open(Path path) throws IOException {
    FileChannel channel = FileChannel.open(path, StandardOpenOption.READ);
    ExternalFiles external = new ExternalFiles(AtomicFile.folder(path));
    OnnxModel.Files files = new OnnxModel.Files(channel, external);
    try {
      ByteSource source = new ByteSource(channel);
      ModelReader reader = new ModelReader(new TensorReader(source, external));
      return reader.model(MessageReader.of(source, reader.budget), files);
    } catch (Throwable e) {
      try {
        files.close();
      } catch (IOException closing) {
        e.addSuppressed(closing);
      }
      throw e;
    }
  }

  private OnnxModel model(MessageReader message, OnnxModel.Files files) {
    while (message.next()) {
      switch (message.field()) {
        case 2 -> producer = message.text();
        case 7 -> {
          // Parts of one message may come one behind the other; those of a graph never do.
          if (hasGraph) {
            throw new ProtobufException("it holds two graphs");
          }
          hasGraph = true;
          graph(message.message());
        }
        case 8 -> opset(message.message());
        case 14 -> StringEntry.read(message.message()).putInto(metadata);
        case 25 -> functions.add(function(message.message()));
        default -> {
          // versions, documentation, what comes later
        }
      }
    }
    if (!hasGraph) {
      throw new ProtobufException("it holds no graph");
    }
    Long opset = opsets.get("");
    if (opset == null) {
      throw new ProtobufException("it does not say which version of ONNX's operators it uses");
    }
    if (opset < OLDEST || opset > NEWEST) {
      throw new ProtobufException(
          "its operators are of opset %d, but %d to %d are read: export it again with one of them"
              .formatted(opset, OLDEST, NEWEST));
    }
    return new OnnxModel(
        opset.intValue(),
        producer,
        metadata,
        name,
        nodes,
        initializers,
        sparse,
        inputs,
        outputs,
        functions,
        files);
  }

  private void opset(MessageReader message) {
    String domain = "";
    long version = 0;
    while (message.next()) {
      switch (message.field()) {
        case 1 -> domain = message.text();
        case 2 -> version = message.integer();
        default -> {
          // unknown
        }
      }
    }
    opsets.put(domain.equals("ai.onnx") ? "" : domain, version);
  }

  private static String function(MessageReader message) {
    String own = "";
    String domain = "";
    while (message.next()) {
      switch (message.field()) {
        case 1 -> own = message.text();
        case 10 -> domain = message.text();
        default -> {
          // its body is not read
        }
      }
    }
    return domain + "::" + own;
  }

  private void graph(MessageReader message) {
    while (message.next()) {
      switch (message.field()) {
        case 1 -> nodes.add(nodeReader.read(message.message()));
        case 2 -> name = message.text();
        case 5 -> {
          TensorData tensor = tensors.read(message);
          if (initializers.put(tensor.name(), tensor) != null) {
            throw new ProtobufException("two tensors are named '" + tensor.name() + "'");
          }
        }
        case 11 -> inputs.add(value(message.message()));
        case 12 -> outputs.add(value(message.message()));
        case 15 -> sparse.add(sparseName(message.message()));
        default -> {
          // documentation, shapes that are inferred here anyway
        }
      }
    }
  }

  /** A sparse tensor has the name of its values. */
  private static String sparseName(MessageReader message) {
    String own = "";
    while (message.next()) {
      if (message.field() == 1) {
        MessageReader values = message.message();
        while (values.next()) {
          if (values.field() == 8) {
            own = values.text();
          }
        }
      }
    }
    return own;
  }

  private static ValueInfo value(MessageReader message) {
    String own = "";
    @Nullable ElementType type = null;
    @Nullable List<Long> dims = null;
    while (message.next()) {
      if (message.field() == 1) {
        own = message.text();
      } else if (message.field() == 2) {
        MessageReader types = message.message();
        while (types.next()) {
          if (types.field() == 1) {
            MessageReader tensor = types.message();
            while (tensor.next()) {
              if (tensor.field() == 1) {
                type = ElementType.find(tensor.integer());
              } else if (tensor.field() == 2) {
                dims = shape(tensor.message());
              }
            }
          }
        }
      }
    }
    return new ValueInfo(own, type, dims);
  }

  private static List<Long> shape(MessageReader message) {
    List<Long> dims = new ArrayList<>();
    while (message.next()) {
      if (message.field() == 1) {
        MessageReader dim = message.message();
        long extent = ValueInfo.FREE;
        while (dim.next()) {
          if (dim.field() == 1) {
            extent = dim.integer();
          }
        }
        // Some exporters write 0 or -1 for what is free.
        dims.add(extent <= 0 ? ValueInfo.FREE : extent);
      }
    }
    return dims;
  }
}
