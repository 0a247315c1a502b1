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

  /** A picture, of the columns content, label and name, for each worker. */
  static Iterator<Tuple2<String, Example>> copies(Row row, int workers) {
    Object value = row.get(0);
    Example example =
        new Example(Columns.name(value, row.getString(2)), Columns.file(value), row.getInt(1));
    String hash = hash(example);
    List<Tuple2<String, Example>> copies = new ArrayList<>();
    for (int worker = 0; worker < workers; worker++) {
      copies.add(new Tuple2<>(worker + "/" + hash, example));
    }
    return copies.iterator();
  }

  /** A picture's hash in its key. */
  static String hash(String key) {
    return key.substring(key.indexOf('/') + 1);
  }

  private static String hash(Example example) {
    MessageDigest digest = sha256();
    digest.update(example.content());
    digest.update(Integer.toString(example.label()).getBytes(StandardCharsets.US_ASCII));
    return HexFormat.of().formatHex(digest.digest());
  }

  static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
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
