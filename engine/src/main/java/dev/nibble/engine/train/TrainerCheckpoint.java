package dev.nibble.engine.train;

import dev.nibble.engine.checkpoint.CheckpointException;
import dev.nibble.engine.checkpoint.CheckpointMeta;
import dev.nibble.engine.checkpoint.LoadedCheckpoint;
import dev.nibble.engine.checkpoint.Section;
import dev.nibble.engine.exec.Session;
import dev.nibble.engine.network.Network;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What of a training run goes into a checkpoint, and back. */
final class TrainerCheckpoint {
  private TrainerCheckpoint() {}

  static List<Section> sections(Session session) {
    List<Section> sections = new ArrayList<>();
    sections.add(new Section("weights", session.weights()));
    sections.add(new Section("momentum", session.momentum()));
    MemorySegment state = session.state();
    if (state.byteSize() > 0) {
      sections.add(new Section("running statistics", state));
    }
    return sections;
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
      LoadedCheckpoint checkpoint, Session session, Map<String, String> trajectory) {
    checkpoint.requireModel(model(session));
    Map<String, String> saved = checkpoint.meta().dataOrder();
    for (Map.Entry<String, String> option : trajectory.entrySet()) {
      String there = saved.get(option.getKey());
      if (!option.getValue().equals(there)) {
        throw new CheckpointException(
            "Checkpoint %s was trained with %s %s, not %s: resume with the options of the run."
                .formatted(checkpoint.path(), option.getKey(), there, option.getValue()));
      }
    }
    List<Section> sections = sections(session);
    Map<String, Long> sizes = new LinkedHashMap<>();
    sections.forEach(s -> sizes.put(s.name(), s.data().byteSize()));
    checkpoint.requireSections(sizes);
    sections.forEach(s -> checkpoint.copySection(s.name(), s.data()));
    return checkpoint.meta().step();
  }
}
