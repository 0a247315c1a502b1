package dev.nibble.engine.train;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.engine.checkpoint.CheckpointException;
import dev.nibble.engine.checkpoint.CheckpointMeta;
import dev.nibble.engine.checkpoint.LoadedCheckpoint;
import dev.nibble.engine.checkpoint.Section;
import dev.nibble.engine.exec.Session;
import dev.nibble.engine.model.ModelInfo;
import dev.nibble.engine.network.FiniteValues;
import dev.nibble.engine.network.Network;
import java.lang.foreign.MemorySegment;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What of a training run goes into a checkpoint, and back. */
final class TrainerCheckpoint {
  /** Names that were once those of networks for small pictures. */
  private static final Set<String> TORCHVISION = Set.of("resnet50", "resnet101", "resnet152");

  private static final String KERNELS = "kernels";
  private static final String MEAN = "normalization-mean";
  private static final String STD = "normalization-std";
  private static final String PICTURE_MEAN = "normalization-picture-mean";

  private static final String BEST_EPOCH = "best epoch";
  private static final String STEP = "step";
  private static final String SAVED = "saved";

  /** What workers of this version exchange; another if any of it changes. */
  private static final String FORMAT = "1";

  private TrainerCheckpoint() {}

  static List<Section> sections(Session session, BestEpoch best) {
    Map<String, MemorySegment> data = new LinkedHashMap<>();
    data.put("weights", session.weights());
    data.putAll(session.update().state());
    MemorySegment state = session.runningStatistics();
    if (state.byteSize() > 0) {
      data.put("running statistics", state);
    }
    data.putAll(session.kept().buffers());
    if (best.isSought()) {
      data.put(BEST_EPOCH, best.data());
    }
    return data.entrySet().stream().map(e -> new Section(e.getKey(), e.getValue())).toList();
  }

  static CheckpointMeta meta(
      Session session,
      TrainingOptions options,
      ModelInfo info,
      Map<String, String> data,
      RunPosition position) {
    Map<String, String> words = new LinkedHashMap<>(options.trajectory(position.totalSteps()));
    words.putAll(data);
    Untested untested = position.untested();
    if (untested != null) {
      untested.write(words);
    }
    words.put(MEAN, text(info.mean()));
    words.put(STD, text(info.std()));
    words.put(PICTURE_MEAN, Boolean.toString(info.pictureMean()));
    Map<String, String> model = model(session);
    model.put(KERNELS, session.kernelsDescription());
    return new CheckpointMeta(
        model,
        position.done(),
        position.epochsDone(),
        options.seed(),
        words,
        (float) position.lastLoss());
  }

  /**
   * Checks what a checkpoint would keep.
   *
   * @throws DivergedException if something is not finite
   */
  static void requireFinite(long step, List<Section> sections) {
    for (Section section : sections) {
      String fault = fault(section);
      if (fault != null) {
        throw DivergedException.left(step, fault);
      }
    }
  }

  private static @Nullable String fault(Section section) {
    if (section.name().equals(BEST_EPOCH)) {
      return null; // no floats
    }
    long at = FiniteValues.firstFault(section.data());
    return at < 0
        ? null
        : "'%s' holds %s".formatted(section.name(), section.data().get(JAVA_FLOAT, 4 * at));
  }

  /**
   * The epoch that is still to be evaluated.
   *
   * @throws CheckpointException if that does not read
   */
  static @Nullable Untested untested(LoadedCheckpoint checkpoint) {
    try {
      return Untested.read(checkpoint.meta().dataOrder());
    } catch (NumberFormatException e) {
      throw new CheckpointException(
          "Checkpoint %s is damaged: the figures of its epoch are no numbers."
              .formatted(checkpoint.path()),
          e);
    }
  }

  /**
   * Checks that the data is what the checkpoint was trained on; an older one does not say.
   *
   * @throws CheckpointException saying what differs
   */
  static void requireData(LoadedCheckpoint checkpoint, Map<String, String> data) {
    String difference = DataFingerprint.difference(checkpoint.meta().dataOrder(), data);
    if (difference != null) {
      throw new CheckpointException(
          "Checkpoint %s was trained on other data: %s; resume with the data of the run, or start another from its model."
              .formatted(checkpoint.path(), difference));
    }
  }

  /** What must be the same on all workers that share a run. */
  static Map<String, String> description(
      Session session, TrainingOptions options, Map<String, String> data, RunPosition position) {
    Map<String, String> words = new LinkedHashMap<>();
    words.put("format", FORMAT);
    model(session).forEach((name, value) -> words.put("network-" + name, value));
    words.put("weights", Integer.toString(session.network().weightValues()));
    words.put("kernels", session.kernelsDescription());
    words.putAll(options.trajectory(position.totalSteps()));
    words.putAll(data);
    return words;
  }

  /** Where the first of several workers stands before the first step of a run. */
  static Map<String, String> start(ModelInfo info, RunPosition position, boolean saved) {
    Map<String, String> words = new LinkedHashMap<>();
    words.put(STEP, Long.toString(position.done()));
    Untested untested = position.untested();
    if (untested != null) {
      untested.write(words);
    }
    words.put(MEAN, text(info.mean()));
    words.put(STD, text(info.std()));
    words.put(PICTURE_MEAN, Boolean.toString(info.pictureMean()));
    words.put(BEST_EPOCH, HexFormat.of().formatHex(position.best().data().toArray(JAVA_BYTE)));
    words.put(SAVED, Boolean.toString(saved));
    return words;
  }

  /** Whether the first worker saves checkpoints. */
  static boolean isSaved(Map<String, String> start) {
    return Boolean.parseBoolean(start.get(SAVED));
  }

  /**
   * Stands where the first worker does, whose tensors are here already.
   *
   * @return how pictures are normalised
   */
  static ModelInfo follow(
      Map<String, String> start, Session session, ModelInfo info, RunPosition position) {
    long step = Long.parseLong(start.getOrDefault(STEP, "0"));
    position.resumeAt(step, Untested.read(start));
    session.update().resume(step);
    byte[] best = HexFormat.of().parseHex(start.getOrDefault(BEST_EPOCH, ""));
    MemorySegment.copy(best, 0, position.best().data(), JAVA_BYTE, 0, best.length);
    return info.withNormalization(
        numbers(start.getOrDefault(MEAN, "")),
        numbers(start.getOrDefault(STD, "")),
        Boolean.parseBoolean(start.get(PICTURE_MEAN)));
  }

  private static String text(float[] values) {
    StringBuilder text = new StringBuilder();
    for (float value : values) {
      text.append(text.isEmpty() ? "" : ",").append(value);
    }
    return text.toString();
  }

  /**
   * What the model says about itself with pictures normalised as the checkpoint's run did: after a
   * warm start that is neither the options' nor the training set's way.
   *
   * @throws CheckpointException if the options ask for another mean and std
   */
  static ModelInfo info(LoadedCheckpoint checkpoint, ModelInfo info, TrainingOptions options) {
    Map<String, String> words = checkpoint.meta().dataOrder();
    String mean = words.get(MEAN);
    String std = words.get(STD);
    if (mean == null || std == null) {
      return info; // an older one does not say
    }
    float[] wantedMean = options.mean();
    float[] wantedStd = options.std();
    if (wantedMean != null
        && wantedStd != null
        && !(text(wantedMean).equals(mean) && text(wantedStd).equals(std))) {
      throw new CheckpointException(
          "Checkpoint %s was trained with mean %s and std %s, not %s and %s: resume with the options of the run."
              .formatted(checkpoint.path(), mean, std, text(wantedMean), text(wantedStd)));
    }
    try {
      boolean ofPicture = Boolean.parseBoolean(words.get(PICTURE_MEAN));
      return info.withNormalization(numbers(mean), numbers(std), ofPicture);
    } catch (IllegalArgumentException e) {
      throw new CheckpointException(
          "Checkpoint %s is damaged: its mean or std is no list of numbers, one a channel."
              .formatted(checkpoint.path()),
          e);
    }
  }

  private static float[] numbers(String text) {
    String[] words = text.split(",", -1);
    float[] numbers = new float[words.length];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = Float.parseFloat(words[i]);
    }
    return numbers;
  }

  private static Map<String, String> model(Session session) {
    Network network = session.network();
    Map<String, String> model = new LinkedHashMap<>();
    model.put("name", network.name());
    model.put("input", network.input().toString());
    model.put("classes", Integer.toString(network.classes()));
    return model;
  }

  static long restore(
      LoadedCheckpoint checkpoint,
      Session session,
      BestEpoch best,
      Map<String, String> trajectory) {
    Map<String, String> model = model(session);
    String kernels = checkpoint.meta().model().get(KERNELS);
    if (kernels != null) {
      model.put(KERNELS, kernels); // told, not compared: a run may have to go on elsewhere
    }
    checkpoint.requireModel(model);
    requireTrajectory(checkpoint, trajectory);
    List<Section> sections = sections(session, best);
    Map<String, Long> sizes = new LinkedHashMap<>();
    sections.forEach(s -> sizes.put(s.name(), s.data().byteSize()));
    try {
      checkpoint.requireSections(sizes);
    } catch (CheckpointException e) {
      throw withAdvice(e, session.network().name(), trajectory);
    }
    sections.forEach(s -> checkpoint.copySection(s.name(), s.data()));
    for (Section section : sections) {
      String fault = fault(section);
      if (fault != null) {
        throw new CheckpointException(
            "Checkpoint %s is of no use: its %s, as after a training that diverged; delete it to go on from the one before."
                .formatted(checkpoint.path(), fault));
      }
    }
    session.update().resume(checkpoint.meta().step());
    return checkpoint.meta().step();
  }

  /** Name and options are the same, and yet it does not fit: an earlier version wrote it. */
  private static CheckpointException withAdvice(
      CheckpointException e, String network, Map<String, String> trajectory) {
    String why =
        TORCHVISION.contains(network)
            ? "an earlier version called cifar-%s so; start a run of that from its model"
                .formatted(network)
            : trajectory.containsKey("freeze")
                ? "an earlier version kept more of frozen layers; start another run from its model"
                : "an earlier version wrote it; start another run from its model";
    String message = String.valueOf(e.getMessage()).replaceAll("\\.$", "");
    return new CheckpointException(message + ": " + why + ".", e);
  }

  private static void requireTrajectory(
      LoadedCheckpoint checkpoint, Map<String, String> trajectory) {
    Map<String, String> saved = new LinkedHashMap<>(checkpoint.meta().dataOrder());
    // Restored or compared elsewhere.
    saved.keySet().removeAll(List.of(MEAN, STD, PICTURE_MEAN, Untested.KEY));
    saved.keySet().removeIf(name -> name.startsWith(DataFingerprint.PREFIX));
    saved.putIfAbsent("optimizer", "sgd"); // the only one that older checkpoints know
    Set<String> names = new LinkedHashSet<>(trajectory.keySet());
    names.addAll(saved.keySet());
    for (String name : names) {
      String there = saved.get(name);
      String here = trajectory.get(name);
      if (name.equals(TrainingOptions.FORMATS) && there != null && here != null) {
        if (!there.equals(here)) {
          throw new CheckpointException(
              "Checkpoint %s was trained with other formats of its activations: resume with those that it names."
                  .formatted(checkpoint.path()));
        }
      } else if (!Objects.equals(there, here)) {
        throw new CheckpointException(
            "Checkpoint %s was trained with %s, not %s: resume with the options of the run."
                .formatted(
                    checkpoint.path(),
                    there == null ? "no " + name : name + " " + there,
                    here == null ? "without" : here));
      }
    }
  }
}
