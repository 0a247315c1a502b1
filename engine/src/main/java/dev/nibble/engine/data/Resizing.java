package dev.nibble.engine.data;

/** How a picture of another aspect ratio is brought to a size. */
public enum Resizing {
  /** Its sides are scaled independently. */
  STRETCH("stretch"),

  /**
   * Scaled, keeping the aspect, until its short side is 256/224 of the size's, then the centre is
   * cut out, as torchvision's networks are usually evaluated.
   */
  CENTER_CROP("center-crop");

  private final String text;

  Resizing(String text) {
    this.text = text;
  }

  /** Its name in files and on the command line. */
  public String text() {
    return text;
  }

  /**
   * The one of that name.
   *
   * @throws IllegalArgumentException if there is none
   */
  public static Resizing of(String text) {
    for (Resizing resizing : values()) {
      if (resizing.text.equals(text)) {
        return resizing;
      }
    }
    throw new IllegalArgumentException(
        "There is no way to resize pictures named '%s': use stretch or center-crop"
            .formatted(text));
  }
}
