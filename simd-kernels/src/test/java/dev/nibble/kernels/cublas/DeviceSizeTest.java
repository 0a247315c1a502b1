package dev.nibble.kernels.cublas;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class DeviceSizeTest {
  @Test
  void sizesAreWrittenInTheLargestUnitTheyReach() {
    assertThat(DeviceSize.format(0)).isEqualTo("0 bytes");
    assertThat(DeviceSize.format(1)).isEqualTo("1 byte");
    assertThat(DeviceSize.format(1023)).isEqualTo("1023 bytes");
    assertThat(DeviceSize.format(1024)).isEqualTo("1 KiB");
    assertThat(DeviceSize.format(1536)).isEqualTo("1.5 KiB");
    assertThat(DeviceSize.format((1L << 20) - 1)).isEqualTo("1 MiB");
    assertThat(DeviceSize.format(84_933_541_888L)).isEqualTo("79.1 GiB");
    assertThat(DeviceSize.format(Long.MAX_VALUE)).isEqualTo("8 EiB");
  }
}
