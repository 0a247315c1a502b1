package dev.nibble.samples.serve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.data.loading.Augmentation;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import org.openqa.selenium.By;
import org.openqa.selenium.Keys;
import org.openqa.selenium.StaleElementReferenceException;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.interactions.Actions;
import org.openqa.selenium.logging.LogEntry;
import org.openqa.selenium.logging.LogType;
import org.openqa.selenium.support.ui.WebDriverWait;

/** The page as a user meets it: what it says, and what can be done to it. */
final class PageView {
  /** Steps of one pass over the service's pictures. */
  static final int STEPS = 4;

  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final Duration GLANCE = Duration.ofMillis(50);

  private static final String GIVE =
      """
      const [kind, base64, name, type] = arguments;
      const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      const data = new DataTransfer();
      data.items.add(new File([bytes], name, { type }));
      const how = { bubbles: true, cancelable: true };
      const zone = document.getElementById("drop");
      if (kind === "paste") {
        document.body.dispatchEvent(new ClipboardEvent("paste", { ...how, clipboardData: data }));
      } else {
        for (const step of ["dragenter", "dragover", "drop"]) {
          zone.dispatchEvent(new DragEvent(step, { ...how, dataTransfer: data }));
        }
      }
      """;

  private final ChromeDriver driver;

  PageView(ChromeDriver driver) {
    this.driver = driver;
  }

  /** A service with a training of so many passes. */
  static Tiny service(Path home, int epochs, ServiceOptions.Http http) {
    ServiceOptions.Training training =
        new ServiceOptions.Training("resnet8", 1, 4, epochs, 0.01f, 16, Augmentation.NONE, 0.5);
    return Tiny.open(Tiny.options(home, http, training));
  }

  static String address(Tiny service) {
    return "http://127.0.0.1:%d/".formatted(service.service.port());
  }

  /** Opens the page and waits until it hears of events and there is a model. */
  void open(Tiny service) {
    driver.get(address(service));
    awaitState("connection", "live");
    await("a first version", () -> version() > 0);
    awaitNot("training", () -> "running".equals(state("state")));
  }

  /** Drops a file on the zone, as a mouse would. */
  void drop(byte[] bytes, String name, String type) {
    give("drop", bytes, name, type);
  }

  /** Pastes a file from the clipboard. */
  void paste(byte[] bytes, String name, String type) {
    give("paste", bytes, name, type);
  }

  private void give(String kind, byte[] bytes, String name, String type) {
    run(GIVE, kind, Base64.getEncoder().encodeToString(bytes), name, type);
  }

  WebElement find(String id) {
    return driver.findElement(By.id(id));
  }

  List<WebElement> all(String selector) {
    return driver.findElements(By.cssSelector(selector));
  }

  /** The text of an element as it is seen. */
  String text(String id) {
    return find(id).getText();
  }

  String title() {
    return Objects.requireNonNull(driver.getTitle());
  }

  /** An element's state, which its colour follows. */
  String state(String id) {
    return Objects.requireNonNull(find(id).getDomAttribute("data-state"));
  }

  /** The version that the head of the page names, or 0. */
  long version() {
    String version = find("current").getDomAttribute("data-version");
    return version == null || version.isEmpty() ? 0 : Long.parseLong(version);
  }

  /** Points of the training's curve that are on the canvas. */
  int points(String chart) {
    WebElement plot = driver.findElement(By.cssSelector("#" + chart + " .plot"));
    String points = plot.getDomAttribute("data-points");
    return points == null ? 0 : Integer.parseInt(points);
  }

  /** What has the focus: its id, or the name of its element. */
  String focused() {
    return string("const e = document.activeElement; return e.id || e.localName;");
  }

  /** Presses a key where the focus is. */
  void press(CharSequence... keys) {
    new Actions(driver).sendKeys(keys).perform();
  }

  /** Presses Tab until something has the focus, but no more than twenty times. */
  void tabTo(String id) {
    for (int presses = 0; !focused().equals(id) && presses < 20; presses++) {
      press(Keys.TAB);
    }
    assertThat(focused()).isEqualTo(id);
  }

  Object run(String script, Object... arguments) {
    Object result = driver.executeScript(script, arguments);
    return result == null ? "" : result;
  }

  String string(String script, Object... arguments) {
    return run(script, arguments).toString();
  }

  /** Whether a script left something under a name of the window. */
  boolean isSet(String name) {
    return Boolean.parseBoolean(string("return Boolean(window[arguments[0]]);", name));
  }

  List<?> list(String script) {
    return (List<?>) run(script);
  }

  /** Makes the system look dark or light to the page. */
  void scheme(String name) {
    driver.executeCdpCommand(
        "Emulation.setEmulatedMedia",
        Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", name))));
  }

  /** Makes the window so wide, in pixels of the style sheet. */
  void width(int pixels) {
    driver.executeCdpCommand(
        "Emulation.setDeviceMetricsOverride",
        Map.of("width", pixels, "height", 800, "deviceScaleFactor", 1, "mobile", false));
  }

  void await(String what, BooleanSupplier condition) {
    new WebDriverWait(driver, PATIENCE, GLANCE)
        // The page draws its lists anew whenever the service tells something.
        .ignoring(StaleElementReferenceException.class)
        .withMessage(() -> what + " on the page: " + string("return document.body.innerText;"))
        .until(any -> condition.getAsBoolean());
  }

  void awaitNot(String what, BooleanSupplier condition) {
    await("end of " + what, () -> !condition.getAsBoolean());
  }

  void awaitState(String id, String state) {
    await(id + " " + state, () -> state(id).equals(state));
  }

  void awaitText(String id, String text) {
    await("'" + text + "' in " + id, () -> text(id).contains(text));
  }

  /** Fails if the page broke its own security policy, or a script failed. */
  void assertNoFaults() {
    assertThat(driver.manage().logs().get(LogType.BROWSER).getAll())
        .extracting(LogEntry::getMessage)
        // A refusal of the service and a lost connection are told here too, and to the user.
        .filteredOn(message -> !message.contains("Failed to load resource"))
        .filteredOn(message -> !message.contains("net::ERR_"))
        .isEmpty();
  }
}
