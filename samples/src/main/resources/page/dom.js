// Small helpers over the page's elements.

export function byId(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`The page has no element ${id}.`);
  return element;
}

/** An element with a class and text; text is never read as markup. */
export function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className !== "") element.className = className;
  if (text !== "") element.textContent = text;
  return element;
}

/** Sets text only where it differs, so that a screen reader is told a thing once. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Hides an element; focus inside it moves on rather than being lost. */
export function hide(element, hidden, next) {
  const focused = hidden && element.contains(document.activeElement);
  element.hidden = hidden;
  if (focused && next !== undefined) next.focus();
}

/** Opens a dialog; its return value once it is closed, "" where it was dismissed. */
export function ask(dialog) {
  return new Promise((resolve) => {
    dialog.returnValue = "";
    dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true });
    dialog.showModal();
  });
}
