package dev.nibble.spark;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.Partitioner;
import org.apache.spark.sql.Row;
import scala.Tuple2;

/**
 * Sends every picture to every worker, each of which then has all of them in the order of their
 * hashes: the same, however the data lay in partitions, and however many workers there are.
 */
final class ByWorker extends Partitioner {
  private static final long serialVersionUID = 1;

  private final int workers;

  ByWorker(int workers) {
    this.workers = workers;
  }

  @Override
  public int numPartitions() {
    return workers;
  }

  @Override
  public int getPartition(Object key) {
    String text = (String) key;
    return Integer.parseInt(text.substring(0, text.indexOf('/')));
  }

  /** A picture for each worker. */
  static Iterator<Tuple2<String, Example>> copies(Row row, int workers) {
    Example example = new Example(row.getAs(0), row.getInt(1));
    String hash = hash(example);
    List<Tuple2<String, Example>> copies = new ArrayList<>();
    for (int worker = 0; worker < workers; worker++) {
      copies.add(new Tuple2<>(worker + "/" + hash, example));
    }
    return copies.iterator();
  }

  private static String hash(Example example) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update(example.content());
      digest.update(Integer.toString(example.label()).getBytes(StandardCharsets.US_ASCII));
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("Every JDK has SHA-256", e);
    }
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof ByWorker o && o.workers == workers;
  }

  @Override
  public int hashCode() {
    return workers;
  }
}
