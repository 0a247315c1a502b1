package dev.nibble.engine.network;

import dev.nibble.kernels.Operator;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The layers of a network that are as wide as it has classes: what makes the logits, and what they
 * pass on their way out.
 */
final class NetworkHead {
  private final Network network;
  private final Set<String> names = new LinkedHashSet<>();
  private @Nullable String obstacle;
  private boolean isMade;

  private NetworkHead(Network network) {
    this.network = network;
  }

  static NetworkHead of(Network network) {
    NetworkHead head = new NetworkHead(network);
    head.walk();
    return head;
  }

  private void walk() {
    Deque<Layer> open = new ArrayDeque<>(List.of(network.output()));
    while (!open.isEmpty() && obstacle == null) {
      Layer layer = open.pop();
      switch (layer) {
        case Layer.Weighted w -> {
          names.add(w.name());
          if (isByChannel(w.operator())) {
            open.push(network.layers().get(w.source()));
          } else {
            isMade = true;
          }
        }
        case Layer.Input i -> obstacle = i.name();
        case Layer.Concatenate c -> obstacle = c.name();
        case Layer.Padding p -> obstacle = p.name();
        case Layer.Shuffle s -> obstacle = s.name();
        case Layer.Multiply m -> obstacle = m.name();
        case Layer.Add a -> {
          open.push(network.layers().get(a.right()));
          open.push(network.layers().get(a.left()));
        }
        case Layer.Unary u -> {
          if (u.output().channels() == network.layers().get(u.source()).output().channels()) {
            if (hasParameters(u)) {
              names.add(u.name());
            }
            open.push(network.layers().get(u.source()));
          } else {
            obstacle = u.name();
          }
        }
      }
    }
  }

  private static boolean hasParameters(Layer layer) {
    return layer instanceof Layer.BatchNorm
        || (layer instanceof Layer.GroupNorm g && g.operator().affine())
        || (layer instanceof Layer.Activation a && a.function().hasSlope());
  }

  /** Whether each channel is made of the same one alone, as where a constant is multiplied. */
  static boolean isByChannel(Operator.Convolution c) {
    return c.groups() > 1 && c.groups() == c.input().channels() && c.groups() == c.outChannels();
  }

  /** Names of the layers with parameters, those nearest to the logits first. */
  Set<String> names() {
    return names;
  }

  /** The layer that keeps the classes from being changed; null if there is none. */
  @Nullable String obstacle() {
    return obstacle == null && !isMade ? network.output().name() : obstacle;
  }
}
