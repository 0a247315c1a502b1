package dev.nibble.spark;

import dev.nibble.engine.data.PictureFiles;
import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.infer.Classes;
import dev.nibble.engine.infer.Predictor;
import dev.nibble.engine.infer.PredictorOptions;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.provider.KernelProvider;
import dev.nibble.memory.MemoryAccount;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
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
  private static final int AT_ONCE = 32;

  private final Iterator<Row> rows;
  private final int content;
  private final MemoryAccount account;
  private final Predictor predictor;
  private final byte[] pixels;
  private final float[] logits;
  private final double[] probabilities;
  private Iterator<Row> ready = Collections.emptyIterator();

  private PredictTask(Iterator<Row> rows, Path model, int content) {
    this.rows = rows;
    this.content = content;
    this.account = MemoryAccount.root("nibble-spark", MemoryAccount.UNLIMITED);
    PredictorOptions options =
        PredictorOptions.defaults().withThreads(1).withPicturesAtOnce(AT_ONCE);
    this.predictor = Predictor.open(model, options, KernelProvider.choose("auto"), account);
    this.pixels = new byte[AT_ONCE * predictor.input().values()];
    this.logits = new float[AT_ONCE * predictor.classes()];
    this.probabilities = new double[predictor.classes()];
  }

  /** The rows with two columns more; an empty partition opens nothing. */
  static Iterator<Row> run(Iterator<Row> rows, byte[] model, int content) {
    if (!rows.hasNext()) {
      return Collections.emptyIterator();
    }
    try {
      Path file = Files.createTempFile("nibble", ".safetensors");
      try {
        Files.write(file, model);
        PredictTask task = new PredictTask(rows, file, content);
        TaskContext.get().addTaskCompletionListener((TaskCompletionListener) context -> task.close());
        return task;
      } finally {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
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
    List<Row> some = new ArrayList<>();
    while (some.size() < AT_ONCE && rows.hasNext()) {
      Row row = rows.next();
      byte[] file = row.getAs(content);
      long offset = (long) some.size() * map.values();
      MemorySegment target = MemorySegment.ofArray(pixels);
      PictureFiles.read(file, "a picture", size, map.channels(), target, offset);
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

  private void close() {
    predictor.close();
    account.close();
  }
}
