package dev.nibble.spark;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.lit;

import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.data.sources.PictureFiles;
import java.util.List;
import org.apache.spark.ml.image.ImageSchema;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.BinaryType$;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.NumericType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/** What both ends of a fit expect of a data frame's columns. */
final class Columns {
  /** "Cannot read the picture ..." */
  static final String UNNAMED = "in a row of the data frame";

  private static final String PATH = "path";

  private Columns() {}

  /** Checks that there is a column of pictures: whole files, or Spark's images. */
  static void requirePictures(StructType schema, String name) {
    DataType type = field(schema, name).dataType();
    if (!(type instanceof BinaryType$) && !isImage(type)) {
      throw new IllegalArgumentException(
          "The column %s holds %s, not pictures: read them with the format binaryFile or image."
              .formatted(name, type.simpleString()));
    }
  }

  private static boolean isImage(DataType type) {
    return type instanceof StructType struct
        && struct.simpleString().equals(ImageSchema.columnSchema().simpleString());
  }

  /** Checks that there is a column of class numbers. */
  static void requireLabel(StructType schema, String name) {
    DataType type = field(schema, name).dataType();
    if (!(type instanceof NumericType)) {
      throw new IllegalArgumentException(
          "The column %s holds %s, not the numbers 0, 1, ... of classes: make them with StringIndexer."
              .formatted(name, type.simpleString()));
    }
  }

  static StructField field(StructType schema, String name) {
    for (StructField field : schema.fields()) {
      if (field.name().equals(name)) {
        return field;
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

  /**
   * A picture's file.
   *
   * @param value of a column of pictures
   */
  static byte[] file(Object value) {
    return value instanceof Row image ? SparkImages.file(image) : (byte[]) value;
  }

  /** The column name: what messages call a picture, its path where binaryFile has read it. */
  static Column name(StructType schema) {
    boolean hasPath = List.of(schema.fieldNames()).contains(PATH);
    return (hasPath ? col(PATH).cast("string") : lit(UNNAMED)).as("name");
  }

  /** What messages call a picture. */
  static String name(Object value, @Nullable String known) {
    if (value instanceof Row image) {
      return SparkImages.name(image);
    }
    return known == null ? UNNAMED : known;
  }

  /** The size that is asked for, or a picture's own. */
  static PictureSize size(String asked, Example first) {
    return asked.isEmpty() ? PictureFiles.size(first.content(), first.name()) : size(asked);
  }

  /** The size that is asked for. */
  static PictureSize size(String asked) {
    int cross = asked.indexOf('x');
    try {
      return new PictureSize(
          Integer.parseInt(asked.substring(0, cross)),
          Integer.parseInt(asked.substring(cross + 1)));
    } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
      throw new IllegalArgumentException(
          "imageSize is '%s': give HEIGHTxWIDTH, such as 32x32.".formatted(asked), e);
    }
  }
}
