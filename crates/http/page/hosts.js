// The hosts: whether each is followed, and how old what is known of it is.

import { cut, el, setHidden, setMark, setText } from "./dom.js";
import { age, full, millis } from "./time.js";
import { plural } from "./words.js";

// A host whose list is older than so many intervals is not believed.
const INTERVALS = 3;
const GRACE = 5000;

// Why a host is not to be believed; empty if it is.
export function doubt(host, interval, now) {
  const listed = millis(host.last_list_at);
  if (Number.isNaN(listed)) return "was never listed";
  if (now - listed > INTERVALS * interval + GRACE) return `was listed ${age(now - listed)} ago`;
  if (host.stream !== "open") return "has no event stream";
  return "";
}

export class Hosts {
  constructor(root) {
    this.root = root;
    this.views = new Map();
  }

  update(hosts, interval, now) {
    const names = new Set(hosts.map(({ host }) => host));
    for (const [name, view] of this.views) {
      if (names.has(name)) continue;
      view.root.remove();
      this.views.delete(name);
    }
    for (const host of hosts) {
      if (!this.views.has(host.host)) this.views.set(host.host, this.#make(host.host));
      show(this.views.get(host.host), host, interval, now);
    }
  }

  #make(name) {
    const mark = el("span", { class: "mark" });
    const facts = {};
    const list = el("dl");
    for (const [key, word] of [["list", "Last list"], ["event", "Last event"], ["stream", "Event stream"],
      ["rows", "Live rows"], ["engine", "Engine"], ["holder", "Held by"]]) {
      facts[key] = el("dd");
      list.append(el("div", {}, el("dt", {}, word), facts[key]));
    }
    const root = el("li", { class: "host" }, el("div", { class: "line" }, el("h3", {}, el("bdi", {}, cut(name, 80))), mark), list);
    this.root.append(root);
    return { root, mark, facts };
  }
}

function show({ mark, facts }, host, interval, now) {
  const why = doubt(host, interval, now);
  const [listed, told] = [millis(host.last_list_at), millis(host.last_event_at)];
  setMark(mark, why ? "warn" : "ok", why ? "stale" : "followed");
  setText(facts.list, Number.isNaN(listed) ? "never" : `${age(now - listed)} ago`);
  facts.list.title = full(listed);
  setText(facts.event, Number.isNaN(told) ? "none yet" : `${age(now - told)} ago`);
  facts.event.title = full(told);
  setText(facts.stream, host.stream || "closed");
  setText(facts.rows, plural(host.live_rows, "row"));
  setText(facts.engine, cut(host.engine_version || "–", 60));
  setText(facts.holder, cut(host.holder || "nobody", 120));
  for (const fact of Object.values(facts)) setHidden(fact.parentElement, false);
}
