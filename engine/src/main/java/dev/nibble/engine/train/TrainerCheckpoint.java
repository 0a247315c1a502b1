package dev.nibble.engine.train;

import dev.nibble.engine.checkpoint.CheckpointException;
import dev.nibble.engine.checkpoint.CheckpointMeta;
import dev.nibble.engine.checkpoint.LoadedCheckpoint;
import dev.nibble.engine.checkpoint.Section;
import dev.nibble.engine.exec.Session;
import dev.nibble.engine.network.Network;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/** What of a training run goes into a checkpoint, and back. */
final class TrainerCheckpoint {
  private TrainerCheckpoint() {}

  static List<Section> sections(Session session, BestEpoch best) {
    Map<String, MemorySegment> data = new LinkedHashMap<>();
    data.put("weights", session.weights());
    data.putAll(session.update().state());
    MemorySegment state = session.state();
    if (state.byteSize() > 0) {
      data.put("running statistics", state);
    }
    data.putAll(session.kept().buffers());
    if (best.isSought()) {
      data.put("best epoch", best.data());
    }
    return data.entrySet().stream().map(e -> new Section(e.getKey(), e.getValue())).toList();
  }

  static CheckpointMeta meta(
      Session session,
      TrainingOptions options,
      long totalSteps,
      long done,
      int epoch,
      double lastLoss) {
    return new CheckpointMeta(
        model(session),
        done,
        epoch,
        options.seed(),
        options.trajectory(totalSteps),
        (float) lastLoss);
  }

  private static Map<String, String> model(Session session) {
    Network network = session.network();
    Map<String, String> model = new LinkedHashMap<>();
    model.put("name", network.name());
    model.put("input", network.input().toString());
    model.put("classes", Integer.toString(network.classes()));
    model.put("kernels", session.kernels().name());
    return model;
  }

  static long restore(
      LoadedCheckpoint checkpoint,
      Session session,
      BestEpoch best,
      Map<String, String> trajectory) {
    checkpoint.requireModel(model(session));
    requireTrajectory(checkpoint, trajectory);
    List<Section> sections = sections(session, best);
    Map<String, Long> sizes = new LinkedHashMap<>();
    sections.forEach(s -> sizes.put(s.name(), s.data().byteSize()));
    checkpoint.requireSections(sizes);
    sections.forEach(s -> checkpoint.copySection(s.name(), s.data()));
    session.update().resume(checkpoint.meta().step());
    return checkpoint.meta().step();
  }

  private static void requireTrajectory(
      LoadedCheckpoint checkpoint, Map<String, String> trajectory) {
    Map<String, String> saved = new LinkedHashMap<>(checkpoint.meta().dataOrder());
    saved.putIfAbsent("optimizer", "sgd"); // the only one that older checkpoints know
    Set<String> names = new LinkedHashSet<>(trajectory.keySet());
    names.addAll(saved.keySet());
    for (String name : names) {
      String there = saved.get(name);
      String here = trajectory.get(name);
      if (!Objects.equals(there, here)) {
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
