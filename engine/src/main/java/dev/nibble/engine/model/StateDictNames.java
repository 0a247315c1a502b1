package dev.nibble.engine.model;

import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.Parameter;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * What a network's parameters are called in other programs' state dicts: behind a prefix, as a
 * wrapper ({@code module.}) or a model around it leaves one, or as timm names the layers of
 * torchvision's networks.
 */
final class StateDictNames {
  private static final Pattern DIGITS = Pattern.compile("\\d+");

  /** Parts of timm's blocks, in the order in which pictures pass them. */
  private static final List<String> EXPANDED =
      List.of(
          "conv_pw",
          "bn1",
          "conv_dw",
          "bn2",
          "se.conv_reduce",
          "se.conv_expand",
          "conv_pwl",
          "bn3");

  private static final List<String> PLAIN =
      List.of("conv_dw", "conv", "bn1", "se.conv_reduce", "se.conv_expand", "conv_pw", "bn2");

  /** The same of the layers around the blocks. */
  private static final List<String> AROUND =
      List.of("conv_stem", "bn1", "blocks", "conv_head", "bn2", "classifier");

  private final String prefix;
  private final Map<String, String> layers = new HashMap<>();

  private StateDictNames(String prefix) {
    this.prefix = prefix;
  }

  /**
   * Finds out how a file names the parameters of a network.
   *
   * @param names the file's names
   */
  static StateDictNames of(List<String> names, Network network) {
    String prefix = "";
    List<String> wanted = layers(network.parameters().stream().map(Parameter::name).toList());
    Set<String> own = new LinkedHashSet<>(layers(names));
    if (!wanted.isEmpty() && !own.contains(wanted.getFirst())) {
      prefix = prefix(own, wanted.getFirst());
    }
    StateDictNames found = new StateDictNames(prefix);
    if (prefix.isEmpty()) {
      found.timm(own, wanted);
    }
    return found;
  }

  /** The network's name for a tensor of the file. */
  String wanted(String name) {
    String rest = name.startsWith(prefix) ? name.substring(prefix.length()) : name;
    int dot = rest.lastIndexOf('.');
    String layer = dot < 0 ? "" : layers.getOrDefault(rest.substring(0, dot), "");
    return layer.isEmpty() ? rest : layer + rest.substring(dot);
  }

  /** The layers that names of tensors belong to, in their order. */
  private static List<String> layers(List<String> names) {
    return names.stream()
        .filter(name -> name.indexOf('.') > 0)
        .map(name -> name.substring(0, name.lastIndexOf('.')))
        .distinct()
        .toList();
  }

  /** What stands before the name of the network's first layer; the shortest, if there are some. */
  private static String prefix(Set<String> own, String first) {
    return own.stream()
        .filter(layer -> layer.endsWith("." + first))
        .map(layer -> layer.substring(0, layer.length() - first.length()))
        .min(Comparator.comparingInt(String::length).thenComparing(Comparator.naturalOrder()))
        .orElse("");
  }

  private void timm(Set<String> own, List<String> wanted) {
    if (own.contains("conv_stem") && own.contains("blocks.0.0.bn1")) {
      List<String> ordered = own.stream().sorted(Comparator.comparing(l -> place(own, l))).toList();
      // One layer for one: where the file has no head, the others are paired all the same.
      for (int i = 0; i < Math.min(ordered.size(), wanted.size()); i++) {
        layers.put(ordered.get(i), wanted.get(i));
      }
    } else if (own.contains("pre_logits.fc1")) {
      layers.put("pre_logits.fc1", "classifier.0");
      layers.put("pre_logits.fc2", "classifier.3");
      layers.put("head.fc", "classifier.6");
    } else if (own.contains("s1.b1.conv1.conv")) {
      own.forEach(layer -> layers.put(layer, regnet(layer)));
    }
  }

  /** A text that sorts as pictures pass the layers. */
  private static String place(Set<String> own, String layer) {
    String[] parts = layer.split("\\.", 4);
    int around = AROUND.indexOf(parts[0]);
    if (around < 0 || (parts.length == 1) == parts[0].equals("blocks")) {
      return "z" + layer;
    }
    if (parts.length < 4 || !isNumber(parts[1]) || !isNumber(parts[2])) {
      return String.valueOf(around);
    }
    String block = String.join(".", parts[0], parts[1], parts[2]);
    List<String> order = own.contains(block + ".conv_pwl") ? EXPANDED : PLAIN;
    int place = order.indexOf(parts[3]);
    // Numbers of one width sort as numbers do.
    return "%d %6s %6s %s"
        .formatted(around, parts[1], parts[2], place < 0 ? "z" + parts[3] : String.valueOf(place));
  }

  private static boolean isNumber(String text) {
    return text.length() <= 6 && DIGITS.matcher(text).matches();
  }

  private static String regnet(String layer) {
    if (layer.startsWith("stem.")) {
      return layer.replace("stem.conv", "stem.0").replace("stem.bn", "stem.1");
    }
    if (layer.equals("head.fc")) {
      return "fc";
    }
    String[] parts = layer.split("\\.", 3);
    boolean isBlock =
        parts.length == 3
            && parts[0].startsWith("s")
            && isNumber(parts[0].substring(1))
            && parts[1].startsWith("b")
            && isNumber(parts[1].substring(1));
    if (!isBlock) {
      return layer;
    }
    String stage = "block" + parts[0].substring(1);
    String part =
        switch (parts[2]) {
          case "conv1.conv" -> "f.a.0";
          case "conv1.bn" -> "f.a.1";
          case "conv2.conv" -> "f.b.0";
          case "conv2.bn" -> "f.b.1";
          case "conv3.conv" -> "f.c.0";
          case "conv3.bn" -> "f.c.1";
          case "se.fc1" -> "f.se.fc1";
          case "se.fc2" -> "f.se.fc2";
          case "downsample.conv" -> "proj.0";
          case "downsample.bn" -> "proj.1";
          default -> parts[2];
        };
    int block = Integer.parseInt(parts[1].substring(1)) - 1;
    return "trunk_output.%s.%s-%d.%s".formatted(stage, stage, block, part);
  }
}
