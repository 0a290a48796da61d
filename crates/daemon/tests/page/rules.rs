//! What the page's modules work out, without a document.

use serde_json::Value;

use crate::browser::Browser;
use crate::stage::Stage;

/// Runs a script with all modules at hand, as `m.history`, `m.index` and so on.
async fn run(browser: &mut Browser, script: &str) -> Value {
    let whole = format!(
        "(async () => {{ const m = {{}}; \
         for (const name of ['filter', 'history', 'index', 'stream', 'strip', 'time', 'hosts']) \
         m[name] = await import(`/assets/${{name}}.js`); {script} }})()"
    );
    browser.ask(&whole).await
}

#[tokio::test]
async fn what_modules_work_out() {
    let mut stage = Stage::new("");
    let _program = stage.start().await;
    let mut browser = Browser::start().await;
    // A document of the same site that runs nothing itself.
    browser.visit(&format!("{}livez", stage.url())).await;
    for (what, script, wanted) in CASES {
        let wanted: Value = serde_json::from_str(wanted).unwrap();
        assert_eq!(run(&mut browser, script).await, wanted, "{what}");
    }
    assert_eq!(browser.complaints(), [""; 0]);
}

/// A history of 48 parts of 75 s, up to the end of the last; what happened is told in parts.
macro_rules! history {
    ($script:literal) => {
        concat!(
            "const span = 75_000, now = 1000 * span - 1, at = (part) => new Date((952 + part) * span).toISOString();",
            "const h = new m.history.History(1, now); h.ready = true; let seq = 0;",
            "const tell = (part, from, to, more = {}) => h.record({ seq: ++seq, kind: 'container', row_id: 'r', ",
            "at: at(part), from_state: from, to_state: to, exit_code: null, oom_killed: null, ended_by: '', ...more });",
            "const row = { id: 'r', state: 'running', created_at: at(-100), updated_at: at(-1) };",
            "const told = () => { const runs = []; for (const mask of h.masks(row, now)) { ",
            "const seen = m.history.statesIn(mask).join('+'); ",
            "if (runs.at(-1)?.[0] === seen) runs.at(-1)[1] += 1; else runs.push([seen, 1]); } return runs; };",
            $script
        )
    };
}

const CASES: [(&str, &str, &str); 13] = [
    ("what never changed is as it is all the time", history!("return told()"), r#"[["running", 48]]"#),
    (
        "nothing is claimed before the journal was read",
        history!("h.ready = false; return told()"),
        r#"[["", 48]]"#,
    ),
    (
        "before a row was made there is nothing",
        history!("row.created_at = at(10); return told()"),
        r#"[["", 10], ["running", 38]]"#,
    ),
    (
        "what happened and passed is seen in its part",
        history!(
            "tell(5.2, 'running', 'stopped'); tell(5.4, 'stopped', 'running'); \
             return [told(), m.strip.inWords(h.masks(row, now), 1)]"
        ),
        r#"[[["running", 5], ["running+stopped", 1], ["running", 42]], "last hour: running 98 %, stopped 2 %"]"#,
    ),
    (
        "what lasts goes on to the end",
        history!(
            "row.state = 'stopped'; tell(40, 'running', 'stopped', { exit_code: 9 }); return [told(), h.exit('r').code]"
        ),
        r#"[[["running", 40], ["running+stopped", 1], ["stopped", 7]], 9]"#,
    ),
    (
        "an entry that was taken over is passed over",
        history!(
            "tell(40, 'running', 'paused'); seq = 0; tell(10, 'running', 'missing'); row.state = 'paused'; return told()"
        ),
        r#"[["running", 40], ["running+paused", 1], ["paused", 7]]"#,
    ),
    (
        "as time goes by the parts move on",
        history!(
            "tell(5.2, 'running', 'stopped'); tell(5.4, 'stopped', 'running'); \
             const moved = [h.advance(now), h.advance(now + 2 * span)]; \
             const masks = [...h.masks(row, now + 2 * span)]; return [moved, masks.indexOf(33), masks.length, masks[47]]"
        ),
        "[[false, true], 3, 48, 1]",
    ),
    (
        "events come in pieces, with comments between",
        "const got = []; const read = m.stream.parser((event) => got.push(event)); \
         for (const piece of [': open\\n', '\\nid: 7\\neve', 'nt: change\\r\\ndata: {\"a\":', '1}\\n\\n: beat\\n\\n', 'data: x\\n\\n']) read(piece); \
         return got;",
        r#"[{"event": "change", "data": "{\"a\":1}", "id": "7"}, {"event": "message", "data": "x", "id": "7"}]"#,
    ),
    (
        "the address says what is looked for, and back",
        "const read = m.filter.read('?q=a+b&phase=down,nonsense,degraded&state=stopped&host=h&hours=24&x=1'); \
         return [[...read.phases], read.hours, m.filter.write(read), m.filter.read('?hours=7').hours];",
        r#"[["down", "degraded"], 24, "?q=a+b&phase=down,degraded&state=stopped&host=h&hours=24", 6]"#,
    ),
    (
        "a row has to have what its workload has not",
        "const row = (sought, state, host = 'h') => ({ sought, state, host }); \
         const workload = { phase: 'ready', sought: 'shop', sorted: [row('web nginx', 'running'), row('db', 'stopped'), row('old', 'missing')] }; \
         const look = (q, states = []) => m.filter.matching({ q, phases: new Set(), states: new Set(states), host: '' }, workload)?.length ?? null; \
         return [look(''), look('SHOP'), look('shop nginx'), look('other'), look('', ['missing']), look('old'), look('shop', ['stopped'])];",
        "[2, 2, 1, null, 1, 0, 1]",
    ),
    (
        "a list is no news of a row that changed while it was under way",
        "const index = new m.index.Index(); \
         const row = (state) => ({ id: 'w:a', workload_id: 'w', workload_kind: 'stack', role: 'a', container_id: 'c', image_ref: '', image_tag: '', \
         host: 'h', subdomain: '', port: 0, state, updated_at: '' }); \
         const workload = { id: 'w', name: 'W', kind: 'stack', source_kind: '', status: [] }; \
         const change = { kind: 'container', row_id: 'w:a', workload_id: 'w', container_id: 'c', host: 'h', to_state: 'stopped', at: 'x' }; \
         index.listBegins(); index.load([workload], [row('running')]); \
         index.listBegins(); index.change(change); index.load([workload], [row('running')]); \
         const during = index.containers.get('w:a').state; \
         index.listBegins(); index.load([workload], [row('running')]); \
         const after = index.containers.get('w:a').state; \
         index.listBegins(); index.load([], []); \
         return [during, after, index.workloads.size, index.containers.size];",
        r#"["stopped", "running", 0, 0]"#,
    ),
    (
        "a host is doubted when its list is old or its stream is not there",
        "const now = Date.now(), host = (ago, stream) => ({ last_list_at: ago === null ? '' : new Date(now - ago).toISOString(), stream }); \
         return [[1000, 'open'], [94_000, 'open'], [96_000, 'open'], [1000, 'closed'], [null, 'open']] \
         .map(([ago, stream]) => m.hosts.doubt(host(ago, stream), 30_000, now));",
        r#"["", "", "was listed 2 min ago", "has no event stream", "was never listed"]"#,
    ),
    (
        "a stream that falls silent is given up, and gone on with from where it was",
        "const real = Date.now; let later = 0; Date.now = () => real() + later; \
         const asked = [], links = []; \
         fetch = async (_, { headers, signal }) => { asked.push(headers['Last-Event-ID'] ?? null); \
         return { ok: true, status: 200, body: new ReadableStream({ start(to) { \
         to.enqueue(new TextEncoder().encode('id: 5\\nevent: open\\ndata: {}\\n\\n')); \
         signal.addEventListener('abort', () => to.error(new Error('it ended'))); } }) }; }; \
         return new Promise((resolve) => { const followed = m.stream.follow({ open() {}, change() {}, reset() {}, link(state) { \
         links.push(state.live ? 'live' : state.why); \
         if (links.length === 1) setTimeout(() => { later = 36_000; }, 10); \
         if (links.length === 3) { followed.stop(); resolve([links, asked]); } } }); });",
        r#"[["live", "it fell silent", "live"], [null, "5"]]"#,
    ),
];
