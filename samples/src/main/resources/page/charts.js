// Two charts over the same steps. Colours come from the style sheet, so that light and dark switch live.

import uPlot from "/webjars/uplot/dist/uPlot.esm.js";
import { count, fixed, percent } from "./format.js";
import { say } from "./dom.js";

const LOSS = { column: 1, name: "Loss", write: (value) => fixed(value, 3), range: lossRange };
const ACCURACY = { column: 2, name: "Accuracy", write: (value) => percent(value), range: accuracyRange };

const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
const CALM_MS = 1000;
const LIVE_MS = 100;

/** All of it: half-way up is half of the pictures, in every training. */
function accuracyRange() {
  return [0, 1];
}

/** From nothing, so that half as high is half the loss. */
function lossRange(low, high) {
  return [0, high * 1.06];
}

export class Charts {
  #curves;
  #charts;
  #total = null;
  #timer = 0;

  constructor(curves) {
    this.#curves = curves;
    const cursors = uPlot.sync("steps");
    this.#charts = [
      new Chart(document.getElementById("loss-chart"), LOSS, cursors),
      new Chart(document.getElementById("accuracy-chart"), ACCURACY, cursors),
    ];
  }

  /** The steps of the training that runs, or null: the axis shows the whole way. */
  set total(steps) {
    if (steps === this.#total) return;
    this.#total = steps;
    this.refresh();
  }

  /** Draws what has come, a few times a second at most. */
  refresh() {
    if (this.#timer !== 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.draw();
    }, reducedMotion.matches ? CALM_MS : LIVE_MS);
  }

  draw() {
    for (const chart of this.#charts) chart.draw(this.#curves, this.#total);
  }
}

class Chart {
  #figure;
  #plot;
  #kind;
  #uplot;
  #data = [[], [], [], []];
  #end = 1;
  #colours;

  constructor(figure, kind, cursors) {
    this.#figure = figure;
    this.#kind = kind;
    this.#plot = figure.querySelector(".plot");
    this.#readColours();
    this.#uplot = new uPlot(this.#options(cursors), this.#data, this.#plot);
    new ResizeObserver(() => this.#uplot.setSize(this.#size())).observe(this.#plot);
    for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) {
      matchMedia(query).addEventListener("change", () => {
        this.#readColours();
        this.#uplot.redraw(false, true);
      });
    }
  }

  draw(curves, total) {
    this.#data = curves.columns(this.#kind.column, total);
    this.#end = Math.max(1, total ?? 0, curves.last);
    const empty = this.#data[0].length === 0;
    this.#figure.classList.toggle("is-empty", empty);
    this.#uplot.setData(this.#data);
    this.#legend(this.#uplot.cursor.idx ?? null);
    this.#plot.setAttribute("aria-label", this.#summary(empty));
  }

  #size() {
    return { width: Math.max(1, this.#plot.clientWidth), height: Math.max(1, this.#plot.clientHeight) };
  }

  #readColours() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    this.#colours = {
      text: colour("--muted"),
      grid: colour("--grid"),
      axis: colour("--line-strong"),
      batch: colour("--batch"),
      average: colour("--training"),
      test: colour("--test"),
      surface: colour("--surface"),
    };
  }

  #options(cursors) {
    const colour = (name) => () => this.#colours[name];
    const font = `12px ${getComputedStyle(document.body).fontFamily}`;
    const axis = {
      stroke: colour("text"),
      font,
      labelFont: font,
      grid: { stroke: colour("grid"), width: 1 },
      ticks: { show: false },
      border: { show: false },
      gap: 6,
    };
    const line = { spanGaps: true, points: { show: false } };
    return {
      ...this.#size(),
      padding: [8, 18, 0, 0],
      legend: { show: false },
      cursor: {
        y: false,
        drag: { setScale: false, x: false, y: false },
        points: { size: 7 },
        sync: { key: cursors.key, setSeries: false },
      },
      scales: {
        x: { time: false, range: () => [0, this.#end] },
        y: { range: (self, low, high) => (low === null ? [0, 1] : this.#kind.range(low, high)) },
      },
      axes: [
        { ...axis, size: 22, space: 64, label: "step", labelSize: 16, labelGap: 0, grid: { show: false },
          border: { show: true, stroke: colour("axis"), width: 1 },
          incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6],
          values: (self, steps) => steps.map(count) },
        { ...axis, size: 46, space: 34,
          values: (self, marks) => marks.map((mark) => (this.#kind === LOSS ? tidy(mark) : percent(mark, 0))) },
      ],
      series: [
        {},
        { ...line, label: "batch", stroke: colour("batch"), width: 1, points: { show: soleBatch, size: 4 } },
        { ...line, label: "average", stroke: colour("average"), width: 2 },
        { label: "test", stroke: colour("test"), width: 2, spanGaps: true, dash: [2, 4],
          points: { show: true, size: 9, width: 2, stroke: colour("test"), fill: colour("surface") } },
      ],
      hooks: {
        draw: [(self) => {
          // What is on the canvas now, for whoever drives the page from outside.
          this.#plot.dataset.points = String(drawn(self.data[1]));
          this.#plot.dataset.tests = String(drawn(self.data[3]));
        }],
        setCursor: [(self) => this.#legend(self.cursor.idx ?? null)],
      },
    };
  }

  /** The figures beside the keys: the latest, or those under the cursor. */
  #legend(index) {
    const [, batch, average, test] = this.#data;
    const here = index === null ? latest(average) : average[index] ?? batch[index];
    say(this.#figure.querySelector("[data-value=average]"), this.#kind.write(here));
    const tested = index === null ? latest(test) : test.slice(0, index + 1).findLast((value) => value !== null);
    say(this.#figure.querySelector("[data-value=test]"), this.#kind.write(tested));
  }

  #summary(empty) {
    const { name, write } = this.#kind;
    if (empty) return `${name} by step: nothing yet.`;
    const [steps, , average, test] = this.#data;
    const tested = latest(test);
    const end = tested === undefined ? "not tested yet" : `${write(tested)} on the held-out pictures`;
    return `${name} by step, up to step ${count(steps[steps.length - 1])}: ${write(latest(average))} in training, ${end}.`;
  }
}

const drawn = (values) => values.reduce((sum, value) => (value === null ? sum : sum + 1), 0);

const latest = (values) => values.findLast((value) => value !== null && value !== undefined);

/** One batch alone makes no line. */
const soleBatch = (self) => drawn(self.data[1]) === 1;

const tidy = (mark) => String(Number(mark.toFixed(3)));
