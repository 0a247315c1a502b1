package dev.nibble.engine.exchange;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** What files that are no safetensors files are, by the bytes they begin with. */
enum FileKind {
  JPEG("a JPEG picture", 0xFF, 0xD8, 0xFF),
  PNG("a PNG picture", 0x89, 'P', 'N', 'G'),
  GIF("a GIF picture", "GIF8"),
  RIFF("a WebP picture or another RIFF file", "RIFF"),
  ZIP(
      "a zip archive, as PyTorch's .pth and .pt files are: in Python, write the state dict with"
          + " safetensors.torch.save_file",
      'P',
      'K',
      3,
      4),
  PICKLE(
      "a Python pickle, as old .pth files are: in Python, write the state dict with"
          + " safetensors.torch.save_file",
      0x80),
  GZIP("a gzip archive: unpack it", 0x1F, 0x8B),
  HDF5("an HDF5 file", 0x89, 'H', 'D', 'F'),
  GGUF("a GGUF file", "GGUF"),
  CHECKPOINT("a checkpoint of a training run: give the model.safetensors of its run", "NIBBLECP"),
  LFS("a pointer of Git LFS: fetch the file itself with git lfs pull", "version https://git-lfs"),
  JSON(
      "JSON; if it lists the parts of a model, such as model.safetensors.index.json, give a file"
          + " that holds the tensors",
      "{"),
  HTML("a web page", "<"),
  ONNX("an ONNX file, or another Protocol Buffer", 0x08);

  /** Bytes that are enough to tell. */
  static final int LONGEST = 32;

  private final String words;

  @SuppressWarnings("ImmutableEnumChecker") // nobody changes it
  private final byte[] start;

  FileKind(String words, int... start) {
    this.words = words;
    this.start = new byte[start.length];
    for (int i = 0; i < start.length; i++) {
      this.start[i] = (byte) start[i];
    }
  }

  FileKind(String words, String start) {
    this.words = words;
    this.start = start.getBytes(StandardCharsets.US_ASCII);
  }

  /** What begins so, in words; null if it is none of these. */
  static @Nullable String words(byte[] begin) {
    for (FileKind kind : values()) {
      int length = kind.start.length;
      if (begin.length >= length && Arrays.equals(begin, 0, length, kind.start, 0, length)) {
        return kind.words;
      }
    }
    return null;
  }
}
