package dev.nibble.samples.serve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.kernels.DeviceException;
import dev.nibble.kernels.KernelSession;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.provider.KernelProvider;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A device that fails while it serves: clients and operators are told, and nothing is lost. */
class DeviceFaultTest {
  private static final String FAILURE = "The GPU failed: cublasSgemm_v2 failed with A_STATUS (13)";

  private final AtomicBoolean broken = new AtomicBoolean();

  /** Kernels of a device that can be broken. */
  private Kernels device() {
    Kernels cpu = KernelProvider.choose("scalar");
    return (Kernels)
        Proxy.newProxyInstance(
            Kernels.class.getClassLoader(),
            new Class<?>[] {Kernels.class},
            (proxy, method, arguments) ->
                switch (method.getName()) {
                  case "select" -> proxy;
                  case "open" -> KernelSession.of((Kernels) proxy);
                  case "forward" -> {
                    if (broken.get()) {
                      throw new DeviceException("A_STATUS", 13, "cublasSgemm_v2", "", false);
                    }
                    yield method.invoke(cpu, arguments);
                  }
                  default -> method.invoke(cpu, arguments);
                });
  }

  @Test
  void clientsAreToldInOneSentence(@TempDir Path home) {
    try (Tiny tiny = Tiny.trained(Tiny.options(home), device())) {
      byte[] picture = Tiny.picture(true, 1);
      assertThat(tiny.client.post("/predict", picture).status()).isEqualTo(200);
      broken.set(true);
      Client.Reply reply = tiny.client.post("/predict", picture);
      assertThat(reply.status()).isEqualTo(503);
      assertThat(reply.error()).startsWith(FAILURE + ". ").contains("--kernels vector");
      broken.set(false);
      assertThat(tiny.client.post("/predict", picture).status()).isEqualTo(200);
    }
  }
}
