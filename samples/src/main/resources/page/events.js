// The stream of events, and whether it is alive. The browser's own reconnection cannot tell a wrong token
// from a server that is down, so each attempt asks /status first.

import { request, ServerError, token } from "./api.js";

// The service sends a heartbeat every 15 s.
const SILENCE_MS = 40_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8_000;

export class Events {
  #handlers;
  #onState;
  #source = null;
  #timer = 0;
  #watchdog = 0;
  #pause = FIRST_PAUSE_MS;
  #connecting = false;

  /**
   * @param handlers a function for each event's name, called with its data
   * @param onState called with "live", "lost" or "denied"
   */
  constructor(handlers, onState) {
    this.#handlers = handlers;
    this.#onState = onState;
    addEventListener("online", () => this.connect());
    addEventListener("pagehide", () => this.#close());
    addEventListener("pageshow", (event) => event.persisted && this.connect());
  }

  /** Connects now; does nothing while an attempt is under way. */
  async connect() {
    if (this.#connecting) return;
    this.#connecting = true;
    this.#close();
    try {
      await request("GET", "/status");
      this.#open();
    } catch (error) {
      if (error instanceof ServerError && error.status === 401) this.#onState("denied", error.message);
      else this.#lost();
    } finally {
      this.#connecting = false;
    }
  }

  #open() {
    const held = token();
    const source = new EventSource(held === null ? "/events" : `/events?token=${encodeURIComponent(held)}`);
    this.#source = source;
    source.addEventListener("open", () => {
      this.#pause = FIRST_PAUSE_MS;
      this.#heard();
      this.#onState("live");
    });
    source.addEventListener("error", () => this.#lost());
    for (const [name, handle] of Object.entries(this.#handlers)) {
      source.addEventListener(name, (event) => {
        this.#heard();
        handle(event.data === "" ? null : JSON.parse(event.data));
      });
    }
  }

  #heard() {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#lost(), SILENCE_MS);
  }

  #lost() {
    this.#close();
    this.#onState("lost");
    this.#timer = setTimeout(() => this.connect(), this.#pause);
    this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE_MS);
  }

  #close() {
    clearTimeout(this.#timer);
    clearTimeout(this.#watchdog);
    this.#source?.close();
    this.#source = null;
  }
}
