// The API: questions with a deadline, answers or one kind of error.

import { learn } from "./time.js";

const DEADLINE = 15_000;
const PAGE = 1000;

export class ApiError extends Error {
  // `status` is 0 where nobody answered.
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(path, {
      cache: "no-store", signal: AbortSignal.timeout(options.deadline ?? DEADLINE), ...options,
    });
  } catch (error) {
    throw new ApiError(0, error.name === "TimeoutError" ? "it does not answer in time" : "it cannot be reached");
  }
  learn(response);
  const body = response.status === 204 ? null : await response.json().catch(() => null);
  if (!response.ok) throw new ApiError(response.status, body?.detail ?? `it answers ${response.status}`);
  return body;
}

export const get = (path) => ask(path);

export function post(path, body) {
  const json = body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  return ask(path, { method: "POST", deadline: 120_000, ...json });
}

// Page after page of a list, `most` pages at most.
export async function* pages(path, most = 100) {
  let cursor = "";
  for (let page = 0; page < most; page += 1) {
    const joined = `${path}${path.includes("?") ? "&" : "?"}limit=${PAGE}${cursor}`;
    const { items, next_cursor: next } = await get(joined);
    yield items;
    if (!next || items.length < PAGE) return;
    cursor = `&cursor=${encodeURIComponent(next)}`;
  }
}

export async function all(path) {
  const list = [];
  for await (const items of pages(path)) list.push(...items);
  return list;
}
