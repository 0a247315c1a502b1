package dev.nibble.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What Linux itself says about a slab's memory. */
class HugePagesTest {
  private static final Path SMAPS = Path.of("/proc/self/smaps");
  private static final Path MODE = Path.of("/sys/kernel/mm/transparent_hugepage/enabled");
  private static final long HUGE = 2L << 20;

  /** A slab that ends within a huge page, and within a page. */
  private static final long BYTES = 8 * HUGE + 3 * 4096 + 64;

  @BeforeEach
  void needsLinuxWithHugePages() throws IOException {
    assumeTrue(Files.isReadable(SMAPS), "only Linux tells in " + SMAPS);
    assumeTrue(Files.isReadable(MODE), "this kernel has no transparent huge pages");
    String mode = Files.readString(MODE);
    assumeTrue(!mode.contains("[never]"), "transparent huge pages are turned off");
    assumeTrue(Slab.class.getModule().isNativeAccessEnabled(), "native access is not enabled here");
  }

  @Test
  void areThereWhenReported() throws IOException {
    try (MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
        Slab slab = Slab.allocate(account, BYTES, "slab")) {
      assertThat(slab.hugePages()).isTrue();
      assertThat(slab.segment().address() % HUGE).isZero();
      slab.segment().fill((byte) 1);

      Map<String, String> mapping = mappingAt(slab.segment().address());
      assertThat(mapping.getOrDefault("VmFlags", "").split(" ")).as("advised").contains("hg");
      assertThat(kibibytes(mapping, "AnonHugePages")).isBetween(1L, BYTES / HUGE * HUGE / 1024);
    }
  }

  @Test
  void addNothingToWhatIsResident() throws IOException {
    try (MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
        Slab slab = Slab.allocate(account, BYTES, "slab")) {
      long address = slab.segment().address();
      assertThat(kibibytes(mappingAt(address), "Rss")).as("untouched").isZero();
      slab.segment().fill((byte) 1);
      Map<String, String> mapping = mappingAt(address);
      long page = kibibytes(mapping, "KernelPageSize");
      assertThat(kibibytes(mapping, "Rss")).isEqualTo((BYTES / 1024 + page) / page * page);
      assertThat(kibibytes(mapping, "Size")).isEqualTo(kibibytes(mapping, "Rss"));
    }
  }

  @Test
  void areGivenBack() throws IOException {
    long address;
    try (MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
        Slab slab = Slab.allocate(account, 64 * HUGE, "slab")) {
      slab.segment().fill((byte) 1);
      address = slab.segment().address();
      assertThat(kibibytes(mappingAt(address), "Rss")).isEqualTo(64 * HUGE / 1024);
    }
    // Something else may have been mapped there since, but not our 128 MiB.
    assertThat(kibibytes(mappingAt(address), "Rss")).isLessThan(64 * HUGE / 1024);
  }

  @Test
  void areNotClaimedForSmallSlabs() {
    try (MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
        Slab slab = Slab.allocate(account, HUGE - 64, "slab")) {
      assertThat(slab.hugePages()).isFalse();
    }
  }

  /** The entry of smaps that holds an address, by field; empty if nothing is mapped there. */
  private static Map<String, String> mappingAt(long address) throws IOException {
    Map<String, String> fields = new HashMap<>();
    boolean inside = false;
    for (String line : Files.readAllLines(SMAPS)) {
      String[] words = line.split(" +", 2);
      if (words[0].endsWith(":")) {
        if (inside) {
          fields.put(words[0].substring(0, words[0].length() - 1), words[1]);
        }
      } else {
        String[] range = words[0].split("-", 2);
        inside =
            Long.compareUnsigned(address, Long.parseUnsignedLong(range[0], 16)) >= 0
                && Long.compareUnsigned(address, Long.parseUnsignedLong(range[1], 16)) < 0;
      }
    }
    return fields;
  }

  private static long kibibytes(Map<String, String> mapping, String field) {
    return Long.parseLong(mapping.getOrDefault(field, "0 kB").replace(" kB", "").strip());
  }
}
