// The model's versions: their accuracies, which one answers, how to change it, and to take it along.

import { download, request } from "./api.js";
import { ask, byId, make, say } from "./dom.js";
import { count, moment, percent } from "./format.js";

export class Versions {
  #model = null;
  #live = false;
  #onModel;
  #detailed = null;

  /** @param onModel called with the model object after a change */
  constructor(onModel) {
    this.#onModel = onModel;
    byId("rollback").addEventListener("click", () => this.#change("/model/rollback", this.#older().version));
    byId("by-class").addEventListener("toggle", () => this.#classes());
    for (const [kind, ending] of [["file", "safetensors"], ["onnx", "onnx"]]) {
      byId(`download-${kind}`).addEventListener("click", (event) => this.#download(event.currentTarget, kind, ending));
    }
  }

  set live(live) {
    this.#live = live;
    this.#button();
  }

  show(model) {
    const before = this.#model?.current ?? null;
    this.#model = model;
    const { current, versions } = model;
    const now = versions.find((version) => version.current);
    byId("versions-empty").hidden = versions.length > 0;
    byId("versions-table").hidden = versions.length === 0;
    byId("version-rows").replaceChildren(...versions.map((version) => this.#row(version, before)));
    byId("downloads").hidden = current === null;
    byId("by-class").hidden = !now || now.held_out === null;
    const text = now ? answering(now) : "No model yet";
    say(byId("current"), text);
    byId("current").dataset.version = String(current ?? "");
    this.#button();
    this.#classes();
    if (before !== null && current !== null && current !== before) {
      byId("announcer").textContent = `Version ${current} answers now.`;
    }
  }

  #row({ version, current, accuracy, created, examples }, before) {
    const line = make("tr", current ? "is-current" : "");
    if (current && before !== null && before !== version) line.classList.add("is-new");
    const name = make("th", "", count(version));
    name.scope = "row";
    if (current) name.append(" ", make("span", "badge", "current"));
    const made = make("td");
    const time = make("time", "", moment(created));
    time.dateTime = created ?? "";
    time.title = created ?? "";
    made.append(time);
    const change = make("td");
    if (!current) {
      const button = make("button", "", "Use");
      button.type = "button";
      button.setAttribute("aria-label", `Use version ${version}`);
      button.disabled = !this.#live;
      button.addEventListener("click", () => this.#change(`/model/versions/${version}/activate`, version));
      change.append(button);
    }
    line.append(name, make("td", "", percent(accuracy)), make("td", "", count(examples)), made, change);
    return line;
  }

  /** The version that a roll-back leads to, as the service chooses it: the parent, or the next older one. */
  #older() {
    const { current, versions } = this.#model ?? { current: null, versions: [] };
    if (current === null) return undefined;
    const parent = versions.find((version) => version.current)?.parent;
    return versions.find(({ version }) => version === parent) ?? versions.find(({ version }) => version < current);
  }

  #button() {
    byId("rollback").disabled = !this.#live || this.#older() === undefined;
    for (const button of byId("version-rows").querySelectorAll("button")) button.disabled = !this.#live;
  }

  async #change(path, version) {
    const error = byId("versions-error");
    error.textContent = "";
    const { current } = this.#model;
    byId("rollback-text").textContent =
        `Version ${version} answers from then on. Version ${current} stays on the list, and the next training starts from version ${version}.`;
    if ((await ask(byId("rollback-dialog"))) !== "yes") return;
    try {
      this.#onModel(await request("POST", path));
    } catch (failure) {
      error.textContent = failure.message;
    }
  }

  /** The current version by class, weakest first, where somebody looks. */
  async #classes() {
    const current = this.#model?.current ?? null;
    const now = this.#model?.versions.find((version) => version.current);
    if (!byId("by-class").open || !now || now.held_out === null || this.#detailed === current) return;
    this.#detailed = current;
    try {
      const { per_class: classes } = await request("GET", `/model/versions/${current}`);
      if (this.#model.current !== current) return;
      const sorted = [...classes].sort((a, b) => (a.accuracy ?? 2) - (b.accuracy ?? 2));
      byId("class-rows").replaceChildren(...sorted.map(classRow));
      const unmeasured = classes.filter(({ held_out: pictures }) => pictures === 0).length;
      say(byId("class-note"), unmeasured === 0 ? ""
          : "A dash: no picture of this class is set aside for testing, so nobody knows.");
    } catch (failure) {
      this.#detailed = null;
      byId("versions-error").textContent = failure.message;
    }
  }

  async #download(button, kind, ending) {
    const error = byId("versions-error");
    error.textContent = "";
    const { current } = this.#model;
    button.setAttribute("aria-busy", "true");
    try {
      await download(`/model/versions/${current}/${kind}`, `nibble-v${String(current).padStart(6, "0")}.${ending}`);
    } catch (failure) {
      error.textContent = failure.message;
    } finally {
      button.removeAttribute("aria-busy");
    }
  }
}

/** What answers, and how well; a model from elsewhere may not be tested yet. */
function answering({ version, accuracy }) {
  return accuracy === null ? `Version ${version}` : `Version ${version}, right for ${percent(accuracy)} of the test pictures`;
}

function classRow({ label, accuracy, correct, held_out: pictures }) {
  const line = make("tr");
  const name = make("th", "", label);
  name.scope = "row";
  name.title = label;
  line.append(name, make("td", "", percent(accuracy)), make("td", "", `${count(correct)} of ${count(pictures)}`));
  return line;
}
