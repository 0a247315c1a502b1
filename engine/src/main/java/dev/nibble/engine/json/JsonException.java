package dev.nibble.engine.json;

/**
 * Says in one sentence why a text is not the JSON that was expected.
 *
 * <p>A fault of the text itself carries its place; a value of the wrong kind has none.
 */
public final class JsonException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Where the fault lies, in characters from 0, or -1 if it has no place in the text. */
  private final int offset;

  JsonException(String sentence) {
    super(brief(sentence));
    this.offset = -1;
  }

  JsonException(String sentence, String text, int offset) {
    super(brief(sentence) + place(text, offset));
    this.offset = offset;
  }

  /** Returns the place of the fault in characters from 0, or -1 if it has none. */
  public int offset() {
    return offset;
  }

  /** A hostile name may be as long as the text; a message may not. */
  private static String brief(String sentence) {
    return sentence.length() <= 200 ? sentence : sentence.substring(0, 200) + "...";
  }

  private static String place(String text, int offset) {
    int line = 1;
    int lineStart = 0;
    for (int i = 0; i < offset; i++) {
      if (text.charAt(i) == '\n') {
        line++;
        lineStart = i + 1;
      }
    }
    return " at line " + line + ", column " + (offset - lineStart + 1);
  }
}
