// The list of workloads. Each has nodes of its own, made once and changed where what they show changed.

import { copy, cut, setAttr, setHidden, setMark, setText } from "./dom.js";
import { compare } from "./index.js";
import { matching } from "./filter.js";
import { draw } from "./strip.js";
import { age, full, millis } from "./time.js";
import { containerName, phaseMark, phaseWord, plural, stateMark } from "./words.js";

// Rows of one workload that are drawn; a workload with more is looked at by searching.
const MOST_ROWS = 200;

export class List {
  // `whenSeen` is called with a workload's id when it comes into view.
  constructor(root, whenSeen) {
    this.root = root;
    this.views = new Map();
    this.sorted = [];
    root.addEventListener("contentvisibilityautostatechange", (event) => {
      if (!event.skipped && event.target.dataset.id !== undefined) whenSeen(event.target.dataset.id);
    }, true);
  }

  // Shows a workload as it is now. `scene` has index, history, filter, mayAct and now.
  update(id, scene) {
    const workload = scene.index.workloads.get(id);
    let view = this.views.get(id);
    if (!workload) {
      if (view) this.#remove(view);
      return;
    }
    const rows = matching(scene.filter, workload);
    if (!view) {
      if (rows === null) return;
      view = this.#make(workload);
    }
    this.#place(view, workload.order);
    setHidden(view.root, rows === null);
    if (rows !== null) show(view, workload, rows, scene);
  }

  // What changes with time alone.
  grow(scene) {
    for (const view of this.views.values()) {
      if (view.root.hidden) continue;
      for (const { parts, record } of view.rows.values()) showAge(parts.since, record, scene);
    }
  }

  clear() {
    this.views.clear();
    this.sorted = [];
    this.root.replaceChildren();
  }

  #make(workload) {
    const view = { ...copy("workload-template"), id: workload.id, order: null, rows: new Map() };
    view.root.dataset.id = workload.id;
    this.views.set(workload.id, view);
    return view;
  }

  #remove(view) {
    view.root.remove();
    this.views.delete(view.id);
    this.sorted.splice(this.sorted.indexOf(view), 1);
  }

  #place(view, order) {
    if (view.order === order) return;
    if (view.order !== null) this.sorted.splice(this.sorted.indexOf(view), 1);
    view.order = order;
    let [low, high] = [0, this.sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare(this.sorted[middle].order, order) < 0) low = middle + 1;
      else high = middle;
    }
    const next = this.sorted[low]?.root ?? null;
    this.sorted.splice(low, 0, view);
    move(this.root, view.root, next);
  }
}

// What has the focus keeps it where it goes.
function move(parent, node, next) {
  const focused = node.contains(document.activeElement) ? document.activeElement : null;
  parent.insertBefore(node, next);
  focused?.focus({ preventScroll: true });
}

function show(view, workload, rows, scene) {
  const { parts } = view;
  const { record, phase, message, error, ready, wanted } = workload;
  setMark(parts.phase, phaseMark(phase), phaseWord(phase));
  setAttr(parts.phase, "title", workload.since && `since ${full(millis(workload.since))}`);
  setText(parts.name, cut(workload.name));
  setAttr(parts.name, "title", hint(workload.name, 40));
  setText(parts.id, workload.name.toLowerCase() === workload.id.toLowerCase() ? "" : cut(workload.id));
  setText(parts.kind, [record?.kind ?? "", record?.source_kind ?? ""].filter(Boolean).map((word) => cut(word, 60)).join(" · "));
  setText(parts.ready, wanted ? `${ready}/${wanted} ready` : "");
  setText(parts.message, message);
  setAttr(parts.message, "title", hint(message, 200));
  setHidden(parts.message, !message);
  setText(parts.error, error);
  setHidden(parts.error, !error);
  setText(parts.caption, `Containers of ${cut(workload.name)}`);
  const button = view.root.querySelector("[data-act=reconcile]");
  setHidden(button, !scene.mayAct || !record);
  setAttr(button, "aria-label", `Reconcile ${cut(workload.name)}`);
  showRows(view, rows, scene);
  setText(parts.none, without(workload, rows));
  setHidden(parts.none, !parts.none.textContent);
  setHidden(parts.rows.parentElement, rows.length === 0);
}

// Where a text is too long to be seen whole, it is told on pointing at it.
function hint(text, room) {
  return text.length > room ? cut(text, 1000) : null;
}

function without(workload, rows) {
  const missing = workload.sorted.filter(({ state }) => state === "missing").length;
  if (rows.length > MOST_ROWS) return `… and ${plural(rows.length - MOST_ROWS, "container")} more: search to see them.`;
  if (workload.sorted.length === 0) return "It has no containers.";
  if (rows.some(({ state }) => state === "missing") || missing === 0) return "";
  return `${plural(missing, "container is", "containers are")} gone; choose “missing” above to see ${missing === 1 ? "it" : "them"}.`;
}

function showRows(view, rows, scene) {
  const body = view.parts.rows;
  const shown = rows.slice(0, MOST_ROWS);
  const wanted = new Set(shown.map(({ id }) => id));
  for (const [id, row] of view.rows) {
    if (wanted.has(id)) continue;
    row.root.remove();
    view.rows.delete(id);
  }
  shown.forEach((record, at) => {
    let row = view.rows.get(record.id);
    if (!row) {
      row = copy("container-template");
      row.root.dataset.row = record.id;
      view.rows.set(record.id, row);
    }
    row.record = record;
    if (body.children[at] !== row.root) move(body, row.root, body.children[at] ?? null);
    showRow(row.parts, record, scene);
  });
}

function showRow(parts, record, { history, now }) {
  setMark(parts.state, stateMark(record.state), cut(record.state, 40));
  const exit = record.state === "stopped" ? history.exit(record.id) : null;
  setText(parts.exit, exit ? `exit ${exit.code}${exit.oom ? ", OOM" : ""}` : "");
  setAttr(parts.exit, "data-bad", exit && (exit.oom || exit.code !== 0) ? "yes" : null);
  setAttr(parts.exit, "title", endedBy(exit));
  const name = containerName(record);
  setText(parts.name, cut(name));
  setAttr(parts.name.parentElement, "title", cut(`${record.id}\n${record.container_id}`));
  // Where it is narrow, what is cut first is where the image came from.
  const nameAt = record.image_ref.lastIndexOf("/") + 1;
  setText(parts.registry, cut(record.image_ref.slice(0, nameAt)));
  setText(parts.image, cut(record.image_ref.slice(nameAt) || "–"));
  setAttr(parts.image.parentElement, "title", cut(record.image_ref));
  setText(parts.port, record.port ? `:${record.port}` : "");
  setText(parts.host, cut(record.host, 80));
  showAge(parts.since, record, { history, now });
  draw(parts.strip, history.masks(record, now), history.hours);
}

function endedBy(exit) {
  if (!exit) return null;
  return exit.oom ? "killed: out of memory" : exit.by === "person" ? "somebody stopped it" : null;
}

function showAge(node, record, { history, now }) {
  const changed = history.changedAt(record);
  setText(node, Number.isNaN(changed) ? "" : age(now - changed));
  setAttr(node, "title", Number.isNaN(changed) ? null : `since ${full(changed)}`);
}
