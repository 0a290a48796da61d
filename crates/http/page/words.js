// States and phases: their order, their words, and the tone in which they are shown.

// From what is well to what is worst. In a part of a strip that saw several states, the last of them is drawn.
export const STATES = ["running", "created", "removing", "paused", "restarting", "stopped", "missing", "other"];

const STATE_MARKS = {
  running: "ok", created: "way", removing: "way", paused: "held", restarting: "again", stopped: "off", missing: "gone",
};

// From what wants attention most.
export const PHASES = ["down", "crash_looping", "degraded", "unknown", "progressing", "ready", "stopped", "unassessed"];

const PHASE_WORDS = { crash_looping: "crash looping", unassessed: "not assessed" };

const PHASE_MARKS = {
  down: "bad", crash_looping: "again", degraded: "warn", unknown: "odd", progressing: "way", ready: "ok",
  stopped: "off", unassessed: "none",
};

export const ATTENTION = new Set(["down", "crash_looping", "degraded", "unknown"]);

export function stateKind(state) {
  return Object.hasOwn(STATE_MARKS, state) ? state : "other";
}

export function stateMark(state) {
  return STATE_MARKS[stateKind(state)] ?? "odd";
}

export function phaseKind(phase) {
  return Object.hasOwn(PHASE_MARKS, phase) ? phase : "unknown";
}

export function phaseMark(phase) {
  return PHASE_MARKS[phaseKind(phase)];
}

export function phaseWord(phase) {
  return PHASE_WORDS[phase] ?? phase;
}

export function plural(count, one, many = `${one}s`) {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

// What the page says a container is called: its role, else the beginning of its id.
export function containerName(record) {
  if (record.role) return record.role;
  if (record.workload_kind === "site") return "site";
  return record.container_id ? record.container_id.slice(0, 12) : record.id;
}
