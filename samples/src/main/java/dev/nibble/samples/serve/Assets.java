package dev.nibble.samples.serve;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The page's files, from the jars alone. A name is a plain word with a known ending, so none leads
 * anywhere else.
 */
final class Assets {
  private static final Pattern NAME = Pattern.compile("[a-z]+(?:\\.[a-z]+)*\\.(css|js|svg)");

  /** What of the charts' library the page uses, by the path without its version. */
  private static final Pattern CHARTS =
      Pattern.compile("dist/uPlot\\.(?:esm\\.js|iife\\.min\\.js|min\\.css)");

  private static final String UPLOT = "META-INF/maven/org.webjars.npm/uplot/pom.properties";
  private static final Map<String, String> TYPES =
      Map.of(
          "html", "text/html; charset=utf-8",
          "json", "application/json; charset=utf-8",
          "css", "text/css; charset=utf-8",
          "js", "text/javascript; charset=utf-8",
          "svg", "image/svg+xml");

  private final Map<String, Answer> loaded = new ConcurrentHashMap<>();
  private final String uplot = "META-INF/resources/webjars/uplot/" + uplotVersion() + "/";

  /** As its jar says: the build's file alone chooses versions. */
  private static String uplotVersion() {
    Properties properties = new Properties();
    try (InputStream in = open(UPLOT)) {
      if (in != null) {
        properties.load(in);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return properties.getProperty("version", "");
  }

  /** The page itself. */
  Answer page() {
    return required(load("/page/index.html"), "The page");
  }

  /** The page that explains the interface. */
  Answer reference() {
    return required(load("/page/api.html"), "The page");
  }

  /** The interface in the form of OpenAPI. */
  Answer openApi() {
    return required(load("/page/openapi.json"), "The description");
  }

  /**
   * A file of the page.
   *
   * @throws HttpProblem if there is none of that name
   */
  Answer file(String name) {
    return required(NAME.matcher(name).matches() ? load("/page/" + name) : null, "That file");
  }

  /**
   * A file of the charts' library.
   *
   * @throws HttpProblem if there is none of that name
   */
  Answer charts(String path) {
    return required(CHARTS.matcher(path).matches() ? load(uplot + path) : null, "That file");
  }

  private static Answer required(@Nullable Answer answer, String what) {
    if (answer == null) {
      throw new HttpProblem(HttpProblem.NOT_FOUND, what + " is not here: open /.");
    }
    return answer;
  }

  private @Nullable Answer load(String resource) {
    Answer answer = loaded.get(resource);
    if (answer != null) {
      return answer;
    }
    try (InputStream in = open(resource)) {
      if (in == null) {
        return null;
      }
      String ending = resource.substring(resource.lastIndexOf('.') + 1);
      String type = TYPES.getOrDefault(ending, "application/octet-stream");
      Answer read = Answer.of(Answer.OK, type, in.readAllBytes());
      loaded.put(resource, read);
      return read;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static @Nullable InputStream open(String resource) {
    return resource.startsWith("/")
        ? Assets.class.getResourceAsStream(resource) // in this module, which shows it to no other
        : Assets.class.getClassLoader().getResourceAsStream(resource);
  }
}
