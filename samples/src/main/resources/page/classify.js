// The picture's panel: its classes, and adding it as an example.

import { request } from "./api.js";
import { byId, make, say } from "./dom.js";
import { percent, plural } from "./format.js";
import { preview, takePictures } from "./picture.js";

const SHOWN = 5;
// No picture, too large, of another kind: what the server says of the picture itself.
const REFUSED = [400, 413, 415];

export class Classify {
  #file = null;
  #version = null;
  #pending = null;
  #input = null;

  /** @param onExamples called with the examples object after one was added */
  constructor(onExamples) {
    takePictures((file, number) => this.#take(file, number));
    byId("add").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#add(onExamples);
    });
  }

  /** The model that answers now; the picture on show is asked about again where it changed. */
  set model({ current, classes, input }) {
    this.#input = input;
    byId("labels").replaceChildren(...(classes ?? []).map((label) => {
      const option = make("option");
      option.value = label;
      return option;
    }));
    if (this.#file !== null && current !== null && current !== this.#version) this.#predict();
  }

  async #take(file, number) {
    this.#file = file;
    this.#version = null;
    this.#clear();
    say(byId("classify-status"), number > 1 ? `Took the first of ${number} pictures.` : "");
    byId("add-error").textContent = "";
    byId("label").value = "";
    const size = await preview(file);
    if (this.#file !== file) return;
    byId("preview").hidden = size === null;
    byId("picture-note").textContent = this.#note(file, size);
    await this.#predict();
  }

  #note(file, size) {
    const name = file.name || "Pasted picture";
    if (size === null) return name;
    const seen = this.#input;
    const resized = seen && (seen.width !== size.width || seen.height !== size.height);
    const own = `${size.width} × ${size.height}`;
    return `${name}, ${own}${resized ? `, seen at ${seen.width} × ${seen.height}` : ""}`;
  }

  async #predict() {
    const file = this.#file;
    this.#pending?.abort();
    const pending = (this.#pending = new AbortController());
    const panel = byId("result");
    panel.setAttribute("aria-busy", "true");
    try {
      const body = { body: file, type: file.type, signal: pending.signal };
      const answer = await request("POST", `/predict?top=${SHOWN}`, body);
      if (this.#file === file) this.#show(answer);
    } catch (error) {
      if (error.name === "AbortError" || this.#file !== file) return;
      byId("classify-error").textContent = error.message;
      // Before the first model, say, a picture can still be kept as an example; one that was refused can not.
      this.#open(!REFUSED.includes(error.status));
    } finally {
      if (this.#pending === pending) panel.removeAttribute("aria-busy");
    }
  }

  #show({ version, label, classes }) {
    this.#version = version;
    byId("classify-error").textContent = "";
    const first = classes[0];
    byId("answer-label").textContent = label;
    byId("answer-note").textContent = `${percent(first?.probability)} by version ${version}`;
    byId("classes").replaceChildren(...classes.map(row));
    this.#open(true);
    say(byId("classify-status"), `${label}, ${percent(first?.probability)}.`);
    byId("classify-status").classList.add("unseen");
  }

  #clear() {
    byId("classify-error").textContent = "";
    byId("answer-label").textContent = "";
    byId("answer-note").textContent = "";
    byId("classes").replaceChildren();
    byId("classify-status").classList.remove("unseen");
  }

  #open(shown) {
    byId("result").hidden = !shown;
    byId("drop").classList.toggle("is-small", shown);
  }

  async #add(onExamples) {
    const field = byId("label");
    const button = byId("add-button");
    const label = field.value.trim();
    byId("add-error").textContent = "";
    if (this.#file === null || label === "" || button.getAttribute("aria-busy") === "true") return;
    button.setAttribute("aria-busy", "true");
    try {
      const sent = { body: this.#file, type: this.#file.type };
      const added = await request("POST", `/examples?label=${encodeURIComponent(label)}`, sent);
      const status = byId("classify-status");
      status.classList.remove("unseen");
      status.textContent = `Kept as example ${added.id}, labelled ${added.label}: ${plural(added.count, "example")} now.`;
      field.value = "";
      onExamples(await request("GET", "/examples?limit=0"));
    } catch (error) {
      byId("add-error").textContent = error.message;
    } finally {
      button.removeAttribute("aria-busy");
    }
  }
}

function row({ label, probability }) {
  const item = make("li");
  const track = make("span", "track");
  track.setAttribute("aria-hidden", "true");
  const bar = make("span", "bar");
  bar.style.width = `${(100 * probability).toFixed(2)}%`;
  track.append(bar);
  item.append(make("span", "class-label", label), track, make("span", "figure", percent(probability)));
  return item;
}
