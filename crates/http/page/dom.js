// What touches the document. Text from outside goes in as text and as attributes' values, and never as markup.

export const $ = (id) => document.getElementById(id);

// Sets only what differs: what is set is laid out anew.
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttr(node, name, value) {
  if (value === null || value === undefined || value === "") {
    if (node.hasAttribute(name)) node.removeAttribute(name);
  } else if (node.getAttribute(name) !== value) {
    node.setAttribute(name, value);
  }
}

export function setHidden(node, hidden) {
  if (node.hidden !== hidden) node.hidden = hidden;
}

export function setMark(node, mark, word) {
  setAttr(node, "data-mark", mark);
  setText(node, word);
}

export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttr(node, name, value);
  node.append(...children);
  return node;
}

// A copy of a template, and its parts by name.
export function copy(id) {
  const root = $(id).content.firstElementChild.cloneNode(true);
  const parts = {};
  for (const part of root.querySelectorAll("[data-part]")) parts[part.dataset.part] = part;
  return { root, parts };
}

// Hints are read, not scrolled through.
export function cut(text, most = 300) {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}
