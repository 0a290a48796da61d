// One container: its whole row, and what became of it.

import { $, cut, el, setHidden, setText } from "./dom.js";
import { get } from "./api.js";
import { full, millis } from "./time.js";
import { containerName, stateMark } from "./words.js";

const MOST = 50;

const FACTS = [
  ["state", "State"], ["workload_id", "Workload"], ["role", "Role"], ["host", "Host"], ["container_id", "Container"],
  ["image_ref", "Image"], ["image_tag", "Tag"], ["port", "Port"], ["subdomain", "Subdomain"], ["stage_id", "Stage"],
  ["id", "Row"], ["created_at", "Made"], ["updated_at", "Changed"], ["last_seen_at", "Last seen"],
];

let asked = 0;

export async function show(record) {
  asked += 1;
  const own = asked;
  setText($("detail-title"), cut(containerName(record)));
  $("detail-facts").replaceChildren(...FACTS.filter(([column]) => record[column]).map(([column, word]) => {
    const text = column.endsWith("_at") ? full(millis(record[column])) : String(record[column]);
    return el("div", {}, el("dt", {}, word), el("dd", {}, el("bdi", {}, text)));
  }));
  const [why, table] = [$("detail-why"), $("detail-changes")];
  setHidden(table, true);
  setText(why, "Loading …");
  $("detail").showModal();
  try {
    const { items } = await get(`/api/v1/containers/${encodeURIComponent(record.id)}/changes?limit=${MOST}`);
    if (own !== asked) return;
    table.tBodies[0].replaceChildren(...items.map(row));
    setHidden(table, items.length === 0);
    setText(why, items.length === 0 ? "The journal has none." : items.length === MOST ? `The newest ${MOST}.` : "");
  } catch (error) {
    if (own === asked) setText(why, `They cannot be loaded: ${error.message}.`);
  }
}

function row(change) {
  const at = millis(change.at);
  const exit = change.exit_code === null ? "" : `${change.exit_code}${change.oom_killed ? ", out of memory" : ""}`;
  const by = change.ended_by === "person" ? ", somebody" : "";
  return el("tr", {},
    el("td", {}, el("time", { datetime: change.at }, full(at))),
    el("td", {}, el("span", { class: "mark", "data-mark": stateMark(change.to_state) }, cut(change.to_state, 40))),
    el("td", {}, `${cut(change.cause, 40)}${by}`),
    el("td", {}, exit));
}
