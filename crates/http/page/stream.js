// The stream of changes: followed for ever, resumed where it ended, and distrusted when it falls silent.

const URL = "/api/v1/changes/stream";
// The server says something every 15 s.
const SILENCE = 35_000;
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15_000;

// `hears` has: open(), change(record), reset(), link(state), where a state is {live: true}, or
// {live: false, since, why, again}, or {refused: true} where a token is asked for.
export function follow(hears) {
  let last = null;
  let pause = FIRST_PAUSE;
  let lostAt = Date.now();
  let wake = () => {};
  let stopped = false;
  let abort = new AbortController();

  function take({ event, data, id }) {
    if (id !== null) last = id;
    pause = FIRST_PAUSE;
    if (event === "change") hears.change(JSON.parse(data));
    else if (event === "open") hears.open();
    else if (event === "reset") hears.reset();
  }

  async function once() {
    abort = new AbortController();
    let heard = Date.now();
    const watchdog = setInterval(() => Date.now() - heard > SILENCE && abort.abort(), 1000);
    try {
      const headers = last === null ? {} : { "Last-Event-ID": last };
      const response = await fetch(URL, { headers, signal: abort.signal, cache: "no-store" });
      if (response.status === 401) return "refused";
      if (!response.ok) return `it answers ${response.status}`;
      const read = parser(take);
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return "the connection ended";
        if (lostAt) hears.link({ live: true });
        lostAt = 0;
        heard = Date.now();
        read(value);
      }
    } catch {
      return Date.now() - heard > SILENCE ? "it fell silent" : "it cannot be reached";
    } finally {
      clearInterval(watchdog);
      abort.abort();
    }
  }

  async function forever() {
    while (!stopped) {
      const why = await once();
      if (stopped) return;
      if (why === "refused") {
        hears.link({ refused: true });
        return;
      }
      lostAt ||= Date.now();
      const wait = pause * (0.75 + Math.random() / 2);
      pause = Math.min(pause * 2, LONGEST_PAUSE);
      hears.link({ live: false, since: lostAt, why, again: Date.now() + wait });
      await new Promise((resolve) => {
        wake = resolve;
        setTimeout(resolve, wait);
      });
    }
  }
  forever();

  return {
    now: () => wake(),
    stop() {
      stopped = true;
      abort.abort();
      wake();
    },
  };
}

// Reads the format of server-sent events, in pieces as they come.
export function parser(take) {
  let rest = "";
  let event = "";
  let id = null;
  let data = [];
  return (piece) => {
    const lines = (rest + piece).split(/\r\n|\n|\r/);
    rest = lines.pop();
    for (const line of lines) {
      if (line === "") {
        if (event || data.length) take({ event: event || "message", data: data.join("\n"), id });
        event = "";
        data = [];
        continue;
      }
      const colon = line.indexOf(":");
      if (colon === 0) continue;
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "event") event = value;
      else if (field === "data") data.push(value);
      else if (field === "id") id = value;
    }
  };
}
