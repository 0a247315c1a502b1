package dev.nibble.engine.exchange;

import dev.nibble.engine.exchange.SafetensorsHeader.Entry;
import dev.nibble.engine.files.AtomicFile;
import dev.nibble.engine.files.SegmentIo;
import dev.nibble.engine.json.JsonException;
import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * An open safetensors file: its header is read and checked at once, data when it is asked for.
 *
 * <p>Data is read, not mapped, so that a file which changes meanwhile never kills the process.
 * Source: the format's own description, github.com/huggingface/safetensors.
 */
public final class SafetensorsFile implements AutoCloseable {
  /** The reference implementation takes no longer header. */
  private static final long MAX_HEADER_BYTES = 100_000_000;

  /** The first four bytes of a ZIP archive; its version and flags follow. */
  private static final int ZIP = 0x04034b50;

  /** Protocol 2 and the ten bytes of the magic number with which torch.save began once. */
  private static final long PICKLED = 0x469cfc6c0a8a0280L;

  private static final ValueLayout.OfLong LENGTH =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final Path path;
  private final FileChannel channel;
  private final SafetensorsHeader header;

  /** Where data begins in the file. */
  private final long dataStart;

  private SafetensorsFile(Path path, FileChannel channel, SafetensorsHeader header, long start) {
    this.path = path;
    this.channel = channel;
    this.header = header;
    this.dataStart = start;
  }

  /**
   * Opens a file and checks its header: known types, possible shapes, every byte of data in exactly
   * one tensor.
   *
   * @throws ExchangeException if there is no such file, or its header is damaged
   */
  public static SafetensorsFile open(Path path) {
    // Opening a pipe would wait for its other end.
    if (Files.exists(path) && !Files.isRegularFile(path)) {
      throw new ExchangeException(path + " is no regular file, give a safetensors file.");
    }
    FileChannel channel;
    try {
      channel = FileChannel.open(path, StandardOpenOption.READ);
    } catch (IOException e) {
      throw new ExchangeException(
          "Cannot open safetensors file " + path + ": " + AtomicFile.reason(e) + ".", e);
    }
    try {
      return open(path, channel);
    } catch (Throwable e) {
      try {
        channel.close();
      } catch (IOException closing) {
        e.addSuppressed(closing);
      }
      throw e;
    }
  }

  private static SafetensorsFile open(Path path, FileChannel channel) {
    try {
      long fileBytes = channel.size();
      if (fileBytes < LENGTH.byteSize()) {
        throw damaged(path, "it has only " + fileBytes + " bytes", null);
      }
      byte[] lengthBytes = new byte[(int) LENGTH.byteSize()];
      SegmentIo.read(channel, 0, MemorySegment.ofArray(lengthBytes));
      long length = MemorySegment.ofArray(lengthBytes).get(LENGTH, 0);
      if (isPickled(length)) {
        throw new ExchangeException(
            path
                + " is a file of PyTorch's own format, which may hold any program: save its state"
                + " dict as safetensors, in Python: from safetensors.torch import save_file;"
                + " save_file({k: v.contiguous() for k, v in torch.load(FILE,"
                + " weights_only=True).items()}, 'model.safetensors').");
      }
      long dataStart = LENGTH.byteSize() + length;
      // A header is held on the heap some five times over while it is parsed.
      long most = Math.min(MAX_HEADER_BYTES, Runtime.getRuntime().maxMemory() / 8);
      if (length < 0 || length > most || dataStart > fileBytes) {
        requireNoOtherKind(path, channel, fileBytes);
      }
      if (length < 0 || length > most) {
        throw damaged(
            path,
            length < 0 || length > fileBytes
                ? "its first bytes are not those of a safetensors file"
                : "its header has " + length + " bytes, and at most " + most + " are read",
            null);
      }
      if (dataStart > fileBytes) {
        throw damaged(
            path,
            "its header claims " + length + " bytes, but the file has only " + fileBytes,
            null);
      }
      byte[] json = new byte[(int) length];
      SegmentIo.read(channel, LENGTH.byteSize(), MemorySegment.ofArray(json));
      return new SafetensorsFile(
          path, channel, SafetensorsHeader.parse(json, fileBytes - dataStart), dataStart);
    } catch (JsonException | IllegalArgumentException e) {
      throw damaged(path, String.valueOf(e.getMessage()), e);
    } catch (IOException e) {
      throw new ExchangeException(
          "Cannot read safetensors file " + path + ": " + AtomicFile.reason(e) + ".", e);
    }
  }

  /** Whether torch.save wrote it: an archive since version 1.6, before that a pickled number. */
  private static boolean isPickled(long start) {
    return ((int) start == ZIP && start >>> 32 != 0) || start == PICKLED;
  }

  /** Other files begin with no length: what they are helps more than what it would be. */
  private static void requireNoOtherKind(Path path, FileChannel channel, long fileBytes)
      throws IOException {
    byte[] begin = new byte[(int) Math.min(FileKind.LONGEST, fileBytes)];
    SegmentIo.read(channel, 0, MemorySegment.ofArray(begin));
    String words = FileKind.words(begin);
    if (words != null) {
      throw new ExchangeException(path + " is no safetensors file: it is " + words + ".");
    }
  }

  /** Returns the path this file was opened by. */
  public Path path() {
    return path;
  }

  /** Returns the names of the tensors in the order of their data. */
  public List<String> names() {
    return List.copyOf(header.entries().keySet());
  }

  /** Returns whether there is a tensor of this name. */
  public boolean contains(String name) {
    return header.entries().containsKey(name);
  }

  /** Returns the strings that the file carries beside its tensors, unmodifiable, in their order. */
  public Map<String, String> metadata() {
    return Collections.unmodifiableMap(header.metadata());
  }

  /**
   * Returns type and shape of a tensor.
   *
   * @throws ExchangeException if there is none of this name
   */
  public TensorInfo info(String name) {
    return entry(name).info();
  }

  /**
   * Returns the element type of a tensor.
   *
   * @throws ExchangeException if there is none of this name
   */
  public DType dtype(String name) {
    return info(name).dtype();
  }

  /**
   * Returns the extents of a tensor, outermost first, as a copy.
   *
   * @throws ExchangeException if there is none of this name
   */
  public long[] shape(String name) {
    return info(name).shape().stream().mapToLong(Long::longValue).toArray();
  }

  /**
   * Checks that a tensor is there with this type and shape.
   *
   * @throws ExchangeException if it is missing or differs
   */
  public void require(String name, DType dtype, long... shape) {
    TensorInfo info = info(name);
    if (info.dtype() != dtype || !Arrays.equals(shape(name), shape)) {
      throw new ExchangeException(
          "In %s, %s is %s of shape %s, but %s of shape %s is needed."
              .formatted(
                  path,
                  SafetensorsHeader.tensor(name),
                  info.dtype(),
                  info.shape(),
                  dtype,
                  Arrays.toString(shape)));
    }
  }

  /**
   * Checks that {@link #readFloats} can read a tensor and that it has this shape.
   *
   * @throws ExchangeException if it is missing, differs, or is of no floating-point type
   */
  public void requireFloats(String name, long... shape) {
    DType dtype = info(name).dtype();
    require(name, FloatReader.reads(dtype) ? dtype : DType.F32, shape);
  }

  /** Whether there is a tensor of this name and shape that {@link #readFloats} can read. */
  public boolean hasFloats(String name, long... shape) {
    return contains(name) && FloatReader.reads(dtype(name)) && Arrays.equals(shape(name), shape);
  }

  /**
   * Copies the elements of a tensor, row-major and little-endian, into memory of exactly their
   * size.
   *
   * @throws ExchangeException if there is none of this name, it has another size than the target,
   *     or the file was shortened since it was opened
   */
  public void copyTo(String name, MemorySegment target) {
    Entry entry = entry(name);
    if (target.byteSize() != entry.info().bytes()) {
      throw new ExchangeException(
          "In %s, %s of shape %s has %d bytes, but %d are needed."
              .formatted(
                  path,
                  SafetensorsHeader.tensor(name),
                  entry.info().shape(),
                  entry.info().bytes(),
                  target.byteSize()));
    }
    try {
      SegmentIo.read(channel, dataStart + entry.begin(), target);
    } catch (IOException e) {
      throw unreadable(name, e);
    }
  }

  private ExchangeException unreadable(String name, IOException e) {
    return e instanceof EOFException
        ? new ExchangeException(
            "%s was shortened while %s was read.".formatted(path, SafetensorsHeader.tensor(name)),
            e)
        : new ExchangeException(
            "Cannot read %s of %s: %s."
                .formatted(SafetensorsHeader.tensor(name), path, AtomicFile.reason(e)),
            e);
  }

  /**
   * Reads a tensor of any type into memory of the arena, aligned to 64 bytes.
   *
   * @throws ExchangeException as {@link #copyTo} does
   */
  public Tensor read(String name, Arena arena) {
    TensorInfo info = info(name);
    MemorySegment data = arena.allocate(info.bytes(), 64);
    copyTo(name, data);
    return new Tensor(info, data.asReadOnly());
  }

  /**
   * Returns the elements of a floating-point tensor, row-major, as singles: F16 and BF16 keep their
   * value, F64 is rounded. Check the shape before, for a file may hold more than fits the heap.
   *
   * @throws ExchangeException if there is none of this name, it is of another type or larger than
   *     an array can be, or the file was shortened since it was opened
   */
  public float[] readFloats(String name) {
    Entry entry = entry(name);
    TensorInfo info = entry.info();
    if (!FloatReader.reads(info.dtype())) {
      throw new ExchangeException(
          "In %s, %s is %s, but F32 is needed."
              .formatted(path, SafetensorsHeader.tensor(name), info.dtype()));
    }
    if (info.elements() > Integer.MAX_VALUE - 8) {
      throw new ExchangeException(
          "In %s, %s has %d elements, more than an array can hold."
              .formatted(path, SafetensorsHeader.tensor(name), info.elements()));
    }
    float[] values = new float[(int) info.elements()];
    try {
      FloatReader.read(channel, dataStart + entry.begin(), info.dtype(), values);
    } catch (IOException e) {
      throw unreadable(name, e);
    }
    return values;
  }

  /** Closes the file; what was read from it stays. */
  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw new ExchangeException(
          "Cannot close safetensors file " + path + ": " + AtomicFile.reason(e) + ".", e);
    }
  }

  private Entry entry(String name) {
    Entry entry = header.entries().get(name);
    if (entry == null) {
      throw new ExchangeException(
          path + " has no " + SafetensorsHeader.tensor(name) + ", but it is needed.");
    }
    return entry;
  }

  private static ExchangeException damaged(Path path, String why, @Nullable Throwable cause) {
    String sentence = "Safetensors file " + path + " is damaged: " + why + ".";
    return cause == null ? new ExchangeException(sentence) : new ExchangeException(sentence, cause);
  }
}
