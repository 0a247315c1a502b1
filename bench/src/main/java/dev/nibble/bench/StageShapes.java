package dev.nibble.bench;

import dev.nibble.kernels.Operator;
import java.util.List;

/** The convolutions that the suite measures one by one. */
final class StageShapes {
  /** Of ResNets for 32x32 pictures, and wider ones. */
  static final List<String> SMALL =
      List.of(
          "32x32x16-3x3-s1-16",
          "32x32x32-3x3-s1-32",
          "32x32x64-3x3-s1-64",
          "16x16x32-3x3-s1-32",
          "16x16x64-3x3-s1-64",
          "8x8x64-3x3-s1-64",
          "8x8x128-3x3-s1-128",
          "32x32x16-3x3-s2-32",
          "32x32x64-1x1-s1-16",
          "32x32x16-1x1-s1-64",
          "16x16x128-1x1-s1-32",
          "8x8x256-1x1-s1-64",
          "8x8x64-1x1-s1-256",
          "32x32x64-3x3-s1-dw");

  /** Of ResNet-50 at 224x224, behind the stem. */
  static final List<String> RESNET50 =
      List.of(
          "56x56x64-1x1-s1-64",
          "56x56x64-3x3-s1-64",
          "56x56x64-1x1-s1-256",
          "56x56x256-1x1-s1-64",
          "56x56x128-3x3-s2-128",
          "56x56x256-1x1-s2-512",
          "28x28x128-3x3-s1-128",
          "28x28x128-1x1-s1-512",
          "28x28x512-1x1-s1-128",
          "14x14x256-3x3-s1-256",
          "14x14x256-1x1-s1-1024",
          "14x14x1024-1x1-s1-256",
          "7x7x512-3x3-s1-512",
          "7x7x512-1x1-s1-2048",
          "7x7x2048-1x1-s1-512");

  /** Of MobileNetV2 at 224x224. */
  static final List<String> MOBILENET_V2 =
      List.of(
          "112x112x32-3x3-s1-dw",
          "112x112x96-3x3-s2-dw",
          "56x56x144-3x3-s1-dw",
          "28x28x192-3x3-s1-dw",
          "14x14x384-3x3-s1-dw",
          "7x7x960-3x3-s1-dw",
          "112x112x16-1x1-s1-96",
          "56x56x24-1x1-s1-144",
          "56x56x144-1x1-s1-24",
          "14x14x64-1x1-s1-384",
          "14x14x384-1x1-s1-64",
          "7x7x160-1x1-s1-960",
          "7x7x320-1x1-s1-1280");

  /** A few of each. */
  static final List<String> QUICK =
      List.of(
          "32x32x16-3x3-s1-16",
          "16x16x32-3x3-s1-32",
          "8x8x64-3x3-s1-64",
          "32x32x64-1x1-s1-16",
          "32x32x16-1x1-s1-64",
          "8x8x256-1x1-s1-64",
          "56x56x64-1x1-s1-256",
          "14x14x256-3x3-s1-256",
          "56x56x144-3x3-s1-dw");

  /** The layers whose input is kept in fp32, without batch norm: stems and a dense layer. */
  static final List<String> KEPT =
      List.of("32x32x3-3x3-s1-16", "224x224x3-7x7-s2-64", "1x1x64-1x1-s1-10");

  private static final int MOST_PICTURES = 64;

  /** Far more than caches hold, and little enough for four buffers a thread. */
  private static final long MOST_BYTES = 1L << 24;

  private StageShapes() {}

  /** Pictures that each thread takes through a stage: a power of two, at most 64. */
  static int batch(Operator operator) {
    long picture = Math.max(operator.input().bytes(), operator.output().bytes());
    long fits = Math.max(1, MOST_BYTES / picture);
    return (int) Math.min(MOST_PICTURES, Long.highestOneBit(fits));
  }
}
