// The training's panel: what it does, how far it is, Retrain and Cancel.

import { request } from "./api.js";
import { byId, hide, say } from "./dom.js";
import { count, duration, fixed, of, percent } from "./format.js";

const NAMES = {
  idle: "Idle",
  running: "Running",
  accepted: "Accepted",
  rejected: "Rejected",
  failed: "Failed",
  cancelled: "Cancelled",
};

export class Training {
  #retrain = byId("retrain");
  #cancel = byId("cancel");
  #error = byId("training-error");
  #state = null;
  #live = false;
  #started = null;

  /** @param onStatus called with each status object that an answer brings */
  constructor(onStatus) {
    this.#retrain.addEventListener("click", () => this.#send("POST", onStatus));
    this.#cancel.addEventListener("click", () => this.#send("DELETE", onStatus));
  }

  get running() {
    return this.#state === "running";
  }

  /** Whether the server can be reached: without it there is nothing to press. */
  set live(live) {
    this.#live = live;
    this.#buttons();
  }

  show(training) {
    const began = training.state === "running" && !this.running;
    const ended = training.state !== "running" && this.running;
    this.#state = training.state;
    if (began) this.#error.textContent = "";
    if (began || ended) this.#started = null;
    byId("state").dataset.state = training.state;
    say(byId("state-text"), NAMES[training.state] ?? training.state);
    say(byId("training-message"), training.message ?? "");
    byId("training-message").classList.toggle("is-result", !this.running && training.state !== "idle");
    this.#figures(training);
    this.#buttons();
  }

  #figures(training) {
    const { step, steps } = training;
    const progress = byId("progress");
    progress.max = steps || 1;
    progress.value = step ?? 0;
    progress.classList.toggle("is-quiet", !this.running);
    say(byId("stat-step"), of(step, steps));
    say(byId("stat-epoch"), of(training.epoch, training.epochs));
    say(byId("stat-loss"), fixed(training.loss, 3));
    say(byId("stat-accuracy"), percent(training.accuracy));
    say(byId("stat-speed"), count(training.images_per_second));
    say(byId("stat-left"), duration(this.#left(step, steps)));
  }

  /** Seconds to go at the pace seen so far, or null. */
  #left(step, steps) {
    if (!this.running || !step || !steps) return null;
    const now = performance.now();
    this.#started ??= { step, time: now };
    const done = step - this.#started.step;
    const seconds = (now - this.#started.time) / 1000;
    return done > 0 && seconds > 1 ? ((steps - step) * seconds) / done : null;
  }

  #buttons() {
    const running = this.running;
    // The buttons take turns, and so does the focus.
    const held = document.activeElement;
    this.#cancel.disabled = !this.#live;
    this.#retrain.disabled = running || !this.#live;
    if (running) {
      this.#cancel.hidden = false;
      if (held === this.#retrain) this.#cancel.focus();
    } else {
      hide(this.#cancel, true, this.#retrain);
    }
  }

  async #send(method, onStatus) {
    this.#error.textContent = "";
    try {
      onStatus(await request(method, "/retrain"));
    } catch (error) {
      this.#error.textContent = error.message;
    }
  }
}
