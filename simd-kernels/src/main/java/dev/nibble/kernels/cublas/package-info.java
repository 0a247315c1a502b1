/**
 * Kernels whose convolutions' matrix products run on an NVIDIA GPU, through the CUDA driver API and
 * cuBLAS, both called with the Foreign Function and Memory API. Nothing native is built or shipped,
 * and nothing is loaded unless it is asked for and there.
 *
 * <p>Use it through {@link dev.nibble.kernels.provider.KernelProvider}; {@link CudaOptions} says
 * where the libraries are looked for and how precisely products are made.
 *
 * <h2>The way of a shard</h2>
 *
 * <pre>
 *   CPU      batch norm, ReLU, codes -&gt; padded pictures in pinned staging    bias, shortcut, sums &lt;- staging
 *                                          |  copy in                                      ^ copy out
 *   device                                 v                                               |
 *            planes of a group of pictures -&gt; k*k products, each added to the one before -&gt; output
 * </pre>
 *
 * <p>A thread has a set of streams: three streams (copies in, products, copies out), a cuBLAS
 * handle with its own workspace, and two slots of buffers, so that a group of pictures is copied
 * while the other is multiplied and the CPU prepares the next. The weights go to the device when a
 * forward pass packs them and stay there for the backward pass. Batch norm, ReLU, codes, masks and
 * sums are the CPU kernels' own ({@link dev.nibble.kernels.ProductOffload}).
 *
 * <p>What a session takes, it takes when it is opened, and gives back in the opposite order when it
 * is closed; a pass takes nothing. When a call returns, by an exception too, nothing that it began
 * is under way: no copy outlives the host memory that it reads or writes. Memory of the device is a
 * type of its own here, never a {@link java.lang.foreign.MemorySegment}, so that Java can't read
 * it. Every status is checked; a failure is a {@link dev.nibble.kernels.DeviceException}.
 *
 * <h2>What a provider implements that keeps all activations and codes on the device</h2>
 *
 * <p>This one copies every activation twice a stage. A later one need not, and the contract ({@link
 * dev.nibble.kernels.Kernels}) lets it be written without a change to the engine, which never reads
 * an activation, its gradient or a code itself, but for the logits:
 *
 * <ul>
 *   <li>{@code open} is given the workspace, in which every buffer of every argument lies. A device
 *       region of the same size is its twin; a buffer's offset in the one is its offset in the
 *       other. The plan lets buffers share memory whose lives do not meet, and that holds for the
 *       twin. Arguments are bound once a session, so that offsets can be looked up at first sight;
 *       only the labels of {@code loss} may be the caller's own.
 *   <li>{@code forward} and {@code backward} start kernels of its own for a shard's pictures: load
 *       (batch norm, codes, ReLU), product, store (bias, shortcut, sums), with {@link
 *       dev.nibble.kernels.ChannelTable}'s formulas, and {@link dev.nibble.kernels.StoreFormat}'s
 *       layout of codes; pooling, shortcuts and gradients' terms as well, since what one stage
 *       leaves on the device the next must find there. They need not wait: {@code finish...},
 *       {@code loss} and the next {@code pack...} do. In a session every stage's pass begins with
 *       {@code pack...}; the device must be done with the stage before, since shards of the next
 *       may write where others still read. A predictor packs once; each of its contexts has buffers
 *       of its own and goes through the stages one after the other, so that a stream a context,
 *       told by where its buffers lie, keeps the order.
 *   <li>The first stage's input is written by {@code input} or, if a caller has pictures as floats,
 *       by the host, without a call: {@code input} leaves it right on the host, and {@code forward}
 *       takes it from there. The last stage's {@code forward} waits, since the logits may be read
 *       when it returns.
 *   <li>Partial sums have one region a shard ({@link dev.nibble.kernels.Partials}), merged in shard
 *       order by {@code finishStatistics}, {@code finishWeights} and {@code finishChannels}, so
 *       that results do not depend on which stream was first.
 *   <li>The engine and its files touch these buffers on the host, between calls, and so they must
 *       be right there when a call returns: the loader's pictures, labels and crops (read by {@code
 *       input} and {@code loss}), weights, gradients and the optimiser's state (written by {@code
 *       sgd}, {@code nesterov}, {@code adamW}, {@code blend}, {@code finishWeights}), moments and
 *       running statistics (between {@code finishStatistics} and {@code fillTable}), the loss's
 *       scalars, and the logits, which are the last stage's output. A checkpoint, a warm start and
 *       the running average write weights between passes: what {@code pack...} copies, biases too,
 *       must not be older. All are small beside the activations: copy them, or register the
 *       workspace and let the device reach them there.
 *   <li>{@code stagingBytes} and {@code select} are its own to fill in; {@code scratchFloats} and
 *       {@code packedFloats} may be 0.
 * </ul>
 */
@NullMarked
package dev.nibble.kernels.cublas;

import org.jspecify.annotations.NullMarked;
