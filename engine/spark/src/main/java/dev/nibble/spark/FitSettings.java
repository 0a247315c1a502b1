package dev.nibble.spark;

import java.io.Serializable;

/**
 * What every worker of a fit is told; the same for all.
 *
 * @param workers barrier tasks that share every batch
 * @param secret by which they know each other
 * @param network a network's name
 * @param classes classes, labels 0 and up
 * @param imageSize HEIGHTxWIDTH, or empty for the first picture's
 * @param epochs passes over the pictures
 * @param batch pictures of a batch
 * @param learningRate the highest
 * @param activations fp32, int8, int4 or int2
 * @param memoryLimit such as 512MiB, or empty for none
 * @param shards workers that a batch is cut for at least
 * @param threads of a worker
 * @param seed of weights, order and crops
 * @param checkpoints folder that whoever is worker 0 sees, or empty for none
 * @param checkpointEvery steps between checkpoints
 */
record FitSettings(
    int workers,
    String secret,
    String network,
    int classes,
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
    long checkpointEvery)
    implements Serializable {}
