package dev.nibble.engine.network;

import dev.nibble.engine.network.NetworkBuilder.Node;
import dev.nibble.kernels.Nonlinearity;
import dev.nibble.kernels.Window;

/** What torchvision's networks are made of, with its names. */
final class ConvolutionBlocks {
  private final NetworkBuilder builder;

  ConvolutionBlocks(NetworkBuilder builder) {
    this.builder = builder;
  }

  /** A convolution that keeps the picture's size but for the stride, without bias. */
  record Shape(int channels, int kernel, int stride, int groups) {
    /** A convolution of one pixel. */
    static Shape pointwise(int channels) {
      return new Shape(channels, 1, 1, 1);
    }
  }

  /** Convolution {@code name.0} and batch norm {@code name.1}. */
  Node normalized(String name, Node x, Shape shape) {
    Window window = Window.square(shape.kernel(), shape.stride());
    Node y = builder.convolution(name + ".0", x, shape.channels(), window, shape.groups(), false);
    return builder.batchNorm(name + ".1", y);
  }

  /** Convolution, batch norm and a function. */
  Node activated(String name, Node x, Shape shape, Nonlinearity function) {
    return builder.activation(normalized(name, x, shape), function);
  }

  /**
   * Squeeze-and-excitation: every channel times a factor that all channels' means decide.
   *
   * @param inner channels between {@code name.fc1} and {@code name.fc2}
   * @param function behind the first of them
   * @param gate behind the second, between 0 and 1
   */
  Node excited(String name, Node x, int inner, Nonlinearity function, Nonlinearity gate) {
    Window pixel = Window.square(1, 1);
    Node s = builder.globalAveragePool(x);
    s = builder.activation(builder.convolution(name + ".fc1", s, inner, pixel, 1, true), function);
    s = builder.convolution(name + ".fc2", s, x.map().channels(), pixel, 1, true);
    return builder.multiply(x, builder.activation(s, gate));
  }

  /** Channels as a network of another width has them: a multiple of 8, no tenth less. */
  static int multipleOfEight(double channels) {
    int rounded = Math.max(8, (int) (channels + 4) / 8 * 8);
    return rounded < 0.9 * channels ? rounded + 8 : rounded;
  }
}
