package dev.nibble.samples.serve;

/** The routes of the page and its files. */
final class PageRoutes {
  private final Assets assets = new Assets();

  void addTo(Api.Routes routes) {
    routes.get("/", request -> assets.page());
    routes.get("/api", request -> assets.reference());
    routes.get("/openapi.json", request -> assets.openApi());
    routes.get("/assets/{name}", request -> assets.file(request.pathParam("name")));
    routes.get("/webjars/uplot/<path>", request -> assets.charts(request.pathParam("path")));
  }
}
