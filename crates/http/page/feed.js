// The feed of changes, newest first. It holds so many and no more, and can be stopped to be read.

import { cut, el, setHidden } from "./dom.js";
import { clock, full, millis } from "./time.js";
import { phaseMark, phaseWord, stateMark } from "./words.js";

const MOST = 100;

export class Feed {
  constructor(root, none, pause) {
    this.root = root;
    this.none = none;
    this.waiting = [];
    this.newest = 0;
    this.paused = false;
    pause.addEventListener("click", () => {
      this.paused = !this.paused;
      pause.setAttribute("aria-pressed", String(this.paused));
      pause.textContent = this.paused ? "Go on" : "Pause";
      this.render();
    });
  }

  // Takes an entry of the journal; they must come in order.
  add(change) {
    if (change.seq <= this.newest) return;
    this.newest = change.seq;
    this.waiting.push(change);
    if (this.waiting.length > 2 * MOST) this.waiting = this.waiting.slice(-MOST);
  }

  render() {
    if (this.paused || this.waiting.length === 0) return;
    const fresh = this.waiting.slice(-MOST).reverse().map(line);
    this.waiting = [];
    this.root.prepend(...fresh);
    while (this.root.childElementCount > MOST) this.root.lastElementChild.remove();
    setHidden(this.none, true);
  }

  clear() {
    this.root.replaceChildren();
    this.waiting = [];
    this.newest = 0;
    setHidden(this.none, false);
  }
}

function line(change) {
  const at = millis(change.at);
  const [mark, word] = change.kind === "workload"
    ? [phaseMark(change.to_state), phaseWord(change.to_state)]
    : change.kind === "action" ? ["way", change.to_state] : [stateMark(change.to_state), change.to_state];
  const what = change.kind === "workload" ? change.workload_id : change.row_id || change.workload_id;
  return el("li", {},
    el("time", { datetime: change.at, title: full(at) }, clock(at)),
    el("span", { class: "mark", "data-mark": mark }, cut(word, 40)),
    el("bdi", { class: "what", title: cut(what) }, cut(what, 120)),
    el("span", { class: "faint why" }, why(change)));
}

function why(change) {
  if (change.kind === "workload") return cut(change.detail || change.cause.replaceAll("_", " "), 200);
  const parts = [];
  if (change.from_state && change.from_state !== change.to_state) parts.push(`was ${cut(change.from_state, 40)}`);
  parts.push(change.kind === "action" ? `${change.cause} ${cut(change.detail, 200)}`.trim() : cut(change.cause, 40));
  if (change.exit_code !== null) parts.push(`exit ${change.exit_code}`);
  if (change.oom_killed) parts.push("out of memory");
  if (change.ended_by === "person") parts.push("stopped by somebody");
  return parts.join(", ");
}
