package dev.nibble.spark;

import java.io.Serializable;

/**
 * A labelled picture on its way to a worker.
 *
 * @param name what messages call it
 * @param content the whole file
 * @param label index of its class
 */
@SuppressWarnings("ArrayRecordComponent") // carried, never compared
record Example(String name, byte[] content, int label) implements Serializable {}
