/**
 * Protocol Buffers' wire format, read and written field by field, for ONNX models and TensorBoard's
 * events.
 *
 * <p>By hand, not with Google's library: the format is four kinds of field, the two schemas change
 * by added fields only, and the engine depends on nothing but the JDK. What is more, that library
 * makes objects of a whole model, weights included, on the heap, and refuses files over 2 GiB; here
 * a reader walks over a file through one small window, data stay in the file until they are asked
 * for, and the heap that a hostile file can take is bounded. A writer takes large arrays as they
 * are, without a copy.
 *
 * <p>Source: protobuf.dev/programming-guides/encoding.
 */
@NullMarked
package dev.nibble.engine.protobuf;

import org.jspecify.annotations.NullMarked;
