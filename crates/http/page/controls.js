// The search box, the filters and the headline.

import { $, cut, el, setAttr, setHidden, setMark, setText } from "./dom.js";
import { filters } from "./filter.js";
import { counts } from "./index.js";
import { ATTENTION, PHASES, STATES, phaseMark, phaseWord, plural, stateMark } from "./words.js";

// `change(filter, typed)` is called with what is looked for now; `typed` where it is a letter more or less.
export class Controls {
  constructor(change) {
    this.change = change;
    this.filter = null;
    this.chips = new Map();
    this.hosts = "";
    $("filters").addEventListener("submit", (event) => event.preventDefault());
    $("q").addEventListener("input", () => this.#set({ q: $("q").value.trim() }, true));
    $("host").addEventListener("change", () => this.#set({ host: $("host").value }));
    $("hours").addEventListener("change", () => this.#set({ hours: Number($("hours").value) }));
    $("clear").addEventListener("click", () => this.clear());
    document.addEventListener("keydown", (event) => {
      const writing = event.target.closest?.("input, select, textarea, dialog");
      if (event.key !== "/" || writing || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      $("q").focus();
    });
  }

  clear() {
    this.#set({ q: "", phases: new Set(), states: new Set(), host: "" });
    $("q").focus();
  }

  // Shows what is looked for.
  show(filter) {
    this.filter = filter;
    if ($("q").value.trim() !== filter.q) $("q").value = filter.q;
    $("hours").value = String(filter.hours);
    $("host").value = filter.host;
    setHidden($("clear"), !filters(filter));
  }

  // Shows how many there are of each.
  count(index) {
    const { phases, states, hosts } = counts(index);
    this.#row($("phases"), "phases", PHASES, phases, phaseMark, phaseWord);
    this.#row($("states"), "states", STATES, states, stateMark, (state) => state);
    this.#hosts([...hosts].sort());
    setText($("headline"), headline(index.workloads.size, phases));
    const worst = PHASES.find((phase) => phases[phase]);
    setAttr($("headline"), "data-tone", index.workloads.size ? phaseMark(worst) : null);
    return [...ATTENTION].reduce((sum, phase) => sum + (phases[phase] ?? 0), 0);
  }

  #set(part, typed = false) {
    this.change({ ...this.filter, ...part }, typed);
  }

  #row(root, key, words, present, markOf, wordOf) {
    for (const word of words) {
      const count = present[word] ?? 0;
      const pressed = this.filter[key].has(word);
      const id = `${key} ${word}`;
      if (!this.chips.has(id)) {
        const [mark, number] = [el("span", { class: "mark" }), el("span", { class: "count" })];
        const button = el("button", { type: "button", class: "chip", "data-word": word }, mark, " ", number);
        button.addEventListener("click", () => {
          const chosen = new Set(this.filter[key]);
          if (!chosen.delete(word)) chosen.add(word);
          this.#set({ [key]: chosen });
        });
        this.chips.set(id, { button, mark, number });
        root.append(button);
      }
      const { button, mark, number } = this.chips.get(id);
      setMark(mark, markOf(word), wordOf(word));
      setText(number, count.toLocaleString("en"));
      setAttr(button, "aria-pressed", String(pressed));
      setHidden(button, count === 0 && !pressed);
    }
  }

  #hosts(hosts) {
    const known = hosts.includes(this.filter.host) || !this.filter.host ? hosts : [...hosts, this.filter.host];
    const key = known.join("\n");
    if (key === this.hosts) return;
    this.hosts = key;
    $("host").replaceChildren(el("option", { value: "" }, "all"),
      ...known.map((host) => Object.assign(el("option", {}, cut(host, 60)), { value: host })));
    $("host").firstChild.value = "";
    $("host").value = this.filter.host;
    setHidden($("host-label"), known.length < 2 && !this.filter.host);
  }
}

function headline(total, phases) {
  if (total === 0) return "No workloads yet";
  const attention = [...ATTENTION].reduce((sum, phase) => sum + (phases[phase] ?? 0), 0);
  if (attention) return `${attention.toLocaleString("en")} of ${plural(total, "workload")} ${attention === 1 ? "needs" : "need"} attention`;
  if (phases.progressing) return `${plural(phases.progressing, "workload is", "workloads are")} on the way`;
  if (phases.unassessed === total) return plural(total, "workload");
  return total === 1 ? "The one workload is as it should be" : `All ${total.toLocaleString("en")} workloads are as they should be`;
}
