// The figures behind the charts: a point a step, a point an epoch, and their moving average.

const MOST_POINTS = 4000;
// The average forgets over a fortieth of the training, but over no fewer than eight steps.
const SHARE = 1 / 40;
const FEWEST_STEPS = 8;

export class Curves {
  #steps = [];
  #epochs = [];

  clear() {
    this.#steps = [];
    this.#epochs = [];
  }

  /** Takes the server's history; points that arrived while it was on its way are kept. */
  load({ steps, epochs }) {
    this.#steps = join(steps, this.#steps);
    this.#epochs = join(epochs, this.#epochs);
  }

  addStep({ step, loss, accuracy }) {
    if (step <= lastStep(this.#steps)) return;
    this.#steps.push([step, loss, accuracy]);
    if (this.#steps.length > MOST_POINTS) {
      this.#steps = this.#steps.filter((_, index, all) => index % 2 === 0 || index === all.length - 1);
    }
  }

  addEpoch({ step, test_loss: loss, test_accuracy: accuracy }) {
    if (step > lastStep(this.#epochs)) this.#epochs.push([step, loss, accuracy]);
  }

  /** Rows [step, test loss, test accuracy]. */
  get epochs() {
    return this.#epochs;
  }

  get last() {
    return Math.max(lastStep(this.#steps), lastStep(this.#epochs));
  }

  /**
   * Columns for one chart over a shared axis of steps: steps, each batch, its average, test.
   *
   * @param column 1 for loss, 2 for accuracy
   * @param total the training's steps, for the average's width
   */
  columns(column, total) {
    const width = Math.max(FEWEST_STEPS, Math.max(total ?? 0, this.last) * SHARE);
    const [x, batch, average, test] = [[], [], [], []];
    let mean = null;
    let before = 0;
    let next = 0;
    const epochs = this.#epochs;
    for (const row of this.#steps) {
      for (; next < epochs.length && epochs[next][0] < row[0]; next++) {
        push(epochs[next][0], null, null, epochs[next][column]);
      }
      const value = row[column];
      if (value !== null) {
        const weight = mean === null ? 1 : 1 - Math.exp((before - row[0]) / width);
        mean = mean === null ? value : mean + weight * (value - mean);
        before = row[0];
      }
      const meets = next < epochs.length && epochs[next][0] === row[0];
      push(row[0], value, value === null ? null : mean, meets ? epochs[next++][column] : null);
    }
    for (; next < epochs.length; next++) push(epochs[next][0], null, null, epochs[next][column]);
    return [x, batch, average, test];

    function push(step, one, two, three) {
      x.push(step);
      batch.push(one);
      average.push(two);
      test.push(three);
    }
  }
}

function lastStep(rows) {
  return rows.length === 0 ? -1 : rows[rows.length - 1][0];
}

function join(loaded, held) {
  const end = lastStep(loaded);
  return [...loaded, ...held.filter(([step]) => step > end)];
}
