package dev.nibble.engine.exchange.onnx.graph;

import dev.nibble.engine.exchange.onnx.model.Node;
import dev.nibble.engine.exchange.onnx.model.OnnxModel;
import dev.nibble.engine.exchange.onnx.model.ValueInfo;
import dev.nibble.engine.protobuf.HeapBudget;
import dev.nibble.engine.protobuf.ProtobufException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Makes the graph of a model. */
public final class GraphReader {
  private static final int BYTES_A_NUMBER = 40;

  private final OnnxModel model;
  private final Drafts drafts = new Drafts();
  private final Rules rules = new Rules(drafts);
  private final Map<String, Value> values = new HashMap<>();
  private final HeapBudget budget = HeapBudget.usual();
  private final List<String> notes = new ArrayList<>();
  private final WeightArithmetic weights;
  private long batch;

  private GraphReader(OnnxModel model) {
    this.model = model;
    this.weights =
        new WeightArithmetic(
            model.initializers().values().stream().mapToLong(t -> t.elements()).sum());
  }

  /**
   * Reads a model.
   *
   * @param size height and width of the pictures where the model leaves them free; null where it
   *     must say
   * @throws ProtobufException if the model is not what the standard allows, or is no network that
   *     pictures go into
   */
  public static Graph read(OnnxModel model, int @Nullable [] size) {
    try {
      return new GraphReader(model).read(size);
    } catch (ArithmeticException e) {
      throw new ProtobufException("it computes with numbers that overflow");
    }
  }

  /** Whether a model leaves height or width of its pictures free. */
  public static boolean leavesSizeFree(OnnxModel model) {
    GraphReader reader = new GraphReader(model);
    model.initializers().forEach((name, tensor) -> reader.values.put(name, Constant.of(tensor)));
    List<Long> dims = reader.input().dims();
    return dims != null && dims.stream().skip(1).anyMatch(extent -> extent == ValueInfo.FREE);
  }

  private Graph read(int @Nullable [] size) {
    model.initializers().forEach((name, tensor) -> values.put(name, Constant.of(tensor)));
    ValueInfo input = input();
    put(
        input.name(),
        drafts.add(
            "", input.name(), "Input", new Operation.Input(), inputShape(input, size), List.of()));
    for (Node node : model.nodes()) {
      read(node);
    }
    return new GraphFinisher(model, drafts, notes).finish(output());
  }

  private ValueInfo input() {
    List<ValueInfo> own =
        model.inputs().stream().filter(i -> !values.containsKey(i.name())).toList();
    if (own.size() != 1) {
      throw new ProtobufException(
          "it has %d inputs, but networks with one, the pictures, are read".formatted(own.size()));
    }
    return own.getFirst();
  }

  private Shape inputShape(ValueInfo input, int @Nullable [] size) {
    List<Long> dims = input.dims();
    if (dims == null || dims.size() != 4) {
      throw new ProtobufException(
          "its input '%s' is %s, but pictures N,C,H,W are read"
              .formatted(input.name(), dims == null ? "of unknown shape" : dims));
    }
    if (dims.getFirst() > 0) {
      batch = dims.getFirst();
    }
    List<Extent> extents = new ArrayList<>(List.of(Extent.N));
    int free = 0;
    for (int axis = 1; axis < 4; axis++) {
      long extent = dims.get(axis);
      if (extent == ValueInfo.FREE) {
        if (size == null || axis == 1 || free == 2) {
          throw new ProtobufException(
              "its input '%s' leaves %s free: give the size of the pictures, or export it for one"
                  .formatted(input.name(), axis == 1 ? "channels" : "height and width"));
        }
        extent = size[axis == 2 || free == 1 ? free : 1];
        free++;
      }
      extents.add(Extent.of(extent));
    }
    return new Shape(extents);
  }

  private int output() {
    if (model.outputs().isEmpty()) {
      throw new ProtobufException("it has no output");
    }
    for (ValueInfo output : model.outputs()) {
      if (values.get(output.name()) instanceof Value.Computed computed) {
        if (model.outputs().size() > 1) {
          notes.add(
              "The model has %d outputs: '%s' is taken, the others are left out."
                  .formatted(model.outputs().size(), output.name()));
        }
        return computed.id();
      }
    }
    throw new ProtobufException(
        "its output '%s' does not depend on its input"
            .formatted(model.outputs().getFirst().name()));
  }

  private void put(String name, Value value) {
    if (!name.isEmpty() && values.put(name, value) != null) {
      throw new ProtobufException("two nodes give '" + name + "'");
    }
  }

  private void read(Node node) {
    List<@Nullable Value> inputs = new ArrayList<>();
    boolean readsPictures = false;
    boolean readsUnknown = false;
    for (String name : node.inputs()) {
      Value value = name.isEmpty() ? null : values.get(name);
      if (value == null && !name.isEmpty()) {
        if (!model.sparse().contains(name)) {
          throw new ProtobufException(
              "node '%s' (%s) reads '%s', which nothing before it gives"
                  .formatted(node.label(), node.operator(), name));
        }
        value = unsupported(node, List.of(), null, "reads '" + name + "', which is sparse");
      }
      readsPictures |= value instanceof Value.Computed;
      readsUnknown |= value instanceof Value.Computed computed && computed.shape() == null;
      inputs.add(value);
    }
    Call call = new Call(node, model.opset(), batch, inputs);
    List<Value> given = given(call, readsPictures, readsUnknown);
    for (int i = 0; i < node.outputs().size(); i++) {
      Value value =
          i < given.size()
              ? given.get(i)
              : unsupported(node, ids(inputs), null, "gives more than one output");
      put(node.outputs().get(i), value);
    }
  }

  private List<Value> given(Call call, boolean readsPictures, boolean readsUnknown) {
    Node node = call.node();
    List<Integer> ids = ids(call.inputs());
    if (node.attributes().values().stream().anyMatch(a -> a.isGraph())) {
      return each(
          node, unsupported(node, ids, null, "holds graphs, branches or loops, of its own"));
    }
    if (!node.isStandard()) {
      String whole = node.domain() + "::" + node.operator();
      String why =
          model.functions().contains(whole)
              ? "is a function of the file's own"
              : "is no operator of the ONNX standard";
      return each(node, unsupported(node, ids, null, why));
    }
    try {
      if (!readsPictures) {
        Constant constant = Folding.fold(call);
        if (constant == null) {
          constant = weights.fold(call);
        }
        Value ofBatch = constant == null ? rules.ofBatch(call) : null;
        if (ofBatch != null) {
          return List.of(ofBatch);
        }
        if (constant == null) {
          return each(
              node,
              unsupported(
                  node,
                  ids,
                  null,
                  "computes what is too large, or not known before a picture is seen"));
        }
        Numbers numbers = constant.stored() == null ? constant.numbers() : null;
        budget.take(BYTES_A_NUMBER * (2L + (numbers == null ? 0 : numbers.count())));
        return List.of(constant);
      }
      if (readsUnknown) {
        return each(node, drafts.add(node, new Operation.Unknown(), null, array(ids)));
      }
      List<Value> applied = rules.apply(call);
      if (applied != null) {
        return extra(node, applied);
      }
      return each(node, unsupported(node, ids, Rules.shapeOf(call), "is not supported"));
    } catch (UnsupportedException e) {
      return each(
          node, unsupported(node, ids, Rules.shapeOf(call), String.valueOf(e.getMessage())));
    }
  }

  /** Batch norm's new statistics and dropout's mask, which only training needs, are not known. */
  private List<Value> extra(Node node, List<Value> applied) {
    boolean hasMore =
        node.operator().equals("BatchNormalization") || node.operator().equals("Dropout");
    if (!hasMore || node.outputs().size() <= 1) {
      return applied;
    }
    List<Value> all = new ArrayList<>(applied);
    Value.Computed first = applied.getFirst() instanceof Value.Computed c ? c : null;
    while (first != null && all.size() < node.outputs().size()) {
      all.add(drafts.add(node, new Operation.Unknown(), null, first.id()));
    }
    return all;
  }

  private static List<Value> each(Node node, Value value) {
    List<Value> all = new ArrayList<>();
    for (int i = 0; i < Math.max(1, node.outputs().size()); i++) {
      all.add(value);
    }
    return all;
  }

  private Value unsupported(Node node, List<Integer> inputs, @Nullable Shape shape, String why) {
    Value.Computed value = drafts.add(node, new Operation.Unknown(), shape, array(inputs));
    drafts.get(value.id()).problem = why;
    return value;
  }

  private static int[] array(List<Integer> ids) {
    return ids.stream().mapToInt(Integer::intValue).toArray();
  }

  private static List<Integer> ids(List<@Nullable Value> inputs) {
    List<Integer> ids = new ArrayList<>();
    for (Value value : inputs) {
      if (value instanceof Value.Computed computed) {
        ids.add(computed.id());
      }
    }
    return ids;
  }
}
