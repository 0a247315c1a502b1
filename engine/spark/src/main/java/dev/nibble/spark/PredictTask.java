package dev.nibble.spark;

import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.data.sources.PictureFiles;
import dev.nibble.engine.infer.Classes;
import dev.nibble.engine.infer.Predictor;
import dev.nibble.kernels.FeatureMap;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.TaskContext;
import org.apache.spark.ml.linalg.Vectors;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.util.TaskCompletionListener;

/** Classifies the pictures of a partition, some at a time. */
final class PredictTask implements Iterator<Row> {
  private final Iterator<Row> rows;
  private final int content;
  private final Predictor predictor;
  private final byte[] pixels;
  private final float[] logits;
  private final double[] probabilities;
  private Iterator<Row> ready = Collections.emptyIterator();

  private PredictTask(Iterator<Row> rows, Predictor predictor, int content) {
    this.rows = rows;
    this.content = content;
    this.predictor = predictor;
    this.pixels = new byte[SharedPredictor.AT_ONCE * predictor.input().values()];
    this.logits = new float[SharedPredictor.AT_ONCE * predictor.classes()];
    this.probabilities = new double[predictor.classes()];
  }

  /** The rows with two columns more; an empty partition opens nothing. */
  static Iterator<Row> run(Iterator<Row> rows, SharedPredictor shared, int content) {
    if (!rows.hasNext()) {
      return Collections.emptyIterator();
    }
    Predictor predictor = shared.take();
    TaskContext.get()
        .addTaskCompletionListener((TaskCompletionListener) context -> shared.giveBack());
    return new PredictTask(rows, predictor, content);
  }

  @Override
  public boolean hasNext() {
    return ready.hasNext() || rows.hasNext();
  }

  @Override
  public Row next() {
    if (!ready.hasNext()) {
      ready = classified();
    }
    return ready.next();
  }

  private Iterator<Row> classified() {
    FeatureMap map = predictor.input();
    PictureSize size = new PictureSize(map.height(), map.width());
    MemorySegment target = MemorySegment.ofArray(pixels);
    List<Row> some = new ArrayList<>();
    while (some.size() < SharedPredictor.AT_ONCE && rows.hasNext()) {
      Row row = rows.next();
      if (row.isNullAt(content)) {
        throw new IllegalArgumentException("A row has no picture: drop the rows without.");
      }
      Object value = row.get(content);
      long offset = (long) some.size() * map.values();
      PictureFiles.read(
          Columns.file(value), Columns.name(value, null), size, map.channels(), target, offset);
      some.add(row);
    }
    predictor.predictBytes(pixels, some.size(), logits);
    for (int i = 0; i < some.size(); i++) {
      Classes.probabilities(logits, i, predictor.classes(), probabilities);
      Row row = some.get(i);
      Object[] values = new Object[row.size() + 2];
      for (int column = 0; column < row.size(); column++) {
        values[column] = row.get(column);
      }
      values[row.size()] = (double) Classes.largest(logits, i, predictor.classes());
      values[row.size() + 1] = Vectors.dense(probabilities.clone());
      some.set(i, RowFactory.create(values));
    }
    return some.iterator();
  }
}
