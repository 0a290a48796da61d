// What is known of workloads and their containers: loaded as lists, kept true by changes.

import { ATTENTION, PHASES, containerName, phaseKind, stateKind } from "./words.js";

// What a row shows; when it was seen last is not of it.
const SHOWN = ["state", "container_id", "image_ref", "image_tag", "port", "host", "role", "workload_id", "updated_at"];

export class Index {
  constructor() {
    this.workloads = new Map();
    this.containers = new Map();
    // Those of whose rows something changed that no event tells, such as their images.
    this.unsure = new Set();
    // Rows that changed while a list was under way: of them the list is the older word.
    this.#during = null;
  }

  #during;

  listBegins() {
    this.#during = new Set();
  }

  // Takes over whole lists. Answers the ids of the workloads of which something is shown otherwise.
  load(workloads, containers) {
    const changed = new Set();
    const records = new Map(workloads.map((record) => [record.id, record]));
    for (const [id, record] of records) this.#putWorkload(id, record, changed);
    const rows = new Map(containers.map((record) => [record.id, record]));
    for (const record of rows.values()) this.#putContainer(record, changed);
    for (const record of this.containers.values()) {
      if (!rows.has(record.id) && !this.#during?.has(record.id)) this.#dropContainer(record, changed);
    }
    for (const [id, workload] of this.workloads) {
      if (records.has(id)) continue;
      if (workload.record) changed.add(id);
      workload.record = null;
      this.#dropIfEmpty(workload);
    }
    this.#during = null;
    this.#judge(changed);
    return changed;
  }

  // Takes over one workload with its containers.
  loadOne({ containers, ...record }) {
    const changed = new Set();
    this.#putWorkload(record.id, record, changed);
    const rows = new Set(containers.map((row) => row.id));
    for (const row of containers) this.#putContainer(row, changed);
    for (const row of this.workloads.get(record.id).rows.values()) {
      if (!rows.has(row.id)) this.#dropContainer(row, changed);
    }
    this.#judge(changed);
    return changed;
  }

  drop(id) {
    const workload = this.workloads.get(id);
    const changed = new Set([id]);
    if (!workload) return changed;
    workload.record = null;
    this.#dropIfEmpty(workload);
    this.#judge(changed);
    return changed;
  }

  // Takes over an entry of the journal. What it does not tell makes its workload unsure.
  change(change) {
    const { row_id: id, workload_id: workload } = change;
    this.unsure.add(workload);
    if (change.kind === "workload" && this.workloads.get(workload)?.record) {
      const { record } = this.workloads.get(workload);
      const status = record.status.find(({ host }) => host === change.host);
      const told = { phase: change.to_state, reason: change.cause, message: change.detail, since: change.at };
      if (status) Object.assign(status, told);
    } else if (change.kind === "container" && this.containers.has(id)) {
      const record = this.containers.get(id);
      Object.assign(record, {
        state: change.to_state, container_id: change.container_id, host: change.host, updated_at: change.at,
      });
      this.#during?.add(id);
    }
    this.#judge([workload]);
    return workload;
  }

  #putWorkload(id, record, changed) {
    const workload = this.#workload(id);
    const said = JSON.stringify(record);
    if (said !== workload.said) {
      workload.said = said;
      changed.add(id);
    }
    workload.record = record;
  }

  #putContainer(record, changed) {
    const before = this.containers.get(record.id);
    if (before && this.#during?.has(record.id)) {
      record = { ...record, state: before.state, container_id: before.container_id, updated_at: before.updated_at };
    }
    if (before && before.workload_id !== record.workload_id) this.#dropContainer(before, changed);
    if (!before || SHOWN.some((column) => before[column] !== record[column])) changed.add(record.workload_id);
    record.sought = [record.id, record.role, record.container_id, record.image_ref, record.image_tag, record.host,
      record.subdomain].join("\n").toLowerCase();
    this.containers.set(record.id, record);
    this.#workload(record.workload_id).rows.set(record.id, record);
  }

  #dropContainer(record, changed) {
    changed.add(record.workload_id);
    this.containers.delete(record.id);
    const workload = this.workloads.get(record.workload_id);
    if (!workload) return;
    workload.rows.delete(record.id);
    this.#dropIfEmpty(workload);
  }

  #dropIfEmpty(workload) {
    if (!workload.record && workload.rows.size === 0) this.workloads.delete(workload.id);
  }

  #workload(id) {
    if (!this.workloads.has(id)) this.workloads.set(id, { id, record: null, rows: new Map(), said: "" });
    return this.workloads.get(id);
  }

  // Works out what follows from the records.
  #judge(ids) {
    for (const id of ids) {
      const workload = this.workloads.get(id);
      if (workload) Object.assign(workload, judge(workload));
    }
  }
}

// A workload that runs on several hosts is as it is where it is worst.
function judge({ id, record, rows }) {
  const statuses = [...(record?.status ?? [])].sort((a, b) => badness(a.phase) - badness(b.phase));
  const phase = statuses.length ? phaseKind(statuses[0].phase) : "unassessed";
  const several = statuses.length > 1;
  const say = (text, host) => (several && text ? `${host}: ${text}` : text);
  const messages = statuses.map(({ message, host }) => say(message, host)).filter(Boolean);
  const errors = statuses.filter(({ failures }) => failures > 0)
    .map(({ failures, last_error: error, host }) => say(`reconciling failed ${failures === 1 ? "once" : `${failures} times`}: ${error}`, host));
  if (!record) messages.push("The table has no such workload: these rows have lost theirs.");
  const name = record?.name || id;
  return {
    phase,
    name,
    message: messages.join(" · "),
    error: errors.join(" · "),
    ready: statuses.reduce((sum, status) => sum + status.ready, 0),
    wanted: statuses.reduce((sum, status) => sum + status.wanted, 0),
    since: statuses[0]?.since ?? "",
    order: `${ATTENTION.has(phase) ? badness(phase) : 9} ${name.slice(0, 200).toLowerCase()}\n${id}`,
    sought: [id, name, record?.kind, record?.source_kind, ...messages].join("\n").toLowerCase(),
    sorted: [...rows.values()].sort((a, b) => compare(containerName(a), containerName(b)) || compare(a.id, b.id)),
  };
}

function badness(phase) {
  return PHASES.indexOf(phaseKind(phase));
}

export function compare(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

// How many workloads are in each phase, and containers in each state.
export function counts(index) {
  const phases = {};
  const states = {};
  const hosts = new Set();
  for (const { phase } of index.workloads.values()) phases[phase] = (phases[phase] ?? 0) + 1;
  for (const { state, host } of index.containers.values()) {
    states[stateKind(state)] = (states[stateKind(state)] ?? 0) + 1;
    hosts.add(host);
  }
  return { phases, states, hosts };
}
