package dev.nibble.kernels.cublas;

import dev.nibble.kernels.DeviceException;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.Workload;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The choice between a device and the CPU, made for each workload by a measurement of its largest
 * convolution, once for each. Copies cost more than products where channels are few or a batch is
 * small, so a device does not win by being there.
 */
public final class AutoKernels extends HostDelegate {
  /** The largest convolution and all that the time of its passes depends on. */
  private record Question(Convolution op, int picturesPerShard, int threads) {}

  private final CublasKernels device;
  private final Consumer<DeviceException> onFailure;
  private final Map<Question, Boolean> answers = new ConcurrentHashMap<>();

  /**
   * Lets a device compete with its own host's kernels.
   *
   * @param onFailure is told why a device that was there lost without a measurement
   */
  public AutoKernels(CublasKernels device, Consumer<DeviceException> onFailure) {
    super(device.host());
    this.device = device;
    this.onFailure = onFailure;
  }

  @Override
  public String name() {
    return "auto";
  }

  @Override
  public String description() {
    return "%s; for a network whose largest convolution it computes faster: %s"
        .formatted(host().description(), device.description());
  }

  /**
   * The device's kernels if they win, else the CPU's; also if the device fails, or has failed
   * before. What only predicts is the CPU's: its few pictures at a time are not worth the copies,
   * and no first prediction shall wait for a measurement.
   */
  @Override
  public Kernels select(Workload workload) {
    return select(workload, Long.MAX_VALUE);
  }

  @Override
  public Kernels select(Workload workload, long most) {
    Optional<Convolution> largest =
        workload.stages().stream()
            .map(Stage::operator)
            .filter(ConvolutionGrid::covers)
            .map(Convolution.class::cast)
            .max(Comparator.comparingLong(Convolution::multiplyAdds));
    if (largest.isEmpty() || !workload.trains() || device.hasFailed()) {
      return host();
    }
    Question question =
        new Question(largest.get(), workload.picturesPerShard(), workload.threads());
    Boolean answer = answers.computeIfAbsent(question, asked -> deviceWins(asked, most));
    return Boolean.TRUE.equals(answer) ? device : host();
  }

  /**
   * No answer where the thread is interrupted or the memory too little: whoever asks next has it
   * measured again.
   */
  private @Nullable Boolean deviceWins(Question question, long most) {
    // Where the CPU may stand in for want of device memory, it must not win for the device.
    Kernels challenger = device.withoutFallback();
    try (SpeedTrial trial =
        SpeedTrial.within(
            most,
            question.op(),
            question.picturesPerShard(),
            question.threads(),
            List.of(challenger, host()))) {
      return trial == null ? null : trial.isFaster(challenger, host());
    } catch (DeviceException e) {
      onFailure.accept(e);
      return false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return null;
    }
  }
}
