package dev.nibble.samples;

import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The options of {@code nibble train}; null where the user gave none. */
final class TrainOptions {
  @Option(
      names = "--data",
      paramLabel = "NAME|FOLDER",
      description =
          "shapes, fashion-mnist, cifar10, cifar100, or a folder with CIFAR's binary files, IDX"
              + " files, Parquet files (train-*.parquet, test-*.parquet) or pictures as"
              + " train/CLASS/*.png, test/CLASS/*.png and maybe val/CLASS/*.png, or as CLASS/*.png,"
              + " of which a fifth is tested on. Default: shapes, which is built in.")
  @Nullable String data;

  @Option(
      names = "--val-split",
      paramLabel = "SHARE",
      description =
          "Take that share of each class of the training pictures, such as 0.1, for validation: it"
              + " is evaluated after each epoch, and the test pictures once at the end. Default:"
              + " the data's own validation pictures, if it has some.")
  @Nullable Double valSplit;

  @Option(
      names = "--model",
      paramLabel = "NAME|FILE",
      description =
          "For 32x32 pictures resnet20, resnet56, resnet110, resnet164, resnet1001 or any"
              + " cifar-resnetN of depth 6n+2 or 9n+2; for larger ones, as in torchvision,"
              + " resnet18, resnet34, resnet50, resnet101, resnet152, wide_resnet50_2. Or a file,"
              + " network and weights: .onnx, or a model.safetensors of an earlier run; the head"
              + " starts anew where its classes are others. Default: resnet20.")
  @Nullable String model;

  @Option(
      names = "--activations",
      paramLabel = "TYPE",
      description =
          "How activations wait for the backward pass: fp32, int8, int4, int3, int2, ternary"
              + " (1.6 bits), int1 (1.25); mixed:BITS, a format for each so that values have so many bits on average;"
              + " mixed, as many as fit --memory-limit. Default: int4, or fewer bits where nothing"
              + " else fits --memory-limit.")
  @Nullable String activations;

  @Option(
      names = "--recompute",
      paramLabel = "WHEN",
      description =
          "Compute activations twice instead of storing them: auto, where --memory-limit needs it;"
              + " never; most, wherever it saves memory. The weights stay the same, a step takes up"
              + " to a third longer. Default: auto.")
  @Nullable String recompute;

  @Option(
      names = "--codes",
      paramLabel = "KIND",
      description =
          "fitted: levels lie where activations are; uniform: the paper's, evenly spaced (8, 4 or 2"
              + " bits). Default: fitted.")
  @Nullable String codes;

  @Option(
      names = "--naive",
      description = "Compute the forward pass on the restored activations, too: a baseline.")
  @Nullable Boolean naive;

  @Option(
      names = "--batch",
      paramLabel = "N",
      description =
          "Pictures computed at once; an epoch's last batch has what is left. Default: 128, or what"
              + " fits --memory-limit and the data.")
  @Nullable Integer batch;

  @Option(
      names = "--epochs",
      paramLabel = "N",
      description = "Passes over the training pictures. Default: 10; with shapes 5.")
  @Nullable Integer epochs;

  @Option(names = "--steps", paramLabel = "N", description = "Steps in all, instead of epochs.")
  @Nullable Long steps;

  @Option(
      names = "--lr",
      paramLabel = "X",
      description = "Highest learning rate. Default: 0.1; with adamw 0.001.")
  @Nullable Float lr;

  @Option(
      names = "--schedule",
      paramLabel = "NAME",
      description =
          "constant; step: a tenth at 1/2 and a hundredth at 3/4 of the run; cosine: half a wave"
              + " to 0; paper: the paper's steps, scaled to the run. Default: cosine.")
  @Nullable String schedule;

  @Option(
      names = "--warmup-steps",
      paramLabel = "N",
      description = "Steps in which the rate rises from 0. Default: 0.")
  @Nullable Long warmupSteps;

  @Mixin LossOptions loss = new LossOptions();

  @Mixin UpdateOptions update = new UpdateOptions();

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "What weights, order and crops are drawn from. Default: 0.")
  @Nullable Long seed;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads that compute; the result does not depend on it. Default: all cores.")
  @Nullable Integer threads;

  @Option(
      names = "--memory-limit",
      paramLabel = "SIZE",
      description =
          "The most that a run may allocate, such as 512MiB: activations and batch are chosen to"
              + " fit unless given, and what cannot fit does not start. Default: none, or in a"
              + " container what it has left.")
  @Nullable String memoryLimit;

  @Mixin WorkerOptions workers = new WorkerOptions();

  @Mixin KernelOption kernels = new KernelOption();

  @Mixin GpuOptions gpu = new GpuOptions();

  @Option(
      names = "--augment",
      paramLabel = "NAMES",
      description =
          "One or several, with commas. crop-flip: shift by up to 4 pixels and mirror at random;"
              + " random-resized-crop: a random part of 8 to 100 %% of the picture, scaled, and"
              + " mirrored at random; color-jitter: brightness, contrast, saturation by up to 40"
              + " %%; trivial-augment: one change of fourteen; random-erasing: a rectangle in a"
              + " quarter of the pictures; none. Default: crop-flip.")
  @Nullable String augment;

  @Option(names = "--no-shuffle", description = "Take the pictures in their own order.")
  @Nullable Boolean noShuffle;

  @Option(
      names = "--mean",
      paramLabel = "R,G,B",
      description =
          "Subtracted from pictures of values 0..1, a value a channel. Default: the training"
              + " set's.")
  @Nullable String mean;

  @Option(
      names = "--std",
      paramLabel = "R,G,B",
      description = "Divides them then. Default: the training set's.")
  @Nullable String std;

  @Option(
      names = "--picture-mean",
      description = "Subtract each picture's own mean instead, as in the paper.")
  @Nullable Boolean pictureMean;

  @Option(
      names = "--image-size",
      paramLabel = "HxW",
      description =
          "Size that a folder's pictures are resized to, such as 32x32. Default: the first one's.")
  @Nullable String imageSize;

  @Option(
      names = "--resize",
      paramLabel = "NAME",
      description =
          "How a folder's pictures come to that size, but for random-resized-crop in training:"
              + " stretch; or center-crop, which keeps the aspect, scales the short side to 256/224"
              + " of it and cuts out the centre. Default: stretch; center-crop where networks of"
              + " ImageNet's kind are trained with random-resized-crop.")
  @Nullable String resize;

  @Option(
      names = "--skip-unreadable",
      description = "Leave out pictures of a folder that cannot be read, and say how many.")
  @Nullable Boolean skipUnreadable;

  @Option(
      names = "--ignore-orientation",
      description = "Take pictures as they are stored, not turned as their EXIF data says.")
  @Nullable Boolean ignoreOrientation;

  @Option(
      names = "--label-column",
      paramLabel = "NAME",
      description =
          "The column of Parquet files that holds the labels. Default: fine_label, label or"
              + " labels.")
  @Nullable String labelColumn;

  @Option(
      names = "--init",
      paramLabel = "FILE",
      description =
          "Start from the weights of a .safetensors or .onnx file of the same model, such as"
              + " torchvision's or timm's state dict of resnet50. If its classes are others, the"
              + " head starts anew and the rest is kept.")
  @Nullable String init;

  @Option(
      names = "--freeze",
      paramLabel = "LAYERS",
      split = ",",
      description =
          "Layers that are not trained, such as stem,stages.0 or 'stages.*.bn': they store nothing"
              + " and cost no backward pass. What a frozen layer reads must be frozen too.")
  @Nullable List<String> freeze;

  @Option(
      names = "--freeze-batch-norm",
      description =
          "Batch norms use their running statistics in training, too, as they are: for fine-tuning"
              + " on few pictures or in small batches.")
  @Nullable Boolean freezeBatchNorm;

  @Option(
      names = "--lr-scale",
      paramLabel = "LAYERS=FACTOR",
      split = ",",
      description =
          "Multiply the learning rate of layers, such as head=10 or 'stages.0.*=0.1'; the last that"
              + " fits a layer counts.")
  @Nullable List<String> lrScale;

  @Option(
      names = "--class-metrics",
      description =
          "After each epoch also print precision, recall and F1 of each class, and write them to"
              + " metrics.jsonl.")
  @Nullable Boolean classMetrics;

  @Option(
      names = "--checkpoint-every",
      paramLabel = "N",
      description = "Steps between checkpoints. Default: one an epoch.")
  @Nullable Long checkpointEvery;

  @Option(
      names = "--tensorboard",
      arity = "0..1",
      fallbackValue = "",
      paramLabel = "FOLDER",
      description =
          "Write event files for TensorBoard: scalars of each step, histograms of the weights each"
              + " epoch. Without FOLDER into the run's own.")
  @Nullable String tensorboard;
}
