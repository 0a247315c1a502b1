package dev.nibble.spark;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.max;
import static org.apache.spark.sql.functions.min;
import static org.apache.spark.sql.functions.sum;
import static org.apache.spark.sql.functions.when;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import org.apache.spark.ml.attribute.Attribute$;
import org.apache.spark.ml.attribute.NominalAttribute;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.StructField;

/** The classes of a data frame's labels. */
final class Labels {
  private static final int MOST_CLASSES = 1 << 20;

  private Labels() {}

  /**
   * The classes' names, in the order of their numbers: as a StringIndexer has left them in the
   * column's metadata, else the numbers up to the largest.
   *
   * @param rows columns content, and label as a double
   * @param label the column that the labels come from
   * @throws IllegalArgumentException if there are no rows, one has no picture, or a label is no
   *     class's number
   */
  static List<String> classes(Dataset<Row> rows, StructField label) {
    Column number = col("label");
    Column wrong = number.isNull().or(number.notEqual(number.cast("int")));
    Row range =
        rows.agg(
                min("label"),
                max("label"),
                sum(when(wrong, lit(1)).otherwise(lit(0))),
                sum(when(col("content").isNull(), lit(1)).otherwise(lit(0))))
            .first();
    if (range.isNullAt(0)) {
      throw new IllegalArgumentException("There are no labelled pictures to train on.");
    }
    if (range.getLong(3) > 0) {
      throw new IllegalArgumentException(
          "%d rows have no picture: drop them.".formatted(range.getLong(3)));
    }
    double least = range.getDouble(0);
    double most = range.getDouble(1);
    if (range.getLong(2) > 0 || least < 0 || most >= MOST_CLASSES) {
      throw new IllegalArgumentException(
          "Labels are the numbers 0, 1, ... of classes, and no row lacks one: make them with"
              + " StringIndexer.");
    }
    return names(label, (int) most + 1);
  }

  private static List<String> names(StructField label, int least) {
    List<String> names = new ArrayList<>();
    if (Attribute$.MODULE$.fromStructField(label) instanceof NominalAttribute nominal
        && nominal.values().isDefined()) {
      names.addAll(List.of(nominal.values().get()));
    }
    if (names.size() < Math.max(2, least) || new HashSet<>(names).size() < names.size()) {
      names.clear();
      for (int i = 0; i < Math.max(2, least); i++) {
        names.add(Integer.toString(i));
      }
    }
    return names;
  }
}
