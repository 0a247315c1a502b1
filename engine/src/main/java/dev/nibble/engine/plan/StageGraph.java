package dev.nibble.engine.plan;

import dev.nibble.engine.network.Layer;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.Parameter;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Layout;
import dev.nibble.kernels.Nonlinearity;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Operator.Resample;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A network cut into fused stages. A stage reads one tensor through an activation (batch norm, a
 * function, both or neither), applies one operator, adds at most one shortcut, and writes one
 * tensor.
 *
 * @param network what was cut
 * @param tensors every tensor that is written to memory; the first holds the pictures
 * @param views every distinct way in which a stage reads a tensor
 * @param stages in forward order; the last one writes the logits
 */
public record StageGraph(
    Network network, List<Tensor> tensors, List<View> views, List<Node> stages) {

  /**
   * A tensor in memory. What a concatenation joins are slices of its tensor, in whose buffer they
   * are written.
   */
  public static final class Tensor {
    private final int index;
    private final String name;
    private final FeatureMap map;
    private int producer;
    private boolean joined;
    private final @Nullable Tensor whole;
    private final Layout layout;
    private final List<Layer.BatchNorm> norms = new ArrayList<>();

    Tensor(int index, String name, FeatureMap map, int producer) {
      this(index, name, map, producer, null, Layout.dense(map));
    }

    Tensor(
        int index,
        String name,
        FeatureMap map,
        int producer,
        @Nullable Tensor whole,
        Layout layout) {
      this.index = index;
      this.name = name;
      this.map = map;
      this.producer = producer;
      this.whole = whole;
      this.layout = layout;
    }

    /** The wider tensor of which it is a slice; null if it is none. */
    public @Nullable Tensor whole() {
      return whole;
    }

    /** Where its channels lie in the pixels of its buffer. */
    public Layout layout() {
      return layout;
    }

    /** Whether it is a concatenation's, written slice by slice. */
    public boolean isJoined() {
      return joined;
    }

    void joinedBy(int stage) {
      producer = stage;
      joined = true;
    }

    /** Position in the graph's list. */
    public int index() {
      return index;
    }

    /** Name for people. */
    public String name() {
      return name;
    }

    /** Shape of one picture. */
    public FeatureMap map() {
      return map;
    }

    /** Index of the stage that writes it, or joins its slices; -1 for the pictures. */
    public int producer() {
      return producer;
    }

    /** The batch norms that read it. */
    public List<Layer.BatchNorm> norms() {
      return norms;
    }
  }

  /** One way to read a tensor: through a batch norm or not, through a function or not. */
  public static final class View {
    private int index = -1;
    private final Tensor tensor;
    private final FeatureMap map;
    private final Layer.@Nullable BatchNorm norm;
    private final Nonlinearity function;
    private final @Nullable Parameter slope;
    private final List<Integer> readers = new ArrayList<>();
    private boolean valuesNeeded;
    private boolean exact = true;

    View(
        Tensor tensor,
        FeatureMap map,
        Layer.@Nullable BatchNorm norm,
        Nonlinearity function,
        @Nullable Parameter slope) {
      this.tensor = tensor;
      this.map = map;
      this.norm = norm;
      this.function = function;
      this.slope = slope;
    }

    /** Position in the graph's list; -1 if nobody reads the tensor this way. */
    public int index() {
      return index;
    }

    void number(int position) {
      index = position;
    }

    /** What is read. */
    public Tensor tensor() {
      return tensor;
    }

    /** Its shape as it is read: another than the tensor's where that was flattened. */
    public FeatureMap map() {
      return map;
    }

    /** Whether pixels and channels are read as they were written. */
    public boolean keepsShape() {
      return map.equals(tensor.map());
    }

    /** The batch norm between, or null. */
    public Layer.@Nullable BatchNorm norm() {
      return norm;
    }

    /** The function of every value behind the batch norm; the identity where there is none. */
    public Nonlinearity function() {
      return function;
    }

    /** The function's slopes, or null where it has none. */
    public @Nullable Parameter slope() {
      return slope;
    }

    /** Whether the tensor is read as it is. */
    public boolean isIdentity() {
      return norm == null && function instanceof Nonlinearity.Identity;
    }

    /** The stages whose operator reads it, in forward order. */
    public List<Integer> readers() {
      return readers;
    }

    /**
     * The stage that stores the activation and finishes its gradient: its first reader in forward
     * order, which is the last in backward order; -1 if only shortcuts read it.
     */
    public int owner() {
      return readers.isEmpty() ? -1 : readers.getFirst();
    }

    /**
     * Whether the backward pass needs its values: for a mask, a batch norm or a weight gradient.
     */
    public boolean stored() {
      return !isIdentity() || valuesNeeded;
    }

    /** Whether the tensor itself is kept: the pictures, and the input of a dense layer. */
    public boolean kept() {
      return isIdentity() && valuesNeeded && (tensor.producer() < 0 || isOfOnePixel());
    }

    /**
     * Whether its copy stays fp32 in every mode: the head's, which only global pooling reads. The
     * method keeps the head apart; it is a network's smallest activation.
     */
    public boolean exact() {
      return exact;
    }

    /**
     * Whether a channel is one value a picture, as a dense layer reads it, or squeezing and
     * exciting: it stays fp32 in every mode, too. There is little of it, and a channel has too few
     * values then for codes to be fitted to.
     */
    public boolean isOfOnePixel() {
      return map.pixels() == 1;
    }

    void addReader(int stage, Operator operator) {
      readers.add(stage);
      valuesNeeded |= operator.needsInputValues();
      exact &= operator instanceof Operator.GlobalAveragePooling;
    }
  }

  /**
   * One stage.
   *
   * @param index position in forward order
   * @param name the layer's name
   * @param operator what it computes
   * @param input how it reads its input
   * @param shortcut what is added, or null
   * @param transform the shortcut's pooling and zero channels, or null without a shortcut
   * @param factor the second tensor of a product, or null
   * @param output what it writes
   * @param joins whether nothing is computed, and its input, which is its output, is what earlier
   *     stages wrote slice by slice
   * @param weight the operator's weights, or null
   * @param bias the operator's bias, or null
   */
  public record Node(
      int index,
      String name,
      Operator operator,
      View input,
      @Nullable View shortcut,
      @Nullable Resample transform,
      @Nullable View factor,
      Tensor output,
      boolean joins,
      @Nullable Parameter weight,
      @Nullable Parameter bias) {
    /** The tensors that it reads. */
    public List<Tensor> reads() {
      List<Tensor> reads = new ArrayList<>();
      reads.add(input.tensor());
      if (shortcut != null) {
        reads.add(shortcut.tensor());
      }
      if (factor != null) {
        reads.add(factor.tensor());
      }
      return reads;
    }
  }

  /** The tensor of logits. */
  public Tensor logits() {
    return stages.getLast().output();
  }
}
