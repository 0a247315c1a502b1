package dev.nibble.engine.exec;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.collective.Collective;
import dev.nibble.engine.collective.Exchange;
import dev.nibble.engine.collective.Piece;
import dev.nibble.engine.collective.Workers;
import dev.nibble.engine.network.NamedNetworks;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.memory.MemoryAccount;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a worker sends in a step: the figures that the page on distributed training works with. */
class ExchangeVolumeTest {
  /** Counts what is prepared, and exchanges nothing. */
  private static final class Counting implements Collective {
    private final int rank;
    private final int size;
    private long exchanges;
    private long messages;
    private long bytes;

    Counting(int rank, int size) {
      this.rank = rank;
      this.size = size;
    }

    @Override
    public int rank() {
      return rank;
    }

    @Override
    public int size() {
      return size;
    }

    @Override
    public Exchange prepare(String name, List<Piece> pieces) {
      exchanges++;
      messages +=
          pieces.stream().filter(p -> p.owner() == rank).map(Piece::reader).distinct().count();
      bytes +=
          pieces.stream()
              .filter(p -> p.owner() == rank && p.reader() != rank)
              .mapToLong(p -> p.memory().byteSize())
              .sum();
      return new Exchange() {
        @Override
        public void begin() {
          // nothing is sent
        }

        @Override
        public void await() {
          // nothing comes
        }
      };
    }

    @Override
    public Exchange prepareBulk(String name, List<Piece> pieces) {
      return prepare(name, pieces);
    }

    @Override
    public void progress() {
      // nothing is under way
    }

    @Override
    public void fail(String cause) {
      throw new AssertionError(cause);
    }

    @Override
    public void check() {
      // nothing fails
    }

    @Override
    public void close() {
      // nothing is open
    }
  }

  /** Counted in the last worker but one of a power of two; batch 128, int4. */
  @ParameterizedTest
  @CsvSource({
    "resnet20, 2, global, 59",
    "resnet20, 4, global, 65",
    "resnet20, 8, global, 65",
    "resnet56, 2, global, 167",
    "resnet56, 4, global, 185",
    "resnet20, 2, local, 23",
  })
  void aStepsMessagesAndBytesAreKnown(String model, int workers, String norm, int exchanges) {
    Network network = NamedNetworks.of(model, new FeatureMap(32, 32, 3), 10);
    Workers who = new Workers(workers - 2, workers, 1, norm.equals("local"));
    PlanOptions options = PlanOptions.training(128, StoreFormat.INT4, false).withWorkers(who);
    Counting counting = new Counting(who.rank(), workers);
    MemoryAccount account = MemoryAccount.root("volume", MemoryAccount.UNLIMITED);
    SessionOptions run = SessionOptions.of(1).with(counting);
    try (Session session =
        Session.open(ExecutionPlan.of(network, options), run, TestKernels.chosen(), account)) {
      long weights = 4L * network.weightValues();
      // One root for each reader up to two workers; slices of roots, then of sums, beyond.
      assertThat(counting.bytes).isBetween(weights, 4 * weights);
      // Statistics and sums of each tensor with batch norm, gradients of each stage, the logits;
      // with more
      // workers the slices of weights above 64 KiB; with local norms, those of all at once.
      assertThat(counting.exchanges).isEqualTo(exchanges);
      assertThat(counting.messages).isEqualTo((long) exchanges * (workers - 1));
      assertThat(session.share().isWhole()).isFalse();
    } finally {
      account.close();
    }
  }
}
