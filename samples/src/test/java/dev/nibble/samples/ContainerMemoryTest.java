package dev.nibble.samples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.memory.MemoryAccount;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The limits that control groups of both versions set, as the kernel shows them. */
class ContainerMemoryTest {
  private static final long MIB = 1L << 20;
  private static final long MACHINE = 16L << 30;
  private static final String V1 =
      "35 25 0:30 %s /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n";
  private static final String V2 =
      "26 21 0:24 %s /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";

  @TempDir private Path root;

  private void write(String file, String text) throws IOException {
    Path path = root.resolve(file);
    Files.createDirectories(Objects.requireNonNull(path.getParent()));
    Files.writeString(path, text);
  }

  private void process(String groups, String mounts) throws IOException {
    write("proc/self/cgroup", groups);
    write(
        "proc/self/mountinfo",
        "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw\n" + mounts);
  }

  @Test
  void version2SeesItsOwnGroupAsTheTop() throws IOException {
    process("0::/\n", V2.formatted("/"));
    write("sys/fs/cgroup/memory.max", 150 * MIB + "\n");
    assertThat(ContainerMemory.limit(root, MACHINE)).isEqualTo(150 * MIB);
  }

  @Test
  void version2TakesTheLeastOfTheGroupsAbove() throws IOException {
    process("0::/pod/box\n", V2.formatted("/"));
    write("sys/fs/cgroup/pod/box/memory.max", "max\n");
    write("sys/fs/cgroup/pod/memory.max", 300 * MIB + "\n");
    assertThat(ContainerMemory.limit(root, MACHINE)).isEqualTo(300 * MIB);
    write("sys/fs/cgroup/pod/box/memory.max", 200 * MIB + "\n");
    assertThat(ContainerMemory.limit(root, MACHINE)).isEqualTo(200 * MIB);
  }

  @Test
  void version1IsFoundAmongItsControllers() throws IOException {
    String groups = "4:memory:/docker/abc\n3:cpu,cpuacct:/other\n0::/\n";
    process(groups, V1.formatted("/docker/abc"));
    write("sys/fs/cgroup/memory/memory.limit_in_bytes", 512 * MIB + "\n");
    assertThat(ContainerMemory.limit(root, MACHINE)).isEqualTo(512 * MIB);
    process(groups, V1.formatted("/"));
    write("sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", 256 * MIB + "\n");
    assertThat(ContainerMemory.limit(root, MACHINE)).isEqualTo(256 * MIB);
  }

  @Test
  void whatLimitsNothingIsNoLimit() throws IOException {
    assertThat(ContainerMemory.limit(root, MACHINE)).as("no /proc").isNull();
    process("0::/\n", V2.formatted("/"));
    assertThat(ContainerMemory.limit(root, MACHINE)).as("no file").isNull();
    write("sys/fs/cgroup/memory.max", "max\n");
    assertThat(ContainerMemory.limit(root, MACHINE)).as("max").isNull();
    write("sys/fs/cgroup/memory.max", 2 * MACHINE + "\n");
    assertThat(ContainerMemory.limit(root, MACHINE)).as("more than there is").isNull();
    process("4:memory:/a\n", V1.formatted("/"));
    write("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "9223372036854771712\n");
    assertThat(ContainerMemory.limit(root, MACHINE)).as("version 1 without a limit").isNull();
    process("0::/../../etc\n", V2.formatted("/") + "nonsense\n\n- -\n");
    assertThat(ContainerMemory.limit(root, MACHINE)).as("nonsense").isNull();
  }

  @Test
  void aContainersLimitIsTheDefaultAndLeavesTheJvmItsShare() {
    MemoryLimit limit = MemoryLimit.of(null, 512 * MIB);
    assertThat(limit.bytes()).isEqualTo(512 * MIB - MemoryLimit.JVM_BYTES);
    assertThat(limit.source()).contains("container");
    assertThat(MemoryLimit.of(null, null).bytes()).isEqualTo(MemoryAccount.UNLIMITED);
    assertThatThrownBy(() -> MemoryLimit.of(null, 150 * MIB))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("This container allows 150 MiB")
        .hasMessageContaining("--memory-limit");
    MemoryLimit given = MemoryLimit.of("283MiB", 150 * MIB);
    assertThat(given.bytes()).isEqualTo(283 * MIB);
    StringWriter err = new StringWriter();
    given.warn(new PrintWriter(err));
    assertThat(err.toString()).contains("--memory-limit is 283 MiB", "allows 150 MiB");
    StringWriter silent = new StringWriter();
    MemoryLimit.of("100MiB", 512 * MIB).warn(new PrintWriter(silent));
    assertThat(silent.toString()).isEmpty();
  }
}
