// A container's states over the last hours: a bar for each part, its height and colour telling the worst state in it.

import { setAttr } from "./dom.js";
import { PARTS, statesIn } from "./history.js";
import { STATES } from "./words.js";
import { short } from "./time.js";

const STEP = 6;
const BAR = 4;
const HEIGHT = 20;
// Each state has a height of its own, so that it can be told without its colour.
const HEIGHTS = { running: 20, created: 15, removing: 15, paused: 12, restarting: 15, stopped: 8, missing: 3, other: 12 };

const SVG = "http://www.w3.org/2000/svg";

export function draw(svg, masks, hours) {
  const paths = {};
  for (let part = 0; part < PARTS; part += 1) {
    const seen = statesIn(masks[part]);
    if (seen.length === 0) continue;
    const worst = seen[seen.length - 1];
    const height = HEIGHTS[worst];
    const left = part * STEP + 1;
    add(paths, worst, left, HEIGHT - height, height);
    // What ran for a while still shows above what ended it.
    if (seen[0] === "running" && worst !== "running") add(paths, "running", left, 0, HEIGHT - height - 1);
  }
  const used = STATES.filter((state) => paths[state]);
  while (svg.childElementCount > used.length) svg.lastChild.remove();
  used.forEach((state, at) => {
    const path = svg.children[at] ?? svg.appendChild(document.createElementNS(SVG, "path"));
    setAttr(path, "data-state", state);
    setAttr(path, "d", paths[state]);
  });
  setAttr(svg, "aria-label", inWords(masks, hours));
}

function add(paths, state, left, top, height) {
  if (height > 0) paths[state] = `${paths[state] ?? ""}M${left} ${top}h${BAR}v${height}h-${BAR}z`;
}

// The same for those who do not see it.
export function inWords(masks, hours) {
  const counts = {};
  let known = 0;
  for (const mask of masks) {
    const worst = statesIn(mask).pop();
    if (!worst) continue;
    known += 1;
    counts[worst] = (counts[worst] ?? 0) + 1;
  }
  const time = `last ${hours === 1 ? "hour" : `${hours} hours`}`;
  if (known === 0) return `${time}: nothing is known`;
  const told = STATES.filter((state) => counts[state]);
  if (told.length === 1) return `${time}: ${told[0]} all the time it is known`;
  return `${time}: ${told.map((state) => `${state} ${Math.max(1, Math.round((counts[state] / known) * 100))} %`).join(", ")}`;
}

// What a part of a strip shows, by how far along it is, from 0 to 1.
export function partInWords(masks, history, along) {
  const part = Math.min(PARTS - 1, Math.max(0, Math.floor(along * PARTS)));
  const from = history.begin + part * history.span;
  const seen = statesIn(masks[part]);
  const states = seen.length ? seen.join(", ") : "not there yet";
  return `${short(from)} – ${short(from + history.span)}: ${states}`;
}
