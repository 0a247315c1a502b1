package dev.nibble.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Slabs on a system that is not Linux, as far as its name makes one. */
class PlainPagesTest {
  private static final String SYSTEM = "os.name";
  private static final long BYTES = 3 * LinuxMemory.HUGE_PAGE + 64;

  private String system = "";

  @BeforeEach
  void remember() {
    system = System.getProperty(SYSTEM, "");
  }

  @AfterEach
  void restore() {
    System.setProperty(SYSTEM, system);
  }

  @ParameterizedTest
  @ValueSource(strings = {"Windows 11", "Mac OS X", "FreeBSD"})
  void areAlignedZeroedAndGivenBack(String name) {
    System.setProperty(SYSTEM, name);
    assertThat(LinuxMemory.instance()).isNull();
    assertThat(LinuxMemory.whyPlainPages()).isEqualTo("only Linux is asked for them");
    try (MemoryAccount account = MemoryAccount.root("test", 4 * LinuxMemory.HUGE_PAGE)) {
      for (int i = 0; i < 3; i++) { // more than the account holds, were one not given back
        try (Slab slab = Slab.allocate(account, BYTES, "slab")) {
          assertThat(slab.hugePages()).isFalse();
          assertThat(slab.segment().byteSize()).isEqualTo(BYTES);
          assertThat(slab.segment().address() % Slab.ALIGNMENT).isZero();
          MemorySegment zeros = MemorySegment.ofArray(new byte[(int) BYTES]);
          assertThat(slab.segment().mismatch(zeros)).isEqualTo(-1);
          slab.segment().fill((byte) 1);
        }
      }
    }
  }
}
