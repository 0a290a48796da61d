// What is looked for. It lives in the page's address, so that it can be shared, and gone back to.

import { PHASES, STATES, stateKind } from "./words.js";

const HOURS = [1, 6, 24];

export function read(search) {
  const given = new URLSearchParams(search);
  const some = (name, known) => new Set((given.get(name) ?? "").split(",").filter((word) => known.includes(word)));
  const hours = Number(given.get("hours"));
  return {
    q: (given.get("q") ?? "").slice(0, 200),
    phases: some("phase", PHASES),
    states: some("state", STATES),
    host: given.get("host") ?? "",
    hours: HOURS.includes(hours) ? hours : 6,
  };
}

export function write({ q, phases, states, host, hours }) {
  const told = new URLSearchParams();
  if (q) told.set("q", q);
  if (phases.size) told.set("phase", [...phases].join(","));
  if (states.size) told.set("state", [...states].join(","));
  if (host) told.set("host", host);
  if (hours !== 6) told.set("hours", hours);
  const search = told.toString().replaceAll("%2C", ",");
  return search ? `?${search}` : location.pathname;
}

export function filters({ q, phases, states, host }) {
  return Boolean(q || phases.size || states.size || host);
}

// The rows of a workload that are to be shown; null if it is not to be shown itself.
export function matching(filter, workload) {
  if (filter.phases.size && !filter.phases.has(workload.phase)) return null;
  const words = filter.q.toLowerCase().split(/\s+/).filter(Boolean);
  const missed = words.filter((word) => !workload.sought.includes(word));
  let rows = workload.sorted;
  if (filter.host) rows = rows.filter(({ host }) => host === filter.host);
  if (filter.states.size) rows = rows.filter(({ state }) => filter.states.has(stateKind(state)));
  // A row has to have what its workload has not.
  if (missed.length) rows = rows.filter(({ sought }) => missed.every((word) => sought.includes(word)));
  const narrowed = filter.host || filter.states.size || missed.length;
  if (narrowed && rows.length === 0) return null;
  // What is gone is not in the way, unless it is asked for.
  return filter.states.has("missing") ? rows : rows.filter(({ state }) => state !== "missing");
}
