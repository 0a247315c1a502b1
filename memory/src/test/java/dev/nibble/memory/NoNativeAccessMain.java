package dev.nibble.memory;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

/** What {@link NoNativeAccessTest} runs in a JVM of its own. */
final class NoNativeAccessMain {
  private NoNativeAccessMain() {}

  public static void main(String[] args) {
    try (MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED)) {
      try (Slab slab = Slab.allocate(account, 8L << 20, "slab")) {
        slab.segment().set(JAVA_BYTE, slab.bytes() - 1, (byte) 1);
        System.out.println("bytes " + slab.bytes() + " huge " + slab.hugePages());
      }
      try (Slab slab = Slab.allocate(account, 1L << 60, "workspace")) {
        System.out.println("impossible: " + slab.bytes());
      } catch (MemoryLimitException e) {
        System.out.println("used " + account.used() + " " + e.getMessage());
      }
    }
  }
}
