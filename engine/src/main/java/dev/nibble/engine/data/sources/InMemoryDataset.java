package dev.nibble.engine.data.sources;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.storage.PictureLabels;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.memory.MemoryAccount;
import dev.nibble.memory.Slab;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Labelled pictures in memory, on the heap or off it; made by a builder, then immutable.
 *
 * <pre>{@code
 * var builder = InMemoryDataset.builder(new FeatureMap(32, 32, 3), List.of("cat", "dog"));
 * builder.add(bytes, 1); // 32 x 32 x 3 bytes of a dog
 * try (Dataset pets = builder.build()) { ... }
 * }</pre>
 */
public final class InMemoryDataset implements Dataset {
  private final FeatureMap map;
  private final PictureLabels labels;

  /** Each holds {@code perChunk} pictures, the last one fewer. */
  private final List<MemorySegment> chunks;

  private final int perChunk;
  private final @Nullable Slab slab;
  private volatile boolean closed;

  private InMemoryDataset(Builder builder) {
    this.map = builder.map;
    this.labels = builder.labels;
    this.chunks = List.copyOf(builder.chunks);
    this.perChunk = builder.perChunk;
    this.slab = builder.slab;
  }

  /**
   * Starts a data set on the heap, which grows as pictures are added.
   *
   * @param map shape of a picture
   * @param classNames names of the classes; labels are indexes into this list
   * @throws DataException if there is no class, or a name twice
   */
  public static Builder builder(FeatureMap map, List<String> classNames) {
    int perChunk = Math.max(1, Builder.CHUNK_BYTES / map.values());
    return new Builder(map, new PictureLabels(classNames), perChunk, null);
  }

  /**
   * Starts a data set off the heap, all of which is allocated now.
   *
   * @param map shape of a picture
   * @param classNames names of the classes; labels are indexes into this list
   * @param capacity pictures it can hold, at least 1
   * @param account pays {@code capacity * map.values()} bytes until the data set is closed
   * @throws DataException if there is no class, or a name twice
   * @throws IllegalArgumentException if the capacity is not positive
   * @throws dev.nibble.memory.MemoryLimitException if the account has less free
   */
  @SuppressWarnings("MustBeClosedChecker") // the builder owns the slab, then the data set
  public static Builder offHeapBuilder(
      FeatureMap map, List<String> classNames, int capacity, MemoryAccount account) {
    PictureLabels labels = new PictureLabels(classNames);
    if (capacity < 1) {
      throw new IllegalArgumentException("A data set holds at least 1 picture, not " + capacity);
    }
    Slab slab =
        Slab.allocate(account, (long) capacity * map.values(), capacity + " pictures of " + map);
    return new Builder(map, labels, capacity, slab);
  }

  /** Collects the pictures of a data set; used by one thread. */
  public static final class Builder implements AutoCloseable {
    private static final int CHUNK_BYTES = 1 << 20;

    private final FeatureMap map;
    private final PictureLabels labels;
    private final List<MemorySegment> chunks = new ArrayList<>();
    private final int perChunk;
    private final @Nullable Slab slab;
    private boolean done;

    private Builder(FeatureMap map, PictureLabels labels, int perChunk, @Nullable Slab slab) {
      this.map = map;
      this.labels = labels;
      this.perChunk = perChunk;
      this.slab = slab;
      if (slab != null) {
        chunks.add(slab.segment());
      }
    }

    /**
     * Copies one picture.
     *
     * @param picture height x width x channels bytes of 0..255, channels fastest
     * @param label index of its class
     * @throws DataException if the picture has another size, there is no such class, or an off-heap
     *     data set is full
     */
    public Builder add(byte[] picture, int label) {
      return add(MemorySegment.ofArray(picture), label);
    }

    /** Copies one picture; as {@link #add(byte[], int)}. */
    public Builder add(MemorySegment picture, int label) {
      checkOpen();
      int bytes = map.values();
      if (picture.byteSize() != bytes) {
        throw new DataException(
            "Picture %d has %d bytes, but one of %s has %d."
                .formatted(labels.size(), picture.byteSize(), map, bytes));
      }
      int index = labels.size();
      if (slab != null && index == perChunk) {
        throw new DataException(
            "The data set is full: it was made for %d pictures.".formatted(perChunk));
      }
      labels.check(label);
      if (index / perChunk == chunks.size()) {
        chunks.add(MemorySegment.ofArray(new byte[perChunk * bytes]));
      }
      long offset = (long) (index % perChunk) * bytes;
      MemorySegment.copy(picture, 0, chunks.get(index / perChunk), offset, bytes);
      labels.add(label);
      return this;
    }

    /**
     * Copies pictures that lie one behind the other, all or, if one does not fit, none.
     *
     * @param pictures as many times height x width x channels bytes as there are labels
     * @throws DataException as {@link #add(byte[], int)}
     */
    public Builder addAll(byte[] pictures, int[] newLabels) {
      checkOpen();
      int bytes = map.values();
      if (pictures.length != (long) newLabels.length * bytes) {
        throw new DataException(
            "%d labels need %d bytes of pictures of %s, not %d."
                .formatted(
                    newLabels.length, (long) newLabels.length * bytes, map, pictures.length));
      }
      if (slab != null && newLabels.length > perChunk - labels.size()) {
        throw new DataException(
            "The data set is full: it was made for %d pictures and holds %d, so %d more do not fit."
                .formatted(perChunk, labels.size(), newLabels.length));
      }
      for (int label : newLabels) {
        labels.check(label);
      }
      MemorySegment all = MemorySegment.ofArray(pictures);
      for (int i = 0; i < newLabels.length; i++) {
        add(all.asSlice((long) i * bytes, bytes), newLabels[i]);
      }
      return this;
    }

    /**
     * Finishes the data set, which then owns the memory; the builder is of no use any more.
     *
     * @throws DataException if no picture was added
     * @throws IllegalStateException if it was finished or closed before
     */
    public InMemoryDataset build() {
      checkOpen();
      labels.checkNotEmpty();
      InMemoryDataset dataset = new InMemoryDataset(this);
      done = true;
      return dataset;
    }

    private void checkOpen() {
      if (done) {
        throw new IllegalStateException("This builder has made its data set, or is closed");
      }
    }

    /** Frees the memory of a data set that was not finished; otherwise does nothing. */
    @Override
    public void close() {
      if (!done && slab != null) {
        slab.close();
      }
      done = true;
    }
  }

  @Override
  public int size() {
    return labels.size();
  }

  @Override
  public int height() {
    return map.height();
  }

  @Override
  public int width() {
    return map.width();
  }

  @Override
  public int channels() {
    return map.channels();
  }

  @Override
  public List<String> classNames() {
    return labels.classNames();
  }

  @Override
  public int label(int index) {
    return labels.get(index);
  }

  @Override
  public void read(int index, MemorySegment target, long offset) {
    Objects.checkIndex(index, labels.size());
    if (closed) {
      throw new IllegalStateException("The data set is closed");
    }
    int bytes = map.values();
    long from = (long) (index % perChunk) * bytes;
    MemorySegment.copy(chunks.get(index / perChunk), from, target, offset, bytes);
  }

  /** Frees the memory if it lies off the heap; closing twice does nothing. */
  @Override
  public void close() {
    closed = true;
    if (slab != null) {
      slab.close();
    }
  }
}
