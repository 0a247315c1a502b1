package dev.nibble.spark;

import java.io.Serializable;
import java.util.List;

/**
 * What every worker of a fit is told; the same for all.
 *
 * @param workers barrier tasks that share every batch
 * @param secret by which they know each other
 * @param network a network's name, or that of a model file whose bytes are {@code start}
 * @param start a model file to begin with; empty for none
 * @param classNames the classes' names, in the order of their numbers
 * @param imageSize HEIGHTxWIDTH, or empty for the first picture's
 * @param epochs passes over the pictures
 * @param batch pictures of a batch
 * @param learningRate the highest
 * @param activations fp32, int8, int4 or int2
 * @param memoryLimit such as 512MiB, or empty for none
 * @param shards workers that a batch is cut for at least
 * @param threads of a worker
 * @param seed of weights, order and crops
 * @param checkpoints folder that all workers see, or empty for none
 * @param checkpointEvery steps between checkpoints
 */
@SuppressWarnings("ArrayRecordComponent") // carried, never compared
record FitSettings(
    int workers,
    String secret,
    String network,
    byte[] start,
    List<String> classNames,
    String imageSize,
    int epochs,
    int batch,
    double learningRate,
    String activations,
    String memoryLimit,
    int shards,
    int threads,
    long seed,
    String checkpoints,
    int checkpointEvery)
    implements Serializable {
  /** What the model's bytes depend on beside the pictures and {@link #start}. */
  String trajectory() {
    return String.join(
        "\n",
        network,
        String.join("\t", classNames),
        imageSize,
        Integer.toString(epochs),
        Integer.toString(batch),
        Double.toString(learningRate),
        activations,
        memoryLimit,
        Integer.toString(shards),
        Long.toString(seed));
  }
}
