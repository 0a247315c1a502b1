package dev.nibble.samples.serve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.json.JsonValue.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.openqa.selenium.By;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;

/** What a user does on the page, in a real browser before a real service. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@SuppressWarnings("NullAway.Init") // set before all
class PageTest {
  private static final int EPOCHS = 15;
  private static final byte[] NO_PICTURE = "this is text".getBytes(StandardCharsets.UTF_8);

  private ChromeDriver driver;
  private Tiny service;
  private PageView page;

  @BeforeAll
  void start(@TempDir Path folder) {
    driver = Browser.start(folder.resolve("profile"));
    service = PageView.service(folder.resolve("home"), EPOCHS, Tiny.http());
    page = new PageView(driver);
  }

  @AfterAll
  void stop() {
    try {
      if (driver != null) {
        driver.quit();
      }
    } finally {
      if (service != null) {
        service.close();
      }
    }
  }

  @BeforeEach
  void open() {
    page.open(service);
  }

  @AfterEach
  void assertNoFaults() {
    page.assertNoFaults();
  }

  @Test
  void aDroppedPictureShowsItsClass() {
    byte[] picture = Tiny.picture(true, 1);

    page.drop(picture, "picture.png", "image/png");

    JsonObject answer = service.client.post("/predict", picture).json();
    String label = answer.get("label").asString();
    page.awaitText("answer-label", label);
    assertThat(page.text("picture-note")).isEqualTo("picture.png, 8 × 8");
    assertThat(page.all("#classes li")).hasSize(2);
    double share =
        answer.get("classes").asList().getFirst().asObject().get("probability").asDouble();
    String percent = String.format(Locale.ROOT, "%.1f %%", 100 * share);
    assertThat(page.text("classes")).startsWith(label + "\n" + percent);
    assertThat(page.text("answer-note")).isEqualTo(percent + " by version " + page.version());
    assertThat(page.string("return String(document.getElementById('preview').width);"))
        .as("the picture is drawn in whole pixels")
        .isEqualTo("112");
  }

  @Test
  void aPastedPictureShowsItsClass() {
    page.paste(Tiny.picture(true, 1), "", "image/png");

    page.awaitNot("no answer", () -> page.text("answer-label").isEmpty());
    assertThat(page.text("picture-note")).startsWith("Pasted picture");
  }

  @Test
  void aChosenPictureIsAddedWithItsLabel(@TempDir Path folder) throws IOException {
    Path file = Files.write(folder.resolve("picture.png"), Tiny.picture(true, 1));
    long before = service.client.get("/examples").json().get("count").asLong();

    page.find("file").sendKeys(file.toString());
    page.awaitNot("no answer", () -> page.text("answer-label").isEmpty());
    assertThat(page.all("#labels option"))
        .extracting(e -> e.getDomAttribute("value"))
        .contains("rows", "columns");
    page.find("label").sendKeys("disc", Keys.ENTER);

    page.awaitText("classify-status", "labelled disc");
    page.await("count", () -> page.text("example-count").equals(String.valueOf(before + 1)));
    assertThat(page.text("example-labels")).contains("disc");
    assertThat(service.client.get("/examples").json().get("count").asLong()).isEqualTo(before + 1);
    assertThat(page.find("label").getDomProperty("value")).isEmpty();
  }

  @Test
  void aRefusedPictureShowsTheServersSentence() {
    page.drop(NO_PICTURE, "text.png", "image/png");

    page.awaitText("classify-error", service.client.post("/predict", NO_PICTURE).error());
    assertThat(page.find("result").isDisplayed()).isFalse();
  }

  @Test
  void aRefusedLabelShowsTheServersSentence() {
    byte[] picture = Tiny.picture(true, 1);
    page.drop(picture, "picture.png", "image/png");
    page.awaitNot("no answer", () -> page.text("answer-label").isEmpty());

    page.find("label").sendKeys("a\u200Bb", Keys.ENTER);

    page.awaitText(
        "add-error", service.client.post("/examples?label=a%E2%80%8Bb", picture).error());
  }

  @Test
  void aRetrainingMovesTheCurveAndChangesTheVersion() {
    long before = page.version();
    page.drop(Tiny.picture(true, 1), "picture.png", "image/png");
    page.awaitNot("no answer", () -> page.text("answer-label").isEmpty());
    page.run(
        """
        window.seen = [];
        window.titles = [];
        const plot = document.querySelector("#loss-chart .plot");
        new MutationObserver(() => window.seen.push(Number(plot.dataset.points)))
            .observe(plot, { attributes: true, attributeFilter: ["data-points"] });
        new MutationObserver(() => window.titles.push(document.title))
            .observe(document.querySelector("title"), { childList: true });
        """);

    page.find("retrain").click();
    page.await("a new version", () -> page.version() > before);
    page.awaitState("state", "accepted");
    int steps = service.client.get("/history").json().get("steps").asList().size();
    page.await("the whole curve", () -> page.points("loss-chart") == steps);

    assertThat(steps).isGreaterThanOrEqualTo(EPOCHS * PageView.STEPS);
    assertThat(page.points("accuracy-chart")).isEqualTo(steps);
    assertThat(page.list("return window.seen.filter((n, i, all) => i > 0 && n > all[i - 1]);"))
        .as("points on the canvas as the training went on")
        .hasSizeGreaterThan(1);
    assertThat(page.list("return window.titles;"))
        .anyMatch(t -> t.toString().matches("[0-9]+ % · Nibble"));
    assertThat(page.title()).isEqualTo("Nibble");
    assertThat(page.text("training-message"))
        .isEqualTo(
            service
                .client
                .get("/status")
                .json()
                .get("training")
                .asObject()
                .get("message")
                .asString());
    assertThat(page.all("#epoch-rows tr")).hasSize(EPOCHS);
    assertThat(page.all("#version-rows .is-current"))
        .extracting(WebElement::getText)
        .singleElement()
        .asString()
        .startsWith((before + 1) + " current");
    // The picture on show is asked about again.
    page.awaitText("answer-note", "by version " + (before + 1));
    assertThat(page.text("memory-limit-text")).endsWith("64.0 MiB");

    rollBackByKeyboard(before);
    openLate(steps);
  }

  private void rollBackByKeyboard(long before) {
    page.tabTo("rollback");
    page.press(Keys.ENTER);
    page.awaitText("rollback-text", "Version " + before + " answers from then on.");
    page.press(Keys.TAB, Keys.ENTER);
    page.await("the version before", () -> page.version() == before);
    assertThat(service.client.get("/model").json().get("current").asLong()).isEqualTo(before);
    page.await("focus back", () -> List.of("rollback", "body").contains(page.focused()));
    chooseAVersion(before + 1);
  }

  private void chooseAVersion(long version) {
    page.all("#version-rows button").getFirst().click();
    page.awaitText("rollback-text", "Version " + version + " answers from then on.");
    page.press(Keys.TAB, Keys.ENTER);
    page.await("the chosen version", () -> page.version() == version);
    page.find("by-class").findElement(By.tagName("summary")).click();
    page.await("figures of each class", () -> page.all("#class-rows tr").size() == 2);
  }

  private void openLate(int steps) {
    page.open(service);
    page.await("the curve of a training that is over", () -> page.points("loss-chart") == steps);
  }

  @Test
  void examplesAreLookedThroughRelabelledAndDeleted() {
    // Too few of a new label for a class: other tests count the classes.
    for (int i = 0; i < 23; i++) {
      String label = i < 22 ? "rows" : "caf%C3%A9";
      service.client.post("/examples?label=" + label, Tiny.picture(true, i));
    }
    long newest =
        service
            .client
            .get("/examples?limit=1")
            .json()
            .get("examples")
            .asList()
            .getFirst()
            .asObject()
            .get("id")
            .asLong();

    page.find("examples").findElement(By.tagName("summary")).click();
    page.await("a page", () -> page.all("#example-list li").size() == 20);
    assertThat(page.all("#example-list .name").getFirst().getText()).isEqualTo("café");
    page.await(
        "the picture",
        () ->
            page.string("return document.querySelector('#example-list canvas').width;")
                .equals("8"));
    page.find("examples-more").click();
    page.await("more", () -> page.all("#example-list li").size() >= 23);

    press(newest, "Change");
    page.find("relabel-label").clear();
    page.find("relabel-label").sendKeys("猫", Keys.ENTER);
    page.await(
        "the new label",
        () ->
            page.string("return document.querySelector('#example-list .name').textContent;")
                .equals("猫"));
    assertThat(service.client.get("/examples/" + newest).json().get("label").asString())
        .isEqualTo("猫");

    press(newest, "Delete");
    page.awaitText("delete-text", "labelled 猫");
    page.press(Keys.TAB, Keys.ENTER);
    page.await("one less", () -> page.all("#example-list li[data-id='" + newest + "']").isEmpty());
    assertThat(service.client.get("/examples/" + newest).status()).isEqualTo(404);
  }

  private void press(long id, String text) {
    page.await(
        text + " of " + id,
        () -> {
          List<WebElement> buttons =
              page.all("#example-list li[data-id='" + id + "'] button").stream()
                  .filter(each -> each.getText().equals(text))
                  .toList();
          buttons.forEach(WebElement::click);
          return !buttons.isEmpty();
        });
  }

  @Test
  void theInterfaceIsExplained() {
    driver.get(PageView.address(service) + "api");
    page.await("every route", () -> page.all("article").size() >= 25);
    assertThat(page.all("article h3"))
        .extracting(WebElement::getText)
        .anyMatch(text -> text.contains("PATCH") && text.contains("/examples/{id}"));
    assertThat(page.text("failure")).isEmpty();
    assertThat(page.text("first")).contains(PageView.address(service) + "predict");
  }
}
