package dev.nibble.kernels.cublas;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.kernels.HostKernels;
import dev.nibble.kernels.Kernels;

/** A {@link CudaStandIn} for the tests of other packages. */
public final class StandInDevice implements AutoCloseable {
  private final CudaStandIn standIn = new CudaStandIn();

  /** A device with memory of 1 GiB. */
  public StandInDevice() {}

  /** The cublas table over this device. */
  public Kernels kernels(CudaOptions options, HostKernels host) {
    try {
      return new CublasKernels(Cuda.of(standIn.driver(), standIn.blas()), options, host);
    } catch (CudaUnavailableException e) {
      throw new AssertionError(e);
    }
  }

  /** Calls so far. */
  public int calls() {
    return standIn.calls();
  }

  /** Copies so far from or to memory that is not registered. */
  public int pageableCopies() {
    return standIn.pageableCopies();
  }

  /** Makes the nth call from now on return a status, once. */
  public void failNext(int nth, int status) {
    standIn.failAt(standIn.calls() + nth, status);
  }

  /** Makes the next call of a function return a status, once. */
  public void failNextOf(String function, int status) {
    standIn.failFunction(function, 1, status);
  }

  /** Makes every call after the next n fail: the driver is gone. */
  public void dieAfterNext(int n) {
    standIn.dieAfter(standIn.calls() + n);
  }

  /** Makes all work after the next n calls fail, but for contexts': a kernel has spoilt it. */
  public void spoilAfterNext(int n) {
    standIn.spoilAfter(standIn.calls() + n);
  }

  /** Ends all faults. */
  public void heal() {
    standIn.heal();
  }

  /** Sets how much memory the device has. */
  public void memory(long bytes) {
    standIn.deviceBytes(bytes);
  }

  /** Whether the calling thread has a current context, be it one that is gone. */
  public boolean isAnyContextCurrent() {
    return standIn.currentContext() != 0;
  }

  /** Makes every call succeed at once and do nothing, or ends that. */
  public void idle(boolean nothing) {
    standIn.gate().setIdle(nothing);
  }

  /** Fails if something is under way or was done wrong, while a session is open. */
  public void verifyNothingUnderWay() {
    assertThat(standIn.underWay()).as("what is under way").isEmpty();
    standIn.assertFlawless();
  }

  /** Fails if something is left, under way or was done wrong. */
  public void verify() {
    assertThat(standIn.underWay()).as("what is under way").isEmpty();
    standIn.assertNothingLeft();
    standIn.assertFlawless();
  }

  @Override
  public void close() {
    standIn.close();
  }
}
