// Keeps what is shown true: the lists, the journal of the last hours, and what no change tells.

import { ApiError, all, get, pages } from "./api.js";
import { History } from "./history.js";
import { now } from "./time.js";

// Workloads that come and go without a container are found by this.
const SWEEP = 30_000;
const UNSEEN = 300_000;
const HOSTS = 5_000;
// With more than so many workloads to ask for, the lists are cheaper.
const ONE_BY_ONE = 6;
const LONGEST_PAUSE = 15_000;
// Changes that may come while the journal is read.
const MOST_WAITING = 20_000;

export class Sync {
  // `hears` has: changed(ids), history(), feed(change), hosts(list), fault(error or null).
  constructor(index, hears) {
    this.index = index;
    this.hears = hears;
    this.history = new History(6, now());
    this.loaded = false;
    this.#waiting = null;
    this.#endings = [];
  }

  #waiting;
  #endings;
  #busy = false;
  #again = false;
  #begun = false;
  #swept = 0;
  #took = 0;
  #hostsAt = 0;
  #pause = 1000;
  #notBefore = 0;
  #asked = new Set();

  // Loads the lists anew; once more where they are being loaded already, for those may be older than what asks for them.
  async load() {
    this.#again = this.#busy;
    if (this.#busy) return;
    this.#busy = true;
    this.#begun = true;
    const begun = performance.now();
    this.index.unsure.clear();
    this.index.listBegins();
    try {
      const [workloads, containers] = await Promise.all([all("/api/v1/workloads"), all("/api/v1/containers")]);
      this.hears.changed(this.index.load(workloads, containers));
      this.history.keepOnly(this.index.containers);
      this.#took = performance.now() - begun;
      this.#swept = Date.now();
      this.loaded = true;
      this.#well();
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#busy = false;
    }
    if (this.#again) await this.load();
  }

  // Reads the journal of the last hours anew.
  async remember(hours) {
    const history = new History(hours, now());
    this.history = history;
    this.#waiting = [];
    this.#asked.clear();
    try {
      const since = encodeURIComponent(new Date(history.begin).toISOString());
      for await (const changes of pages(`/api/v1/changes?since=${since}`)) {
        if (this.history !== history) return;
        for (const change of changes) {
          history.record(change);
          this.hears.feed(change);
        }
      }
      for (const change of this.#waiting) history.record(change);
      history.ready = true;
    } catch (error) {
      this.#failed(error);
      if (error.status !== 401) setTimeout(() => this.history === history && this.remember(hours), LONGEST_PAUSE);
    } finally {
      if (this.history === history) {
        this.#waiting = null;
        this.hears.history();
      }
    }
  }

  // Takes over a change that the stream told.
  change(change) {
    if (this.#waiting?.length < MOST_WAITING) this.#waiting.push(change);
    else this.history.record(change);
    this.hears.feed(change);
    if (change.workload_id) this.hears.changed([this.index.change(change)]);
  }

  // Once a second.
  async tick() {
    if (Date.now() - this.#hostsAt > HOSTS) {
      this.#hostsAt = Date.now();
      get("/api/v1/hosts?limit=1000").then(({ items }) => {
        this.hears.hosts(items);
        if (this.loaded) this.#well();
      }, (error) => this.#failed(error));
    }
    if (this.#busy || !this.#begun || Date.now() < this.#notBefore) return;
    const since = Date.now() - this.#swept;
    const sweep = document.hidden ? UNSEEN : SWEEP;
    const many = this.index.unsure.size > ONE_BY_ONE || !this.loaded;
    if (since > sweep || (many && since > Math.max(2000, 5 * this.#took))) await this.load();
    else if (!many) await this.#ask();
    await this.#askEndings();
  }

  // Has it found out how the stopped containers of a workload ended, where the journal of the last hours does not tell.
  seen(id) {
    if (!this.history.ready) return;
    for (const { id: row, state } of this.index.workloads.get(id)?.rows.values() ?? []) {
      if (state !== "stopped" || this.history.exit(row) || this.#asked.has(row)) continue;
      this.#asked.add(row);
      this.#endings.push({ row, workload: id });
    }
  }

  async #ask() {
    const unsure = [...this.index.unsure];
    this.index.unsure.clear();
    for (const id of unsure) {
      try {
        this.hears.changed(this.index.loadOne(await get(`/api/v1/workloads/${encodeURIComponent(id)}`)));
      } catch (error) {
        if (error.status !== 404) {
          this.index.unsure.add(id);
          this.#failed(error);
          return;
        }
        this.hears.changed(this.index.drop(id));
      }
    }
  }

  async #askEndings() {
    for (const { row, workload } of this.#endings.splice(0, 20)) {
      try {
        const { items } = await get(`/api/v1/containers/${encodeURIComponent(row)}/changes?limit=5`);
        const end = items.find(({ kind, exit_code: code }) => kind === "container" && code !== null);
        if (end && items[0].to_state === "stopped") this.history.learnExit(row, end);
        if (end) this.hears.changed([workload]);
      } catch (error) {
        if (error.status !== 404) this.#asked.delete(row);
      }
    }
  }

  #well() {
    this.#pause = 1000;
    this.hears.fault(null);
  }

  #failed(error) {
    this.#notBefore = Date.now() + this.#pause;
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
    this.hears.fault(error instanceof ApiError ? error : new ApiError(0, String(error)));
  }
}
