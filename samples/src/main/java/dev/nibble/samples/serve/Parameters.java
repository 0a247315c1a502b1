package dev.nibble.samples.serve;

import io.javalin.http.Context;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Numbers in addresses. */
final class Parameters {
  private Parameters() {}

  /**
   * A parameter of the query.
   *
   * @param most the largest that is taken
   * @throws HttpProblem if it is given and no number from {@code least} to {@code most}
   */
  static long query(Context request, String name, long least, long most, long otherwise) {
    String text = request.queryParam(name);
    return text == null ? otherwise : number("The parameter " + name, text, least, most);
  }

  /**
   * A part of the path.
   *
   * @throws HttpProblem if it is no number
   */
  static long path(Context request, String name) {
    return number("The " + name + " in the address", request.pathParam(name), 0, Long.MAX_VALUE);
  }

  private static long number(String what, @Nullable String text, long least, long most) {
    try {
      if (text != null && text.matches("[0-9]{1,19}")) {
        long value = Long.parseLong(text);
        if (value >= least && value <= most) {
          return value;
        }
      }
    } catch (NumberFormatException e) {
      throw wrong(what, least, most); // beyond 64 bits
    }
    throw wrong(what, least, most);
  }

  private static HttpProblem wrong(String what, long least, long most) {
    return new HttpProblem(
        HttpProblem.BAD_REQUEST,
        most == Long.MAX_VALUE
            ? String.format(Locale.ROOT, "%s is no number: give %d or more.", what, least)
            : String.format(Locale.ROOT, "%s is no number of %d to %d.", what, least, most));
  }
}
