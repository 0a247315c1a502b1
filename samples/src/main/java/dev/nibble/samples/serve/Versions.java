package dev.nibble.samples.serve;

import dev.nibble.engine.json.JsonValue;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The versions that are kept, in memory as on the disk, and which of them serves after a start.
 * Whoever uses it sees to it that one thread does at a time.
 */
final class Versions {
  private final ModelFolder folder;
  private final int keep;

  /** Sound ones, oldest first. */
  private final List<Version> versions;

  /**
   * Reads them.
   *
   * @param keep how many stay
   * @param log hears of versions that are not sound
   */
  Versions(ModelFolder folder, int keep, Consumer<String> log) {
    this.folder = folder;
    this.keep = keep;
    this.versions = folder.list(log);
    folder.clean();
  }

  /** The one that serves after a start; null if there is none. */
  @Nullable Version start(Consumer<String> log) {
    if (versions.isEmpty()) {
      return null;
    }
    Long named = folder.current(log);
    Version found = named == null ? null : find(named);
    if (named != null && found == null) {
      log.accept("Version %d is gone: the newest sound one serves.".formatted(named));
    }
    return found != null ? found : versions.getLast();
  }

  /** The version of that number, or null. */
  @Nullable Version find(long number) {
    for (Version version : versions) {
      if (version.number() == number) {
        return version;
      }
    }
    return null;
  }

  /**
   * The version of that number.
   *
   * @throws HttpProblem if there is none
   */
  Version get(long number) {
    Version version = find(number);
    if (version == null) {
      throw new HttpProblem(
          HttpProblem.NOT_FOUND,
          String.format(
              Locale.ROOT, "There is no version %d: choose one of those that are kept.", number));
    }
    return version;
  }

  /** The number that the next version will have. */
  long nextNumber() {
    return versions.isEmpty() ? 1 : versions.getLast().number() + 1;
  }

  /**
   * Adds the newest version, as the one that serves.
   *
   * @param candidate its file, which is moved
   * @throws IOException if the disk did not take it: all is as before
   */
  void add(Path candidate, Version version) throws IOException {
    folder.add(candidate, version);
    try {
      folder.setCurrent(version.number());
      versions.add(version);
    } catch (IOException | RuntimeException | Error e) {
      folder.remove(version.number());
      throw e;
    }
  }

  /**
   * Makes a version the one that serves after the next start.
   *
   * @throws IOException if the disk did not take it: all is as before
   */
  void choose(Version version) throws IOException {
    folder.setCurrent(version.number());
  }

  /**
   * Keeps how a version did on the held-out pictures.
   *
   * @return false if it is not there any more
   * @throws IOException if the disk did not take it: all is as before
   */
  boolean measured(long number, Scores scores) throws IOException {
    Version version = find(number);
    if (version == null) {
      return false;
    }
    Version changed = version.with(scores);
    folder.update(changed);
    versions.set(versions.indexOf(version), changed);
    return true;
  }

  /** What a version goes back to: the one it was trained from, or the next older one; or null. */
  @Nullable Version before(@Nullable Long number) {
    Version version = number == null ? null : find(number);
    if (version == null) {
      return null;
    }
    Long parent = version.parent();
    Version found = parent == null ? null : find(parent);
    if (found != null) {
      return found;
    }
    Version older = null;
    for (Version each : versions) {
      older = each.number() < version.number() ? each : older;
    }
    return older;
  }

  /** Removes the oldest, but never the one that serves nor what it goes back to. */
  void prune(@Nullable Long current) {
    Version older = before(current);
    List<Version> removable = new ArrayList<>(versions);
    removable.removeIf(
        v ->
            (current != null && v.number() == current)
                || (older != null && v.number() == older.number()));
    while (versions.size() > keep && !removable.isEmpty()) {
      Version oldest = removable.removeFirst();
      folder.remove(oldest.number());
      versions.remove(oldest);
    }
  }

  /** All of them, newest first. */
  List<JsonValue> toJson(@Nullable Long current) {
    List<JsonValue> list = new ArrayList<>();
    for (Version version : versions.reversed()) {
      list.add(version.toJson(current != null && current == version.number()));
    }
    return list;
  }
}
