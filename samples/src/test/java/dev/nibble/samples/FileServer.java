package dev.nibble.samples;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/** A local HTTP server that can cut its connections in the middle of a file. */
final class FileServer implements AutoCloseable {
  private final ServerSocket socket;
  private final Map<String, byte[]> files = new ConcurrentHashMap<>();
  private final List<String> requests = new CopyOnWriteArrayList<>();
  private final AtomicInteger cuts = new AtomicInteger();
  private final boolean ranges;

  FileServer(boolean ranges) throws IOException {
    this.ranges = ranges;
    this.socket = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().start(this::serve);
  }

  /** The address that files' names are appended to. */
  URI address() {
    return URI.create("http://127.0.0.1:" + socket.getLocalPort() + "/");
  }

  void put(String name, byte[] content) {
    files.put(name, content);
  }

  /** Cuts the next connections after half of what they were to send. */
  void cutNext(int count) {
    cuts.set(count);
  }

  /** Each request's file and, if it had one, its range. */
  List<String> requests() {
    return requests;
  }

  private void serve() {
    while (!socket.isClosed()) {
      try (Socket connection = socket.accept()) {
        answer(connection);
      } catch (IOException e) {
        requests.add("failed: " + e); // a client that went away, or the end of the test
      }
    }
  }

  private void answer(Socket connection) throws IOException {
    BufferedReader in =
        new BufferedReader(
            new InputStreamReader(connection.getInputStream(), StandardCharsets.US_ASCII));
    String first = String.valueOf(in.readLine());
    int from = 0;
    String range = "";
    for (String line = in.readLine(); line != null && !line.isEmpty(); line = in.readLine()) {
      if (line.regionMatches(true, 0, "Range:", 0, 6)) {
        range = line.substring(6).strip();
        from = Integer.parseInt(range.replaceAll("bytes=(\\d+)-", "$1"));
      }
    }
    String name = first.split(" ", -1)[1].substring(1);
    requests.add((name + " " + range).strip());
    OutputStream out = connection.getOutputStream();
    byte[] content = files.get(name);
    if (content == null) {
      out.write(head("404 Not Found", 0, ""));
      return;
    }
    boolean partial = ranges && from > 0;
    int start = partial ? from : 0;
    if (start > content.length) {
      out.write(head("416 Range Not Satisfiable", 0, ""));
      return;
    }
    int length = content.length - start;
    String extra =
        partial
            ? "Content-Range: bytes %d-%d/%d\r\n"
                .formatted(start, content.length - 1, content.length)
            : "";
    out.write(head(partial ? "206 Partial Content" : "200 OK", length, extra));
    boolean cut = cuts.getAndUpdate(n -> Math.max(0, n - 1)) > 0;
    out.write(content, start, cut ? length / 2 : length);
  }

  private static byte[] head(String status, int length, String extra) {
    return "HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n%s\r\n"
        .formatted(status, length, extra)
        .getBytes(StandardCharsets.US_ASCII);
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
