package dev.nibble.engine.exchange.onnx;

/**
 * An operation of an ONNX model, as a summary shows it.
 *
 * @param name unique within the model
 * @param operator ONNX's name of it, or that of the function which several operators stand for
 * @param detail what is not usual about it, such as a kernel; may be empty
 * @param shape of what it gives, N the batch, such as {@code [N,64,56,56]}; {@code ?} where
 *     something before it is not supported
 * @param parameters values that are trained
 * @param multiplyAdds multiplications with additions for one picture
 */
public record OnnxLayer(
    String name,
    String operator,
    String detail,
    String shape,
    long parameters,
    long multiplyAdds) {}
