// The page: wires what is known to what is shown.

import { $, cut, el, setHidden, setMark, setText } from "./dom.js";
import { post } from "./api.js";
import { Controls } from "./controls.js";
import * as detail from "./detail.js";
import { Feed } from "./feed.js";
import * as filter from "./filter.js";
import { Hosts, doubt } from "./hosts.js";
import { Index, compare } from "./index.js";
import { List } from "./list.js";
import { dismissed, settle, tell } from "./notices.js";
import { sentence, session, signIn } from "./session.js";
import { partInWords } from "./strip.js";
import { follow } from "./stream.js";
import { Sync } from "./sync.js";
import { age, clock, now } from "./time.js";
import { plural } from "./words.js";

// So long a frame may be worked on what changed; the rest waits for the next.
const BUDGET = 8;
// Where much changes it is shown so often: who reads cannot follow faster, and painting costs most.
const PACE = 100;
const UNSEEN = 1000;
const AGES = 15_000;
// All are counted anew so often at most.
const COUNTS = 250;

const index = new Index();
const list = new List($("list"), (id) => sync.seen(id));
const feed = new Feed($("feed"), $("no-changes"), $("pause"));
const hostViews = new Hosts($("host-list"));
const controls = new Controls(look);
const dirty = new Set();

let looked = filter.read(location.search);
let who = { may_act: false, interval_s: 30 };
let hosts = [];
let link = { live: false, since: Date.now(), why: "" };
let fault = null;
let trueUntil = 0;
let framed = false;
let recount = false;
let counted = 0;
let drawn = 0;

const sync = new Sync(index, {
  changed(ids) {
    for (const id of ids) dirty.add(id);
    recount = true;
    frame();
  },
  history() {
    setText($("no-changes"), sync.history.ready ? "Nothing has changed in this time." : "They cannot be loaded.");
    showAll();
  },
  feed(change) {
    feed.add(change);
    frame();
  },
  hosts(items) {
    hosts = items;
    showHosts();
  },
  fault(error) {
    if (error?.status === 401) return location.reload();
    fault = error;
    showTrust();
  },
});

// What changed is shown in the next frame, or after a pause if there just was one, however often it changed.
function frame(hurry = false) {
  if (framed) return;
  framed = true;
  const wait = hurry ? 0 : drawn + PACE - performance.now();
  // Of what nobody sees, the title counts.
  if (document.hidden) setTimeout(draw, UNSEEN);
  else if (wait > 0) setTimeout(requestAnimationFrame, wait, draw);
  else requestAnimationFrame(draw);
}

function draw() {
  framed = false;
  drawn = performance.now();
  const until = performance.now() + BUDGET;
  const scene = { index, history: sync.history, filter: looked, mayAct: who.may_act, now: now() };
  for (const id of dirty) {
    dirty.delete(id);
    list.update(id, scene);
    if (performance.now() > until) break;
  }
  if (recount && performance.now() - counted > COUNTS) count();
  feed.render();
  if (dirty.size || recount) frame(dirty.size > 0);
  // For whoever measures.
  if (sync.loaded) mark("listed");
  if (sync.loaded && dirty.size === 0) mark("whole");
}

function mark(name) {
  if (performance.getEntriesByName(name).length === 0) performance.mark(name);
}

function count() {
  recount = false;
  if (!sync.loaded) return;
  counted = performance.now();
  const attention = controls.count(index);
  document.title = attention ? `(${attention}) tinyforge` : "tinyforge";
  let shown = 0;
  for (const workload of index.workloads.values()) if (filter.matching(looked, workload) !== null) shown += 1;
  const total = index.workloads.size;
  setText($("shown"), shown === total ? plural(total, "workload") : `${shown} of ${plural(total, "workload")}`);
  setHidden($("columns"), shown === 0);
  setHidden($("list"), shown === 0);
  setHidden($("filters"), total === 0 && !filter.filters(looked));
  setHidden($("empty"), shown > 0);
  if (shown === 0) showEmpty(total);
}

function showEmpty(total) {
  const kind = total ? "unmatched" : "none";
  if ($("empty").dataset.kind === kind) return;
  $("empty").dataset.kind = kind;
  if (total) {
    const clear = el("button", { type: "button" }, "Clear filters");
    clear.addEventListener("click", () => controls.clear());
    $("empty").replaceChildren(el("p", {}, "Nothing matches."), clear);
    return;
  }
  $("empty").replaceChildren(
    el("p", {}, "There are no workloads yet. tinyforge adds them when it deploys; by hand it is"),
    el("pre", {}, "tinyforge-reconciler workload add shop --name Shop --kind stack\ndocker run -d --label tinyforge.workload.id=shop --label tinyforge.role=web nginx"),
    el("p", { class: "faint" }, "It appears here by itself."));
}

// All is shown anew, from the top.
function showAll() {
  const order = [...index.workloads.values()].sort((a, b) => compare(a.order, b.order));
  for (const { id } of order) {
    dirty.delete(id);
    dirty.add(id);
  }
  recount = true;
  setText($("axis").firstElementChild, `${looked.hours} h ago`);
  frame();
}

function showHosts() {
  hostViews.update(hosts, who.interval_s * 1000, now());
  showTrust();
}

// Says what is not to be believed, and since when.
function showTrust() {
  const interval = who.interval_s * 1000;
  const until = clock(trueUntil || Date.now());
  if (link.live) settle("link");
  else if (link.again) {
    tell("link", "warn", `Not connected since ${clock(link.since)}: ${link.why}. What you see may be old; it is tried again by itself.`,
      { word: "Try now", run: () => stream.now() });
  }
  if (!fault || (fault.status === 0 && !link.live)) settle("fault");
  else {
    const what = fault.status === 503 ? "The database cannot be read" : "The lists cannot be loaded";
    const so = sync.loaded ? `so that what you see is from ${until}` : "and it is tried again by itself";
    tell("fault", "bad", `${what}, ${so}: ${fault.message}`);
  }
  const doubted = hosts.map((host) => [host.host, doubt(host, interval, now())]).filter(([, why]) => why);
  if (doubted.length === 0 || fault || !link.live) settle("hosts");
  else {
    const [name] = doubted[0];
    const text = doubted.length === 1 ? `Host ${cut(name, 80)} is not up to date` : `${doubted.length} hosts are not up to date`;
    tell("hosts", "warn", `${text}: its containers may be otherwise by now. See Hosts.`);
  }
  const trusted = link.live && !fault;
  if (trusted) trueUntil = Date.now();
  setMark($("link"), trusted ? "ok" : link.again || fault ? "warn" : "off", trusted ? "live" : link.again || fault ? "stale" : "connecting");
  document.body.toggleAttribute("data-stale", Boolean(link.again || fault));
  if (sync.loaded || !fault) return;
  setText($("headline"), "Nothing could be loaded yet");
  setText($("shown"), "It shows here as soon as it can be.");
  setHidden($("filters"), true);
}

// Looks for something else from now on.
function look(wanted, typed) {
  const hours = looked.hours;
  looked = wanted;
  const address = filter.write(looked);
  if (typed) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
  controls.show(looked);
  if (looked.hours !== hours) sync.remember(looked.hours);
  showAll();
}

addEventListener("popstate", () => {
  const hours = looked.hours;
  looked = filter.read(location.search);
  controls.show(looked);
  if (looked.hours !== hours) sync.remember(looked.hours);
  showAll();
});

async function asking(button, what) {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  try {
    await what();
  } catch (error) {
    tell("asked", "bad", `It was refused: ${error.message}`, dismissed("asked"));
  } finally {
    button.removeAttribute("aria-disabled");
  }
}

$("reconcile-all").addEventListener("click", ({ currentTarget }) => asking(currentTarget, async () => {
  tell("asked", "info", "A full pass is under way …");
  const { host, containers, rows, plugins, duration_ms: took } = await post("/api/v1/reconcile");
  tell("asked", "info", `Full pass over ${host} in ${took} ms: ${plural(containers.listed, "container")} listed, ${containers.managed} of workloads; `
    + `rows: ${rows.inserted} new, ${rows.updated} changed, ${rows.unchanged} true already, ${rows.missing} gone; `
    + `workloads: ${plugins.succeeded} reconciled, ${plugins.failed} failed, ${plugins.skipped} without a plugin.`, dismissed("asked"));
}));

$("list").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.act === "detail") {
    const record = index.containers.get(button.closest("[data-row]").dataset.row);
    if (record) detail.show(record);
  } else if (button?.dataset.act === "reconcile") {
    const { id } = button.closest("[data-id]").dataset;
    asking(button, async () => {
      await post(`/api/v1/workloads/${encodeURIComponent(id)}/reconcile`);
      tell("asked", "info", `${cut(id, 80)} was handed to its plugin.`, dismissed("asked"));
    });
  }
});

$("list").addEventListener("pointermove", (event) => {
  const strip = event.target.closest(".strip");
  const record = strip && index.containers.get(strip.closest("[data-row]").dataset.row);
  setHidden($("tip"), !record);
  if (!record) return;
  const { left, top, width } = strip.getBoundingClientRect();
  setText($("tip"), partInWords(sync.history.masks(record, now()), sync.history, (event.clientX - left) / width));
  const room = innerWidth - $("tip").offsetWidth - 8;
  $("tip").style.translate = `${Math.max(8, Math.min(event.clientX - 20, room))}px ${top - $("tip").offsetHeight - 6}px`;
});
for (const gone of ["pointerleave", "click"]) $("list").addEventListener(gone, () => setHidden($("tip"), true));
addEventListener("scroll", () => setHidden($("tip"), true), { passive: true });

$("sign-out").addEventListener("click", ({ currentTarget }) => asking(currentTarget, async () => {
  await post("/logout");
  location.reload();
}));

let stream = null;

function begin() {
  setHidden($("board"), false);
  setHidden($("nav"), false);
  controls.show(looked);
  setText($("place"), who.host ?? "");
  setHidden($("reconcile-all"), !who.may_act);
  setHidden($("sign-out"), !who.signed_in);
  let opened = false;
  const load = async () => {
    opened = true;
    await sync.load();
    await sync.remember(looked.hours);
  };
  stream = follow({
    // Lists that are loaded after the stream is open miss nothing.
    open: load,
    reset() {
      feed.clear();
      load();
    },
    change: (record) => sync.change(record),
    link(state) {
      if (state.refused) return location.reload();
      link = state;
      if (!state.live && !opened) load();
      showTrust();
    },
  });
  sync.tick();
  let grown = Date.now();
  setInterval(() => {
    sync.tick();
    showHosts();
    if (sync.history.advance(now())) showAll();
    if (Date.now() - grown > AGES && !document.hidden) {
      grown = Date.now();
      list.grow({ history: sync.history, now: now() });
    }
  }, 1000);
}

async function start() {
  let asked = false;
  for (;;) {
    try {
      const found = await session();
      settle("start");
      if (found) {
        who = found;
        begin();
        // What had the focus is gone.
        if (asked) $("headline").focus();
        return;
      }
      setMark($("link"), "off", "signed out");
      asked = true;
      await signIn();
    } catch (error) {
      setMark($("link"), "warn", "not connected");
      tell("start", "bad", `${sentence(error.message)}: nothing can be shown. It is tried again by itself.`);
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }
}
start();
