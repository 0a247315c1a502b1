package dev.nibble.samples.serve;

import java.nio.ByteBuffer;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.handler.ErrorHandler;
import org.eclipse.jetty.util.Callback;
import org.jspecify.annotations.Nullable;

/** Says in JSON, too, what the HTTP server refuses before any of our code sees it. */
final class JsonErrors extends ErrorHandler {
  static final String TYPE = "application/json; charset=utf-8";

  @Override
  public boolean errorPageForMethod(String method) {
    return true;
  }

  @Override
  protected void generateResponse(
      Request request,
      Response response,
      int code,
      @Nullable String message,
      @Nullable Throwable cause,
      Callback callback) {
    response.getHeaders().put(HttpHeader.CONTENT_TYPE, TYPE);
    response.write(true, body(code), callback);
  }

  private static ByteBuffer body(int status) {
    return ByteBuffer.wrap(Json.bytes(Json.error(sentence(status))));
  }

  /** A sentence for a status that no route gave one for. */
  static String sentence(int status) {
    return switch (status) {
      case 400 -> "The request is no sound HTTP: correct its first line, headers or body.";
      case 404 -> "There is nothing here: open / for the page, or /api for what can be asked for.";
      case 405 -> "That route does not take this method: see /api for what it takes.";
      case 408 -> "The request took too long to arrive: send it anew.";
      case 413 -> "The request is too large: send a smaller one.";
      case 414 -> "The address is too long: shorten it.";
      case 431 -> "The headers are too large: send fewer.";
      case 503 -> "The service is busy or stopping: try again in a second.";
      default ->
          status < 500
              ? "The request can't be answered (status "
                  + status
                  + "): see /api for what can be asked for."
              : "The service failed at this request (status " + status + "): its log says why.";
    };
  }
}
