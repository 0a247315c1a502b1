// The bar of memory: what is used, against the plan and the limit.

import { byId, say } from "./dom.js";
import { mebibytes } from "./format.js";

export function showMemory({ used, planned, limit, peak }) {
  const full = Math.max(limit ?? 0, planned ?? 0, used ?? 0, peak ?? 0) || 1;
  const share = (bytes) => `${(100 * Math.min(1, (bytes ?? 0) / full)).toFixed(2)}%`;
  const beyond = Boolean(limit && used > limit);

  byId("memory-used").style.width = share(used);
  mark(byId("memory-peak"), peak, share);
  mark(byId("memory-planned"), planned, share);
  const bar = byId("memory-bar");
  bar.classList.toggle("is-beyond", beyond);
  bar.setAttribute("aria-valuemax", String(full));
  bar.setAttribute("aria-valuenow", String(used ?? 0));
  bar.setAttribute("aria-valuetext",
      `${mebibytes(used)} used, ${mebibytes(planned)} planned, limit ${mebibytes(limit)}`);

  say(byId("memory-used-text"), mebibytes(used));
  say(byId("memory-peak-text"), mebibytes(peak));
  say(byId("memory-planned-text"), mebibytes(planned));
  say(byId("memory-limit-text"), limit ? mebibytes(limit) : "none");
  say(byId("memory-note"), note(used, planned, limit, beyond));
}

function mark(element, bytes, share) {
  element.hidden = !bytes;
  element.style.left = share(bytes);
}

function note(used, planned, limit, beyond) {
  if (beyond) return "More than the limit is in use.";
  if (!planned) return "";
  return limit ? `The plan leaves ${mebibytes(limit - planned)} of the limit free.` : "";
}
