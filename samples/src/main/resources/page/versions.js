// The model's versions: their accuracies, which one answers, and the way back.

import { request } from "./api.js";
import { ask, byId, make, say } from "./dom.js";
import { count, moment, percent } from "./format.js";

export class Versions {
  #model = null;
  #live = false;

  /** @param onModel called with the model object after a roll-back */
  constructor(onModel) {
    byId("rollback").addEventListener("click", () => this.#rollback(onModel));
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
    byId("version-rows").replaceChildren(...versions.map((version) => row(version, before)));
    const text = now ? answering(now) : "No model yet";
    say(byId("current"), text);
    byId("current").dataset.version = String(current ?? "");
    this.#button();
    if (before !== null && current !== null && current !== before) {
      byId("announcer").textContent = `Version ${current} answers now.`;
    }
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
  }

  async #rollback(onModel) {
    const error = byId("versions-error");
    error.textContent = "";
    const { current } = this.#model;
    const { version } = this.#older();
    byId("rollback-text").textContent =
        `Version ${version} answers from then on. Version ${current} stays on the list, and the next training starts from version ${version}.`;
    if ((await ask(byId("rollback-dialog"))) !== "yes") return;
    try {
      onModel(await request("POST", "/model/rollback"));
    } catch (failure) {
      error.textContent = failure.message;
    }
  }
}

/** What answers, and how well; a model from elsewhere was not tested here. */
function answering({ version, accuracy }) {
  return accuracy === null ? `Version ${version}` : `Version ${version}, ${percent(accuracy)} on the held-out pictures`;
}

function row({ version, current, accuracy, created, examples }, before) {
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
  line.append(name, make("td", "", percent(accuracy)), make("td", "", count(examples)), made);
  return line;
}
