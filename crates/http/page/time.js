// Times as the server has them, in words.

let ahead = 0;

// The server's clock counts, as far as its answers tell: they do so to the second.
export function learn(response) {
  const date = Date.parse(response.headers.get("date") ?? "");
  if (Number.isNaN(date)) return;
  const difference = date - Date.now();
  ahead = Math.abs(difference) > 2000 ? difference : 0;
}

export function now() {
  return Date.now() + ahead;
}

// Milliseconds since the epoch; NaN for a time that is none.
export function millis(text) {
  return text ? Date.parse(text) : NaN;
}

export function age(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  if (hours < 48) return `${hours} h`;
  return `${Math.round(hours / 24)} d`;
}

const clockFormat = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const shortFormat = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const fullFormat = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

export const clock = (ms) => (Number.isNaN(ms) ? "–" : clockFormat.format(ms));
export const short = (ms) => (Number.isNaN(ms) ? "–" : shortFormat.format(ms));
export const full = (ms) => (Number.isNaN(ms) ? "never" : fullFormat.format(ms));
