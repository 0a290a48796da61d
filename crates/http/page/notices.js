// What must be told above all else, a line each by a name of its own.

import { $, el } from "./dom.js";

const lines = new Map();

// `action` is a button's word and what it does.
export function tell(name, tone, text, action = null) {
  const said = `${tone} ${text}`;
  if (lines.get(name)?.said === said) return;
  const line = el("div", { class: "notice", "data-tone": tone, "data-name": name }, el("p", {}, text));
  if (action) {
    const button = el("button", { type: "button", class: "quiet small" }, action.word);
    button.addEventListener("click", action.run);
    line.append(button);
  }
  lines.get(name)?.line.remove();
  lines.set(name, { said, line });
  $("notices").append(line);
}

export function settle(name) {
  lines.get(name)?.line.remove();
  lines.delete(name);
}

export const dismissed = (name) => ({ word: "Dismiss", run: () => settle(name) });
