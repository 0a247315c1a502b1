package dev.nibble.samples.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.openqa.selenium.Keys;
import org.openqa.selenium.chrome.ChromeDriver;

/**
 * Whether everybody can use the page: by keyboard, in the dark, on a small screen, with a token,
 * and after a break.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@SuppressWarnings("NullAway.Init") // set before all
class PageAccessTest {
  /** Long enough to be cancelled. */
  private static final int EPOCHS = 1000;

  private static final String UNLABELLED =
      """
      return [...document.querySelectorAll("input, button, select, textarea, meter, progress, [role=meter], [role=img]")]
          .filter((e) => !(e.labels?.length || e.ariaLabel || e.getAttribute("aria-labelledby") || e.textContent.trim()))
          .map((e) => e.outerHTML);
      """;

  private static final String TWICE =
      """
      const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
      return ids.filter((id, i) => ids.indexOf(id) !== i);
      """;

  private static final String DANGLING =
      """
      return ["for", "list", "aria-labelledby", "aria-describedby"].flatMap((name) =>
          [...document.querySelectorAll(`[${name}]`)].flatMap((e) => e.getAttribute(name).split(" ")))
          .filter((id) => document.getElementById(id) === null);
      """;

  /** Texts that stand out from their ground less than 4.5 to 1, as WCAG 2.2 computes it. */
  private static final String FAINT =
      """
      const parse = (text) => {
        const [r, g, b, a = 1] = text.match(/[0-9.]+/g).map(Number);
        return [r, g, b, a];
      };
      const over = ([r, g, b, a], under) => [r, g, b].map((c, i) => c * a + under[i] * (1 - a));
      const ground = (e) => {
        if (e === null) return [255, 255, 255];
        const own = parse(getComputedStyle(e).backgroundColor);
        return own[3] === 1 ? own.slice(0, 3) : over(own, ground(e.parentElement));
      };
      const light = (colour) => colour
          .map((c) => c / 255)
          .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
          .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
      const texts = [...document.body.querySelectorAll("*")].filter((e) => e.checkVisibility({ visibilityProperty: true })
          && !e.closest(".unseen, noscript")
          && [...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.textContent.trim() !== ""));
      if (texts.length < 30) return ["only " + texts.length + " texts looked at"];
      return texts.map((e) => {
        const under = ground(e);
        const one = light(over(parse(getComputedStyle(e).color), under));
        const two = light(under);
        return [(Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05), e.textContent.trim()];
      }).filter(([ratio]) => ratio < 4.5).map(([ratio, text]) => ratio.toFixed(2) + " " + text);
      """;

  /** What can be pressed and is smaller than a finger, 44 pixels. */
  private static final String SMALL =
      """
      const all = [...document.querySelectorAll("button, a, summary, input:not(.unseen), .drop label")]
          .filter((e) => e.checkVisibility() && !e.classList.contains("skip"));
      if (all.length < 10) return ["only " + all.length + " looked at"];
      return all.map((e) => [e.getBoundingClientRect(), e])
          .filter(([box, e]) => box.height < 43.9 || (e.localName !== "label" && box.width < 43.9))
          .map(([box, e]) => `${box.width} x ${box.height} ${e.outerHTML}`);
      """;

  /** Keeps the first answer about examples until it is let go. */
  private static final String HOLD =
      """
      const ask = window.fetch;
      window.fetch = async (path, ...more) => {
        const answer = await ask(path, ...more);
        if (path !== "/examples?limit=0" || window.letGo) return answer;
        await new Promise((done) => { window.letGo = done; });
        setTimeout(() => { window.isShown = true; }, 200);
        return answer;
      };
      """;

  private ChromeDriver driver;
  private PageView page;
  private Path home;

  @BeforeAll
  void start(@TempDir Path folder) {
    driver = Browser.start(folder.resolve("profile"));
    page = new PageView(driver);
    home = folder.resolve("home");
  }

  @AfterAll
  void stop() {
    if (driver != null) {
      driver.quit();
    }
  }

  @AfterEach
  void assertNoFaults() {
    page.assertNoFaults();
  }

  @Test
  void everythingCanBeDoneByKeyboard(@TempDir Path own) {
    try (Tiny service = PageView.service(own, EPOCHS, Tiny.http())) {
      page.open(service);
      page.drop(Tiny.picture(true, 1), "picture.png", "image/png");
      page.awaitNot("no answer", () -> page.text("answer-label").isEmpty());
      page.await("the first training's curve", () -> page.points("loss-chart") > 0);
      page.await("Retrain", () -> page.find("retrain").isEnabled());
      page.run("document.activeElement.blur();");

      List<String> walk = new ArrayList<>();
      List<String> invisible = new ArrayList<>();
      for (int presses = 0; presses < 7; presses++) {
        page.press(Keys.TAB);
        walk.add(page.focused());
        if (!isFocusVisible()) {
          invisible.add(page.focused());
        }
      }
      assertThat(walk)
          .startsWith("a", "file", "label", "add-button", "summary", "retrain", "summary");
      assertThat(invisible.stream().filter(id -> !id.equals("body"))).isEmpty();

      page.run("document.activeElement.blur();");
      page.tabTo("retrain");
      page.press(Keys.ENTER);
      page.awaitState("state", "running");
      page.await("focus on Cancel", () -> page.focused().equals("cancel"));
      assertThat(page.find("retrain").isEnabled()).isFalse();
      page.await("a moving curve", () -> page.points("loss-chart") > 0);
      page.press(Keys.SPACE);
      page.awaitState("state", "cancelled");
      page.await("focus on Retrain", () -> page.focused().equals("retrain"));
    }
  }

  private boolean isFocusVisible() {
    // The file's own field is not seen: the zone around it shows its focus.
    return page.string(
            """
            const e = document.activeElement;
            const style = getComputedStyle(e.id === "file" ? document.getElementById("drop") : e);
            return style.outlineStyle === "solid" && parseFloat(style.outlineWidth) >= 2;
            """)
        .equals("true");
  }

  @ParameterizedTest
  @ValueSource(strings = {"light", "dark"})
  void isLabelledAndReadable(String scheme) {
    try (Tiny service = PageView.service(home, EPOCHS, Tiny.http())) {
      page.scheme(scheme);
      page.open(service);
      page.drop(Tiny.picture(true, 1), "picture.png", "image/png");
      page.awaitNot("no answer", () -> page.text("answer-label").isEmpty());
      page.find("label").sendKeys("a\u200Bb", Keys.ENTER);
      page.awaitNot("no error", () -> page.text("add-error").isEmpty());

      assertThat(page.list(UNLABELLED)).as("without a label").isEmpty();
      assertThat(page.list(TWICE)).as("ids used twice").isEmpty();
      assertThat(page.list(DANGLING)).as("ids that lead nowhere").isEmpty();
      assertThat(page.list(FAINT)).as("faint texts").isEmpty();
      assertThat(page.string("return document.documentElement.lang;")).isEqualTo("en");
      assertThat(page.all("h1")).hasSize(1);
      assertThat(page.all("main, header")).hasSize(2);
    } finally {
      page.scheme("");
    }
  }

  @Test
  void lightAndDarkSwitchLive() {
    try (Tiny service = PageView.service(home, EPOCHS, Tiny.http())) {
      page.scheme("light");
      page.open(service);
      String curve = "return document.querySelector('#loss-chart canvas').toDataURL();";
      String ground = "return getComputedStyle(document.body).backgroundColor;";
      String lightCurve = page.string(curve);
      String lightGround = page.string(ground);

      page.scheme("dark");

      page.awaitNot("light page", () -> page.string(ground).equals(lightGround));
      page.awaitNot("light chart", () -> page.string(curve).equals(lightCurve));
    } finally {
      page.scheme("");
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {390, 1280})
  void canBeUsedWithAFinger(int width) {
    try (Tiny service = PageView.service(home, EPOCHS, Tiny.http())) {
      service.client.post("/examples?label=rows", Tiny.picture(true, 1));
      page.width(width);
      page.open(service);
      page.drop(Tiny.picture(true, 1), "picture.png", "image/png");
      page.awaitNot("no answer", () -> page.text("answer-label").isEmpty());
      page.run("document.querySelectorAll('details').forEach((e) => { e.open = true; });");
      page.awaitNot("no example", () -> page.all("#example-list button").isEmpty());

      assertThat(page.list(SMALL)).isEmpty();
      assertThat(
              page.string(
                  "const e = document.documentElement; return e.scrollWidth - e.clientWidth;"))
          .as("pixels that stick out")
          .isEqualTo("0");
    } finally {
      driver.executeCdpCommand("Emulation.clearDeviceMetricsOverride", Map.of());
    }
  }

  @Test
  void fitsASmallScreen() {
    try (Tiny service = PageView.service(home, EPOCHS, Tiny.http())) {
      page.width(360);
      page.open(service);
      page.drop(
          Tiny.picture(true, 1),
          "a-name-that-is-far-too-long-for-a-small-screen-and-has-no-spaces.png",
          "image/png");
      page.awaitNot("no answer", () -> page.text("answer-label").isEmpty());

      assertThat(
              page.string(
                  "const e = document.documentElement; return e.scrollWidth - e.clientWidth;"))
          .as("pixels that stick out")
          .isEqualTo("0");
      page.await(
          "a chart as wide as its panel",
          () ->
              page.string(
                      """
                      const plot = document.querySelector("#loss-chart .plot");
                      return String(plot.querySelector(".u-wrap").clientWidth === plot.clientWidth);
                      """)
                  .equals("true"));
    } finally {
      driver.executeCdpCommand("Emulation.clearDeviceMetricsOverride", Map.of());
    }
  }

  @Test
  void asksForTheTokenThatTheServiceWants() {
    try (Tiny service = PageView.service(home, EPOCHS, Tiny.http().withToken("secret"))) {
      driver.get(PageView.address(service));
      page.await("question", () -> page.find("token-dialog").isDisplayed());
      page.press("wrong", Keys.ENTER);
      page.await(
          "question again",
          () ->
              page.find("token-dialog").isDisplayed()
                  && "".equals(page.find("token").getDomProperty("value")));
      page.press(Keys.ESCAPE);
      page.awaitState("connection", "denied");
      assertThat(page.text("notice-text")).contains("token").doesNotContain("Authorization");

      page.find("notice-button").click();
      page.await("question", () -> page.find("token-dialog").isDisplayed());
      page.press("secret", Keys.ENTER);
      page.awaitState("connection", "live");
      page.await("a version", () -> page.version() > 0);

      driver.navigate().refresh();
      page.awaitState("connection", "live");
      assertThat(page.find("token-dialog").isDisplayed()).as("asked twice").isFalse();
    } finally {
      page.run("sessionStorage.clear();");
    }
  }

  @Test
  void tellsALostConnectionAndTakesItUpAgain() {
    int port;
    try (Tiny service = PageView.service(home, EPOCHS, Tiny.http())) {
      port = service.service.port();
      page.open(service);
    }
    page.awaitState("connection", "lost");
    page.awaitText("notice-text", "lost");
    assertThat(page.find("retrain").isEnabled()).isFalse();

    try (Tiny service = PageView.service(home, EPOCHS, Tiny.http().at("127.0.0.1", port))) {
      page.awaitState("connection", "live");
      page.awaitNot("notice", () -> page.find("notice").isDisplayed());
      page.await("Retrain", () -> page.find("retrain").isEnabled());
      assertThat(service.service.port()).isEqualTo(port);
    }
  }

  /** Else the page shows what was, until the next event: no model yet, beside a version 1. */
  @Test
  void anAnswerThatAnEventOvertookDoesNotUndoIt() {
    Object script =
        driver
            .executeCdpCommand("Page.addScriptToEvaluateOnNewDocument", Map.of("source", HOLD))
            .get("identifier");
    try (Tiny service = PageView.service(home, EPOCHS, Tiny.http())) {
      page.open(service);
      page.await("an answer that is held", () -> page.isSet("letGo"));
      service.client.post("/examples?label=rows", Tiny.picture(true, 77));
      String count = Long.toString(service.client.get("/examples").json().get("count").asLong());
      page.awaitText("example-count", count);
      page.run("window.letGo();");
      page.await("the answer", () -> page.isSet("isShown"));
      assertThat(page.text("example-count")).isEqualTo(count);
    } finally {
      driver.executeCdpCommand(
          "Page.removeScriptToEvaluateOnNewDocument", Map.of("identifier", script));
    }
  }
}
