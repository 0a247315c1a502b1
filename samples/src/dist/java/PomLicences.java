import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.xml.sax.SAXException;

/** What POMs in Maven's local repository say of licences; a POM without any has its parent's. */
final class PomLicences {
  private final Path repository;

  PomLicences(Path repository) {
    this.repository = repository;
  }

  /** The licences of a part by their SPDX identifiers, or their names where no identifier fits. */
  List<String> of(String group, String name, String version) throws IOException {
    if (group.equals("dev.nibble")) {
      return List.of("Apache-2.0"); // built here: in no repository
    }
    Path file =
        repository
            .resolve(group.replace('.', '/'))
            .resolve(name)
            .resolve(version)
            .resolve(name + "-" + version + ".pom");
    if (!Files.exists(file)) {
      throw new IllegalStateException(
          "The licence of %s is not known: %s is missing.".formatted(name, file));
    }
    Element project = parse(file);
    Element all = child(project, "licenses");
    List<String> licences = new ArrayList<>();
    for (Node node = all == null ? null : all.getFirstChild();
        node != null;
        node = node.getNextSibling()) {
      if (node instanceof Element licence && licence.getTagName().equals("license")) {
        licences.add(identifier(text(licence, "name"), text(licence, "url")));
      }
    }
    Element parent = child(project, "parent");
    if (licences.isEmpty() && parent != null) {
      return of(text(parent, "groupId"), text(parent, "artifactId"), text(parent, "version"));
    }
    return licences;
  }

  private static String identifier(String name, String url) {
    String low = (name + " " + url).toLowerCase(Locale.ROOT).replace('-', ' ');
    if (low.contains("apache") && low.contains("2.0")) {
      return "Apache-2.0";
    }
    if (low.contains("epl 2.0") || low.contains("eclipse public license 2.0")) {
      return "EPL-2.0";
    }
    if (low.contains("gpl2 w/ cpe")) {
      return "GPL-2.0-with-classpath-exception";
    }
    if (low.contains("bsd 2 clause")) {
      return "BSD-2-Clause";
    }
    if (low.contains("bsd 3 clause")) {
      return "BSD-3-Clause";
    }
    if (low.contains("cc0") || low.contains("publicdomain/zero")) {
      return "CC0-1.0";
    }
    return name.equals("MIT") || low.contains("mit license") ? "MIT" : name;
  }

  private static Element parse(Path file) throws IOException {
    try {
      return DocumentBuilderFactory.newInstance()
          .newDocumentBuilder()
          .parse(file.toFile())
          .getDocumentElement();
    } catch (ParserConfigurationException | SAXException e) {
      throw new IOException(file + " can't be read as a POM: " + e.getMessage(), e);
    }
  }

  private static Element child(Element parent, String name) {
    for (Node node = parent.getFirstChild(); node != null; node = node.getNextSibling()) {
      if (node instanceof Element element && element.getTagName().equals(name)) {
        return element;
      }
    }
    return null;
  }

  private static String text(Element parent, String name) {
    Element element = child(parent, name);
    return element == null ? "" : element.getTextContent().strip();
  }
}
