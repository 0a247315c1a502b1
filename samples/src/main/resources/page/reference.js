// Writes the service's description, /openapi.json, so that people can read it.

const at = (description, reference) =>
  reference.split("/").slice(1).reduce((value, name) => value[name], description);

const resolved = (description, value) => (value?.$ref ? at(description, value.$ref) : value);

function make(tag, text = "", className = "") {
  const element = document.createElement(tag);
  if (text !== "") element.textContent = text;
  if (className !== "") element.className = className;
  return element;
}

function list(rows) {
  const terms = make("dl");
  for (const [name, meaning] of rows) {
    const term = make("dt");
    term.append(make("code", name));
    terms.append(term, make("dd", meaning));
  }
  return terms;
}

function parameter({ name, in: place, required, description, schema }) {
  const otherwise = schema?.default === undefined ? "" : `; default ${schema.default}`;
  return [name, `${description} (in the ${place}${required && place !== "path" ? ", required" : ""}${otherwise})`];
}

/** The members of an answer, with what they mean. */
function members(description, schema) {
  const whole = resolved(description, schema);
  const parts = whole?.allOf?.map((part) => resolved(description, part)) ?? [whole];
  return parts.flatMap((part) => Object.entries(part?.properties ?? {}).map(([name, value]) => {
    const own = resolved(description, value);
    return [name, value.description ?? own?.description ?? ""];
  }));
}

function article(description, path, method, operation) {
  const part = make("article");
  const title = make("h3");
  title.append(make("code", method.toUpperCase(), "method"), make("code", path));
  part.append(title, make("p", operation.summary));
  if (operation.description) part.append(make("p", operation.description, "hint"));
  const parameters = (operation.parameters ?? []).map((each) => parameter(resolved(description, each)));
  if (parameters.length > 0) part.append(list(parameters));
  if (operation["x-example"]) {
    const code = make("pre");
    code.append(make("code", operation["x-example"].replaceAll("http://127.0.0.1:8080", location.origin)));
    part.append(code);
  }
  for (const [status, answer] of Object.entries(operation.responses)) {
    const own = resolved(description, answer);
    part.append(list([[status, own.description]]));
    const rows = members(description, own.content?.["application/json"]?.schema);
    if (status.startsWith("2") && rows.length > 0) {
      const terms = list(rows);
      terms.className = "members";
      part.append(terms);
    }
  }
  return part;
}

try {
  const description = await (await fetch("/openapi.json")).json();
  document.getElementById("description").textContent = description.info.description;
  document.getElementById("first").textContent = `curl --data-binary @cat.png ${location.origin}/predict`;
  for (const tag of description.tags) {
    const panel = make("section", "", "panel");
    panel.append(make("h2", tag.name), make("p", tag.description, "hint"));
    for (const [path, methods] of Object.entries(description.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        if (operation.tags.includes(tag.name)) panel.append(article(description, path, method, operation));
      }
    }
    document.getElementById("groups").append(panel);
  }
} catch (error) {
  document.getElementById("failure").textContent = `The description did not arrive (${error.message}): load the page again.`;
}
