// Requests to the service. A failure is a ServerError with one sentence, the server's own where it gave one.

import { ask, byId } from "./dom.js";

const KEY = "nibble-token";
// What a header can carry.
const SENDABLE = /^[\x21-\x7e]+$/;

export class ServerError extends Error {
  /** @param status the HTTP status, or 0 where no answer came */
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

/** The token of this tab, or null. */
export function token() {
  return sessionStorage.getItem(KEY);
}

let asking = null;

/** Asks the user for a token, once for all requests that wait for it; whether one was given. */
function askForToken(sentence) {
  asking ??= (async () => {
    byId("token-text").textContent = sentence;
    const field = byId("token");
    field.value = "";
    for (;;) {
      const answer = await ask(byId("token-dialog"));
      const given = field.value.trim();
      field.value = "";
      if (answer !== "yes" || given === "") return false;
      if (SENDABLE.test(given)) {
        sessionStorage.setItem(KEY, given);
        return true;
      }
      byId("token-text").textContent = "A token has no spaces and no letters but those of ASCII: check it.";
    }
  })().finally(() => {
    asking = null;
  });
  return asking;
}

// What a person can do about it here; the service's own sentences are for programs as well.
const FOR_PEOPLE = {
  401: "This service is protected: enter its token.",
  507: "The service's disk is full, so nothing was changed. Free some space there, then try again.",
};

async function failure(response) {
  let sentence = `The server answered ${response.status}: try again.`;
  try {
    const body = await response.json();
    if (typeof body.error === "string" && body.error !== "") sentence = body.error;
  } catch {
    // Not JSON: a proxy's page, say. The status says what there is to say.
  }
  return new ServerError(response.status, FOR_PEOPLE[response.status] ?? sentence);
}

/** Sends a request and reads its JSON; asks for a token where the server wants one. */
export async function request(method, path, options = {}) {
  return (await send(method, path, options)).json();
}

/** Reads what is no JSON, such as a picture. */
export async function requestBlob(path) {
  return (await send("GET", path, {})).blob();
}

/** Saves a file of the service; a plain link could not send the token. */
export async function download(path, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await requestBlob(path));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

async function send(method, path, { body, type, signal }) {
  for (;;) {
    const sent = token();
    const headers = { Accept: "application/json" };
    if (sent !== null) headers.Authorization = `Bearer ${sent}`;
    if (type) headers["Content-Type"] = type;
    let response;
    try {
      response = await fetch(path, { method, body, headers, signal, cache: "no-store" });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new ServerError(0, "The service does not answer: check that it runs, then try again.");
    }
    if (response.ok) return response;
    const error = await failure(response);
    if (error.status !== 401) throw error;
    // Another request may have brought a newer token meanwhile.
    if (token() === sent && !(await askForToken(error.message))) throw error;
  }
}

byId("token-cancel").addEventListener("click", () => byId("token-dialog").close(""));
