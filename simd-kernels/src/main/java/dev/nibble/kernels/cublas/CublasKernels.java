package dev.nibble.kernels.cublas;

import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.DeviceException;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.HostKernels;
import dev.nibble.kernels.KernelSession;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.Workload;
import java.lang.System.Logger.Level;
import java.lang.foreign.MemorySegment;

/**
 * Kernels whose convolutions are multiplied by a GPU. They hold nothing of the device itself;
 * passes run in a session that it {@linkplain #open opens}.
 *
 * <p>Results are the same from run to run on one device, for any number of threads: every shard is
 * cut into the same groups, and every handle has its own workspace and stream.
 */
public final class CublasKernels extends HostDelegate {
  /** The provider's name. */
  public static final String NAME = "cublas";

  private final Cuda cuda;
  private final CudaOptions options;
  private final String description;

  /**
   * Kernels over a device.
   *
   * @throws CudaUnavailableException if it can't multiply as precisely as asked, or less so: what
   *     is recorded of a run would not be what was computed
   */
  CublasKernels(Cuda cuda, CudaOptions options, HostKernels host) throws CudaUnavailableException {
    super(host);
    this.cuda = cuda;
    this.options = options;
    int device = cuda.driver().device(0);
    String name = cuda.driver().deviceName(device);
    int capability = cuda.driver().capability(device);
    Precision precision = options.precision();
    if (capability < precision.capability()) {
      throw new CudaUnavailableException(
          "%s, of compute capability %d.%d, multiplies in fp32 only, not in %s"
              .formatted(name, capability / 10, capability % 10, precision.text()));
    }
    this.description =
        "cublas, %s products%s on %s, the rest %s"
            .formatted(
                precision.text(),
                cuda.overrides().isEmpty() ? "" : " (" + cuda.overrides() + ")",
                name,
                host.description());
  }

  private CublasKernels(Cuda cuda, CudaOptions options, HostKernels host, String description) {
    super(host);
    this.cuda = cuda;
    this.options = options;
    this.description = description;
  }

  /**
   * Finds the libraries and a device.
   *
   * @param host computes all but the convolutions' products
   * @throws CudaUnavailableException if there is no usable device: says why
   */
  public static CublasKernels load(CudaOptions options, HostKernels host)
      throws CudaUnavailableException {
    try {
      return new CublasKernels(Cuda.load(options), options, host);
    } catch (DeviceException e) {
      throw new CudaUnavailableException(String.valueOf(e.getMessage()));
    }
  }

  /** The same, but for a device with too little memory, which is always an error. */
  CublasKernels withoutFallback() {
    return new CublasKernels(cuda, options.withFallback(false), host(), description);
  }

  /** Whether the device has failed for more than want of memory. */
  boolean hasFailed() {
    return cuda.hasFailed();
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public String description() {
    return description;
  }

  /** None for a convolution, unless the CPU may have to stand in. */
  @Override
  public int packedFloats(Stage stage) {
    boolean device = ConvolutionGrid.covers(stage.operator()) && !options.fallback();
    return device ? 0 : super.packedFloats(stage);
  }

  @Override
  public long stagingBytes(Workload workload) {
    return DevicePlan.of(workload).stagingBytes();
  }

  @Override
  public KernelSession open(Workload workload, MemorySegment workspace, MemorySegment staging) {
    DevicePlan plan = DevicePlan.of(workload);
    if (!staging.isNative() || staging.byteSize() < plan.stagingBytes()) {
      throw new IllegalArgumentException(
          "The session needs %d bytes of staging off the heap, not %d"
              .formatted(plan.stagingBytes(), staging.byteSize()));
    }
    DeviceException refusal = null;
    KernelSession session = null;
    while (session == null && !plan.placements().isEmpty()) {
      try {
        session =
            new CublasSession(
                cuda, plan, options.precision(), host(), this::packedFloats, description, staging);
      } catch (DeviceException e) {
        if (!e.outOfMemory() || !options.fallback()) {
          throw e;
        }
        refusal = e;
        plan = plan.withoutLargest();
      }
    }
    if (refusal != null) {
      warn(plan, refusal);
    }
    return session != null ? session : host().open(workload, workspace, staging);
  }

  private static void warn(DevicePlan plan, DeviceException refusal) {
    int left = plan.countOnHost();
    System.getLogger("dev.nibble.kernels")
        .log(
            Level.WARNING,
            "The CPU computes {0} of {1} different convolutions for want of device memory: {2}",
            left,
            left + plan.placements().size(),
            refusal.getMessage());
  }

  @Override
  public void packForward(ForwardArgs args, int unit, float[] packed) {
    throw unopened();
  }

  @Override
  public void forward(
      ForwardArgs args,
      int region,
      int from,
      int to,
      int part,
      int parts,
      float[] packed,
      float[] scratch) {
    throw unopened();
  }

  @Override
  public void packBackward(BackwardArgs args, int unit, float[] packed) {
    throw unopened();
  }

  @Override
  public void backward(
      BackwardArgs args,
      int region,
      int from,
      int to,
      int part,
      int parts,
      float[] packed,
      float[] scratch) {
    throw unopened();
  }

  @Override
  public void sumGradient(
      BackwardArgs args, int from, int to, int part, int parts, float[] scratch) {
    throw unopened();
  }

  @Override
  public void backwardData(
      BackwardArgs args,
      int region,
      int from,
      int to,
      int part,
      int parts,
      float[] packed,
      float[] scratch) {
    throw unopened();
  }

  @Override
  public void backwardWeights(
      BackwardArgs args, int region, int from, int to, int part, int parts, float[] scratch) {
    throw unopened();
  }

  private static IllegalStateException unopened() {
    return new IllegalStateException("These kernels compute in a session: open one first");
  }
}
