// Figures as the page writes them; what is not known is a dash.

const DASH = "–";
const SPACE = "\u00a0";
const MEBIBYTE = 1024 * 1024;

const known = (value) => value !== null && value !== undefined && Number.isFinite(value);

export function fixed(value, digits) {
  return known(value) ? value.toFixed(digits) : DASH;
}

export function count(value) {
  return known(value) ? Math.round(value).toLocaleString("en") : DASH;
}

/** A share of one as a percentage; halves go up, as in the service's own sentences. */
export function percent(share, digits = 1) {
  const scale = 10 ** digits;
  return known(share) ? `${(Math.round(100 * share * scale) / scale).toFixed(digits)}${SPACE}%` : DASH;
}

export function mebibytes(bytes) {
  return known(bytes) ? `${(bytes / MEBIBYTE).toFixed(1)}${SPACE}MiB` : DASH;
}

/** "12 of 300", or the first alone where the second is not known. */
export function of(done, total) {
  return known(total) && known(done) ? `${count(done)} of ${count(total)}` : count(done);
}

export function duration(seconds) {
  if (!known(seconds)) return DASH;
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))}${SPACE}s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)}${SPACE}min`;
  return `${(seconds / 3600).toFixed(1)}${SPACE}h`;
}

const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

/** The time of day, and the day where it is not today. */
export function moment(iso, now = new Date()) {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return DASH;
  const clock = CLOCK.format(time);
  return time.toDateString() === now.toDateString() ? clock : `${DAY.format(time)}, ${clock}`;
}

export function plural(number, one, many = `${one}s`) {
  return `${count(number)}${SPACE}${number === 1 ? one : many}`;
}
