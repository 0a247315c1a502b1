package dev.nibble.samples.serve;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Takes a form with files apart (RFC 7578), as browsers and {@code curl -F} send it. */
final class Multipart {
  private static final Pattern BOUNDARY =
      Pattern.compile(
          "multipart/form-data\\s*;(?:.*;)?\\s*boundary=(?:\"([^\"]{1,70})\"|([^\\s;\"]{1,70}))\\s*(?:;.*)?",
          Pattern.CASE_INSENSITIVE);
  private static final Pattern NAME = parameter("name");
  private static final Pattern FILE_NAME = parameter("filename");
  private static final int LONGEST_HEADER = 4096;

  private final byte[] body;
  private final byte[] delimiter;
  private final int most;
  private int at;

  /**
   * A part of a form.
   *
   * @param name the file's, or the field's where it has none
   * @param from where its bytes begin in the body
   * @param to where they end
   */
  record Part(String name, int from, int to) {}

  private Multipart(byte[] body, String boundary, int most) {
    this.body = body;
    this.delimiter = ("\r\n--" + boundary).getBytes(StandardCharsets.UTF_8);
    this.most = most;
  }

  private static Pattern parameter(String name) {
    return Pattern.compile(
        "[;\\s]" + name + "=(?:\"((?:[^\"\\\\]|\\\\.)*)\"|([^\\s;\"]+))", Pattern.CASE_INSENSITIVE);
  }

  /**
   * The parts of a form.
   *
   * @param type the request's media type
   * @param most parts that are taken
   * @throws HttpProblem if it is no such form, or has no part, or too many
   */
  static List<Part> parts(byte[] body, @Nullable String type, int most) {
    Matcher matcher = BOUNDARY.matcher(type == null ? "" : type.strip());
    if (!matcher.matches()) {
      throw new HttpProblem(
          HttpProblem.UNSUPPORTED_TYPE,
          "This takes pictures as the files of a form (multipart/form-data): send them so, as curl -F"
              + " does.");
    }
    String boundary = matcher.group(1) == null ? matcher.group(2) : matcher.group(1);
    return new Multipart(body, boundary, most).read();
  }

  private List<Part> read() {
    // The first delimiter may stand at the very start, without a line's end before it.
    at = startsWith(0, 2) ? delimiter.length - 2 : after(0);
    List<Part> parts = new ArrayList<>();
    while (!isLast()) {
      if (parts.size() == most) {
        throw new HttpProblem(
            HttpProblem.TOO_LARGE,
            String.format(Locale.ROOT, "The form has more than %d pictures: send fewer.", most));
      }
      parts.add(part());
    }
    if (parts.isEmpty()) {
      throw new HttpProblem(
          HttpProblem.BAD_REQUEST, "The form holds no picture: send at least one file.");
    }
    return parts;
  }

  /** Whether the delimiter before was the last; if not, its line is passed over. */
  private boolean isLast() {
    if (at + 1 < body.length && body[at] == '-' && body[at + 1] == '-') {
      return true;
    }
    while (at < body.length && (body[at] == ' ' || body[at] == '\t')) {
      at++;
    }
    if (at + 1 >= body.length || body[at] != '\r' || body[at + 1] != '\n') {
      throw broken();
    }
    at += 2;
    return false;
  }

  private Part part() {
    int end = at;
    // A part without any header begins with the empty line.
    while (!(body.length - end >= 4 && isEnd(end) && isEnd(end + 2))
        && !(end == at && body.length - end >= 2 && isEnd(end))) {
      end++;
      if (end > body.length - 4 || end - at > LONGEST_HEADER) {
        throw broken();
      }
    }
    String header = new String(body, at, end - at, StandardCharsets.UTF_8);
    int from = end == at ? at + 2 : end + 4;
    // The end of a part without bytes is that of its header's empty line.
    int next = after(from - 2);
    return new Part(name(header), from, Math.max(from, next - delimiter.length));
  }

  private static String name(String header) {
    for (String line : header.split("\r\n", -1)) {
      if (line.regionMatches(true, 0, "Content-Disposition:", 0, "Content-Disposition:".length())) {
        String file = value(FILE_NAME.matcher(line));
        return file.isEmpty() ? value(NAME.matcher(line)) : file;
      }
    }
    return "";
  }

  private static String value(Matcher matcher) {
    if (!matcher.find()) {
      return "";
    }
    String quoted = matcher.group(1);
    return quoted == null
        ? matcher.group(2)
        : quoted.replaceAll("\\\\(.)", "$1").replace("%22", "\"");
  }

  private boolean isEnd(int index) {
    return body[index] == '\r' && body[index + 1] == '\n';
  }

  /** Moves behind the next delimiter, and returns where that is. */
  private int after(int from) {
    for (int i = Math.max(0, from); i <= body.length - delimiter.length; i++) {
      if (startsWith(i, 0)) {
        at = i + delimiter.length;
        return at;
      }
    }
    throw broken();
  }

  /** Whether the delimiter, but for its first bytes, stands there. */
  private boolean startsWith(int index, int skipped) {
    if (index + delimiter.length - skipped > body.length) {
      return false;
    }
    for (int i = skipped; i < delimiter.length; i++) {
      if (body[index + i - skipped] != delimiter[i]) {
        return false;
      }
    }
    return true;
  }

  private static HttpProblem broken() {
    return new HttpProblem(
        HttpProblem.BAD_REQUEST, "The form does not end as its header announces: send it anew.");
  }
}
