package dev.nibble.samples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;

class LiveLineTest {
  private final StringWriter text = new StringWriter();
  private final PrintWriter out = new PrintWriter(text);

  @Test
  void movesOnATerminalAndIsCutToItsWidth() {
    LiveLine line = new LiveLine(out, true, false, 10);
    line.show("0123456789abc");
    line.show("short");
    line.print("stays");
    assertThat(text.toString())
        .isEqualTo("\r012345678\u001b[K\rshort\u001b[K\r\u001b[Kstays" + System.lineSeparator());
  }

  @Test
  void isALineOfItsOwnInALog() {
    LiveLine line = new LiveLine(out, false, false, 10);
    line.show("0123456789abc");
    line.clear();
    assertThat(text.toString()).isEqualTo("0123456789abc" + System.lineSeparator());
  }

  @Test
  void isNeverDueWhereNobodyWantsIt() throws InterruptedException {
    LiveLine silent = new LiveLine(out, true, true, 10);
    LiveLine moving = new LiveLine(out, true, false, 10);
    Thread.sleep(300);
    assertThat(moving.isDue()).isTrue();
    assertThat(silent.isDue()).isFalse();
  }
}
