// What states each container was in, in the parts of the last hours. Memory is bounded by the number of rows: of each
// part it is kept which states were seen in it, and no more.

import { STATES, stateKind } from "./words.js";
import { millis } from "./time.js";

export const PARTS = 48;

const BIT = Object.fromEntries(STATES.map((state, at) => [state, 1 << at]));

export class History {
  constructor(hours, now) {
    this.hours = hours;
    this.span = (hours * 3_600_000) / PARTS;
    this.rows = new Map();
    this.first = Math.floor(now / this.span) - PARTS + 1;
    this.newest = 0;
    // Until the journal was read nothing is claimed.
    this.ready = false;
  }

  // Where the strips begin.
  get begin() {
    return this.first * this.span;
  }

  // Moves on to `now`; whether that took it into another part.
  advance(now) {
    const first = Math.floor(now / this.span) - PARTS + 1;
    const parts = Math.min(first - this.first, PARTS);
    if (parts <= 0) return false;
    for (const row of this.rows.values()) {
      row.mask.copyWithin(0, parts);
      row.mask.fill(0, PARTS - parts);
    }
    this.first = first;
    return true;
  }

  // Takes over an entry of the journal. They must come in order; those that were taken over are passed over.
  record(change) {
    if (change.seq <= this.newest) return;
    this.newest = change.seq;
    if (change.kind !== "container") return;
    const at = millis(change.at);
    let row = this.rows.get(change.row_id);
    if (!row) {
      row = { mask: new Uint8Array(PARTS), at: 0, state: bit(change.from_state), changed: NaN, exit: null };
      this.rows.set(change.row_id, row);
    }
    this.#fill(row.mask, row.at, at, row.state);
    row.at = at;
    row.state = bit(change.to_state);
    if (change.from_state !== change.to_state) row.changed = at;
    if (change.exit_code !== null) row.exit = { code: change.exit_code, oom: change.oom_killed, by: change.ended_by };
    else if (change.to_state === "running") row.exit = null;
  }

  // Of which states each part has seen something, for a row of the table.
  masks(record, now) {
    if (!this.ready) return new Uint8Array(PARTS);
    const row = this.rows.get(record.id);
    const mask = row ? row.mask.slice() : new Uint8Array(PARTS);
    const created = millis(record.created_at);
    const from = row ? row.at : Number.isNaN(created) ? 0 : created;
    this.#fill(mask, from, now, bit(record.state));
    // Before the row was made there was nothing.
    if (created > this.begin) mask.fill(0, 0, Math.min(PARTS, Math.max(0, this.#part(created))));
    return mask;
  }

  changedAt(record) {
    const changed = this.rows.get(record.id)?.changed;
    return changed || millis(record.updated_at);
  }

  exit(id) {
    return this.rows.get(id)?.exit ?? null;
  }

  // How a container ended that did so before the strips begin.
  learnExit(id, change) {
    if (this.rows.has(id)) return;
    this.rows.set(id, {
      mask: new Uint8Array(PARTS), at: 0, state: bit(change.to_state), changed: millis(change.at),
      exit: change.exit_code === null ? null : { code: change.exit_code, oom: change.oom_killed, by: change.ended_by },
    });
  }

  keepOnly(ids) {
    for (const id of this.rows.keys()) if (!ids.has(id)) this.rows.delete(id);
  }

  #part(at) {
    return Math.floor(at / this.span) - this.first;
  }

  #fill(mask, from, to, state) {
    const last = Math.min(PARTS - 1, this.#part(to));
    for (let part = Math.max(0, this.#part(from)); part <= last; part += 1) mask[part] |= state;
  }
}

function bit(state) {
  return state ? BIT[stateKind(state)] : 0;
}

export function statesIn(mask) {
  return STATES.filter((state) => mask & BIT[state]);
}
