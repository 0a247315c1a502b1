// The examples that were added: shown with their pictures, relabelled, deleted.

import { request, requestBlob } from "./api.js";
import { ask, byId, make } from "./dom.js";
import { moment } from "./format.js";

const PAGE = 20;

export class Examples {
  #onExamples;
  #next = null;
  #loading = false;
  #stale = true;

  /** @param onExamples called with the examples object after a change */
  constructor(onExamples) {
    this.#onExamples = onExamples;
    byId("examples").addEventListener("toggle", () => this.#refresh());
    byId("examples-more").addEventListener("click", () => this.#load(this.#next));
    byId("relabel-cancel").addEventListener("click", () => byId("relabel-dialog").close(""));
  }

  /** Examples came or went: what is shown is read anew. */
  changed() {
    this.#stale = true;
    this.#refresh();
  }

  #refresh() {
    if (byId("examples").open && this.#stale && !this.#loading) this.#load(null);
  }

  async #load(before) {
    this.#loading = true;
    if (before === null) this.#stale = false;
    byId("examples-error").textContent = "";
    try {
      const { examples, next } =
          await request("GET", `/examples?limit=${PAGE}${before === null ? "" : `&before=${before}`}`);
      const items = examples.map((example) => this.#item(example));
      if (before === null) byId("example-list").replaceChildren(...items);
      else byId("example-list").append(...items);
      this.#next = next;
      byId("examples-more").hidden = next === null;
    } catch (error) {
      byId("examples-error").textContent = error.message;
    } finally {
      this.#loading = false;
    }
    // What came meanwhile.
    this.#refresh();
  }

  #item({ id, label, created }) {
    const item = make("li");
    item.dataset.id = String(id);
    const what = make("div", "what");
    what.append(make("span", "name", label), make("span", "hint", `${id}, ${moment(created)}`));
    const relabel = this.#button("Change", `Change the label of example ${id}`, () => this.#relabel(id, label));
    const remove = this.#button("Delete", `Delete example ${id}`, () => this.#delete(id, label));
    item.append(picture(id, label), what, relabel, remove);
    return item;
  }

  #button(text, name, action) {
    const button = make("button", "", text);
    button.type = "button";
    button.setAttribute("aria-label", name);
    button.addEventListener("click", action);
    return button;
  }

  async #relabel(id, label) {
    const field = byId("relabel-label");
    field.value = label;
    byId("relabel-text").textContent = `Example ${id} is labelled ${label}.`;
    if ((await ask(byId("relabel-dialog"))) !== "yes") return;
    const given = field.value.trim();
    if (given !== "" && given !== label) {
      await this.#send("PATCH", id, { body: JSON.stringify({ label: given }), type: "application/json" });
    }
  }

  async #delete(id, label) {
    byId("delete-text").textContent = `Example ${id}, labelled ${label}, cannot be had back.`;
    if ((await ask(byId("delete-dialog"))) === "yes") await this.#send("DELETE", id, {});
  }

  async #send(method, id, options) {
    byId("examples-error").textContent = "";
    try {
      await request(method, `/examples/${id}`, options);
      this.#onExamples(await request("GET", "/examples?limit=0"));
    } catch (error) {
      byId("examples-error").textContent = error.message;
    }
  }
}

/** The picture as the network sees it; drawn, because its address alone would not carry the token. */
function picture(id, label) {
  const canvas = make("canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `Example ${id}: ${label}`);
  requestBlob(`/examples/${id}/picture`)
      .then(createImageBitmap)
      .then((bitmap) => {
        canvas.width = bitmap.width;
        canvas.height = bitmap.height;
        canvas.getContext("2d").drawImage(bitmap, 0, 0);
        bitmap.close();
      })
      .catch(() => canvas.classList.add("is-missing"));
  return canvas;
}
