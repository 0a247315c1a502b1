// Puts the page together: what each event changes, and what is read anew after a connection.

import { request, ServerError } from "./api.js";
import { Charts } from "./charts.js";
import { Classify } from "./classify.js";
import { Curves } from "./curves.js";
import { byId, hide, make, say } from "./dom.js";
import { Events } from "./events.js";
import { Examples } from "./examples.js";
import { count, fixed, percent } from "./format.js";
import { showMemory } from "./memory.js";
import { Training } from "./training.js";
import { Versions } from "./versions.js";

const curves = new Curves();
const charts = new Charts(curves);
const training = new Training(showStatus);
const versions = new Versions(showModel);
const classify = new Classify(showExamples);
const gallery = new Examples(showExamples);

let model = null;
let examples = null;
// Counts trainings seen here, so that a history asked for before one began is not taken for its own.
let trainings = 0;

function showStatus(status) {
  training.show(status.training);
  showMemory(status.memory ?? {});
  charts.total = status.training.steps ?? null;
  const { step, steps } = status.training;
  document.title = training.running && steps ? `${Math.floor((100 * (step ?? 0)) / steps)} % · Nibble` : "Nibble";
}

function showModel(changed) {
  model = changed;
  versions.show(model);
  classify.model = model;
  showExampleNote();
}

function showExamples(changed) {
  examples = changed;
  say(byId("example-count"), count(examples.count));
  const labels = Object.entries(examples.labels ?? {}).sort(([a], [b]) => a.localeCompare(b));
  byId("example-labels").replaceChildren(...labels.map(([label, number]) => {
    const item = make("li", "", label);
    item.append(" ", make("span", "figure", count(number)));
    return item;
  }));
  showExampleNote();
  gallery.changed();
}

/** How many examples the current version has not learnt from. */
function showExampleNote() {
  const now = model?.versions.find((version) => version.current);
  const since = examples !== null && now ? examples.count - (now.examples ?? examples.count) : 0;
  say(byId("example-note"), since > 0 ? `added, ${count(since)} of them since version ${now.version}` : "added so far");
}

function showEpochs() {
  byId("epoch-rows").replaceChildren(...curves.epochs.map(([step, loss, accuracy], index) => {
    const line = make("tr");
    const name = make("th", "", count(index + 1));
    name.scope = "row";
    line.append(name, make("td", "", count(step)), make("td", "", fixed(loss, 3)), make("td", "", percent(accuracy)));
    return line;
  }));
  byId("epochs").hidden = curves.epochs.length === 0;
}

async function loadHistory() {
  const asked = trainings;
  const history = await request("GET", "/history");
  if (asked !== trainings) return loadHistory();
  curves.load(history);
  charts.refresh();
  showEpochs();
}

// Counts what each event has said, so that an answer that was asked for before does not undo it.
const heard = { status: 0, model: 0, examples: 0 };

function newest(name, show) {
  return (data) => {
    heard[name]++;
    show(data);
  };
}

async function read(name, path, show) {
  const asked = heard[name];
  const answer = await request("GET", path);
  if (asked === heard[name]) show(answer);
}

const events = new Events(
    {
      status: newest("status", showStatus),
      step: (point) => {
        curves.addStep(point);
        charts.refresh();
      },
      epoch: (point) => {
        curves.addEpoch(point);
        charts.refresh();
        showEpochs();
      },
      started: () => {
        trainings++;
        curves.clear();
        charts.refresh();
        showEpochs();
      },
      model: newest("model", showModel),
      examples: newest("examples", showExamples),
    },
    showConnection);

/** Reads everything once: events may have been missed. */
async function load() {
  // A training that began while nobody listened has a curve of its own.
  curves.clear();
  await Promise.all([
    read("status", "/status", showStatus),
    read("model", "/model", showModel),
    read("examples", "/examples?limit=0", showExamples),
    loadHistory(),
  ]);
}

// A connection that comes back at once is no news.
const NEWS_MS = 1500;
let news = 0;

function showConnection(state, sentence) {
  clearTimeout(news);
  const live = state === "live";
  byId("connection").dataset.state = state;
  say(byId("connection-text"), { live: "Live", lost: "Connection lost", denied: "Token needed" }[state]);
  training.live = live;
  versions.live = live;
  if (live) {
    notice("", false);
    load().catch((error) => notice(error instanceof ServerError ? error.message : String(error), false));
  } else if (state === "denied") {
    notice(sentence, true);
  } else {
    if (byId("notice").hidden) {
      news = setTimeout(() => notice("Connection to the service lost. What you see may be old; trying again.", false), NEWS_MS);
    }
  }
}

function notice(text, asks) {
  hide(byId("notice-button"), !asks, byId("main"));
  byId("notice").hidden = text === "";
  say(byId("notice-text"), text);
}

byId("notice-button").addEventListener("click", () => events.connect());
charts.draw();
showEpochs();
events.connect();
