package dev.nibble.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MachineTest {
  @Test
  void aGenericNameGetsFamilyAndModel() {
    assertThat(
            Machine.processor(
                List.of("cpu family\t: 25", "model\t\t: 17", "model name\t: AMD EPYC")))
        .isEqualTo("AMD EPYC (family 25 model 17)");
  }

  @Test
  void aFullNameStandsForItself() {
    assertThat(Machine.processor(List.of("model\t\t: 97", "model name\t: AMD Ryzen 9 7950X")))
        .isEqualTo("AMD Ryzen 9 7950X");
  }

  @Test
  void withoutANameThereIsTheArchitecture() {
    assertThat(Machine.processor(List.of())).isEqualTo(System.getProperty("os.arch"));
  }

  @Test
  void outsideOfACheckoutThereIsNoCommit(@TempDir Path folder) {
    assertThat(Machine.commit(folder)).isEqualTo("unknown");
    assertThat(Machine.commit(folder.resolve("missing"))).isEqualTo("unknown");
  }
}
