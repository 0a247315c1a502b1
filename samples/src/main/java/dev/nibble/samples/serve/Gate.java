package dev.nibble.samples.serve;

import io.javalin.http.Context;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Decides who may ask at all: clients that show the token, if there is one, and no page of another
 * site that a browser happens to show.
 */
final class Gate {
  private static final String SCHEME = "Bearer ";

  /** The page, what describes the interface, and what a supervisor asks, who needs no secret. */
  private static final Set<String> OPEN = Set.of("/", "/api", "/openapi.json", "/health");

  private final byte @Nullable [] token;
  private final boolean loopback;

  Gate(ServiceOptions.Http options) {
    String text = options.token();
    this.token = text == null ? null : text.getBytes(StandardCharsets.UTF_8);
    this.loopback = isLoopback(options.host());
  }

  /** Whether an address is this machine's own, which no other can reach. */
  static boolean isLoopback(String host) {
    if (host.equalsIgnoreCase("localhost")) {
      return true;
    }
    return host.matches("127(\\.[0-9]{1,3}){3}") || Set.of("::1", "[::1]").contains(host);
  }

  /**
   * Lets a request pass, or not.
   *
   * @throws HttpProblem if it may not
   */
  void check(Context request) {
    checkSite(request);
    String path = request.path();
    boolean open =
        OPEN.contains(path) || path.startsWith("/assets/") || path.startsWith("/webjars/");
    if (token == null || open) {
      return;
    }
    String header = request.header("Authorization");
    String shown =
        header != null && header.regionMatches(true, 0, SCHEME, 0, SCHEME.length())
            ? header.substring(SCHEME.length()).strip()
            : null;
    if (shown == null && path.equals("/events")) {
      shown = request.queryParam("token"); // a browser's EventSource sends no headers of its own
    }
    // In a time that does not tell how much of it was right.
    if (shown == null || !MessageDigest.isEqual(token, shown.getBytes(StandardCharsets.UTF_8))) {
      throw new HttpProblem(
          HttpProblem.UNAUTHORIZED,
          "This service wants a token: send the header 'Authorization: Bearer TOKEN'.");
    }
  }

  /** What is open to this machine only must not be open to every page its browsers show. */
  private void checkSite(Context request) {
    String host = request.header("Host");
    if (loopback && host != null && !isLoopback(withoutPort(host))) {
      throw new HttpProblem(
          HttpProblem.FORBIDDEN,
          "This service answers to this machine's own names only: ask for 127.0.0.1 or localhost.");
    }
    String origin = request.header("Origin");
    if (origin != null && !isSame(origin, host)) {
      throw new HttpProblem(
          HttpProblem.FORBIDDEN,
          "A page of another site may not use this service: open the service's own page.");
    }
  }

  private static boolean isSame(String origin, @Nullable String host) {
    try {
      String authority = URI.create(origin).getAuthority();
      return host != null
          && authority != null
          && authority.toLowerCase(Locale.ROOT).equals(host.toLowerCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  private static String withoutPort(String host) {
    int end = host.startsWith("[") ? host.indexOf(']') + 1 : host.indexOf(':');
    return end <= 0 ? host : host.substring(0, end);
  }
}
