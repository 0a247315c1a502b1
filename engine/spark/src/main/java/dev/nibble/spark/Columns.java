package dev.nibble.spark;

import dev.nibble.engine.data.PictureFiles;
import dev.nibble.engine.data.PictureSize;
import org.apache.spark.sql.types.BinaryType$;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.NumericType;
import org.apache.spark.sql.types.StructType;

/** What both ends of a fit expect of a data frame's columns. */
final class Columns {
  private Columns() {}

  /** Checks that there is a column of whole picture files. */
  static void requireContent(StructType schema, String name) {
    if (!(type(schema, name) instanceof BinaryType$)) {
      throw new IllegalArgumentException(
          "The column %s holds %s, not the pictures' files: read them with the format binaryFile."
              .formatted(name, type(schema, name).simpleString()));
    }
  }

  /** Checks that there is a column of class numbers. */
  static void requireLabel(StructType schema, String name) {
    if (!(type(schema, name) instanceof NumericType)) {
      throw new IllegalArgumentException(
          "The column %s holds %s, not the numbers 0, 1, ... of classes: make them with StringIndexer."
              .formatted(name, type(schema, name).simpleString()));
    }
  }

  private static DataType type(StructType schema, String name) {
    for (String field : schema.fieldNames()) {
      if (field.equals(name)) {
        return schema.apply(name).dataType();
      }
    }
    throw new IllegalArgumentException(
        "The data frame has no column %s, but %s."
            .formatted(name, String.join(", ", schema.fieldNames())));
  }

  /** Checks that a column can be added. */
  static void requireAbsent(StructType schema, String name) {
    for (String field : schema.fieldNames()) {
      if (field.equals(name)) {
        throw new IllegalArgumentException(
            "The data frame has a column %s already: drop it, or choose another name."
                .formatted(name));
      }
    }
  }

  /** The size that is asked for, or a picture's own. */
  static PictureSize size(String asked, byte[] picture) {
    if (asked.isEmpty()) {
      return PictureFiles.size(picture, "the first picture");
    }
    int cross = asked.indexOf('x');
    try {
      return new PictureSize(
          Integer.parseInt(asked.substring(0, cross)), Integer.parseInt(asked.substring(cross + 1)));
    } catch (NumberFormatException | IndexOutOfBoundsException e) {
      throw new IllegalArgumentException(
          "imageSize is '%s': give HEIGHTxWIDTH, such as 32x32.".formatted(asked), e);
    }
  }
}
