//! That the page shows what is so, as it becomes so.

use reconciler_testkit::fake_docker::FakeContainer;

use crate::browser::Browser;
use crate::stage::{Stage, container};

/// Marks the document, so that one that was loaded anew is known.
const MARK: &str = "window.same = true";

/// How often the journal of the last hours was read: once when it began, and once for each time it had to begin anew.
const READ: &str =
    "performance.getEntriesByType('resource').filter(({ name }) => name.includes('changes?since')).length";

/// The text of the row of a container.
fn row(id: &str) -> String {
    format!("document.querySelector('[data-row=\"{id}\"]')?.innerText.replaceAll('\\n', ' ')")
}

fn is(id: &str, text: &str) -> String {
    format!("{}.includes('{text}')", row(id))
}

#[tokio::test]
async fn nothing_yet() {
    let mut stage = Stage::new("");
    let _program = stage.start().await;
    let mut browser = Browser::start().await;
    browser.visit(&stage.url()).await;
    browser.reads("No workloads yet").await;
    browser.reads("workload add shop --name Shop --kind stack").await;
    browser.reads("followed").await;
    // What comes shows without a word.
    stage.shop();
    stage.docker.emit("start", "c1");
    browser.sees(&is("shop:web", "running")).await;
    assert_eq!(browser.complaints(), [""; 0]);
}

#[tokio::test]
async fn what_runs_is_shown_and_what_changes_shows_by_itself() {
    let mut stage = Stage::new("");
    for (id, kind) in
        [("shop", "stack"), ("blog", "stack"), ("wiki", "site"), ("git", "stack"), ("chat", "stack")]
    {
        stage.workload(id, &id.to_uppercase(), kind);
        let role = if kind == "site" { "site" } else { "web" };
        stage.docker.put(container(&format!("{id}-1"), id, role));
    }
    stage.docker.change("blog-1", FakeContainer::oom_killed);
    let _program = stage.start().await;
    let mut browser = Browser::start().await;
    browser.visit(&stage.url()).await;
    browser.sees("document.querySelectorAll('.workload').length === 5").await;
    browser.sees(&is("shop:web", ":8080")).await;
    browser.sees(&is("shop:web", "app:1.4")).await;
    browser.sees(&is("blog:web", "exit 137, OOM")).await;
    browser.reads("web exited with 137: out of memory").await;
    browser.reads("1 of 5 workloads needs attention").await;
    browser.sees("document.querySelector('.workload h3').innerText.startsWith('BLOG')").await;
    let strip = "document.querySelector('[data-row=\"shop:web\"] .strip')";
    browser.sees(&format!("{strip}.getAttribute('aria-label').includes('last 6 hours: running')")).await;
    browser.ask(MARK).await;
    stage.docker.change("shop-1", |one| one.exited(3));
    stage.docker.emit("die", "shop-1");
    browser.sees(&is("shop:web", "exit 3")).await;
    browser.reads("2 of 5 workloads need attention").await;
    browser.sees("document.querySelector('#feed li').innerText.length > 0").await;
    browser.sees(&format!("{strip}.getAttribute('aria-label').includes('stopped')")).await;
    stage.docker.remove("chat-1");
    stage.docker.emit("destroy", "chat-1");
    browser.reads("1 container is gone").await;
    // A pass is made, and told of.
    browser.ask("document.querySelector('#reconcile-all').click()").await;
    browser.reads("4 containers listed, 4 of workloads").await;
    // Its whole row, and what became of it.
    browser.ask("document.querySelector('[data-row=\"shop:web\"] button').click()").await;
    browser.sees("document.querySelector('#detail').open").await;
    browser.sees("document.querySelector('#detail-changes').innerText.includes('die')").await;
    assert_eq!(browser.ask("window.same").await, true, "it was never loaded anew");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[tokio::test]
async fn a_restart_is_told_and_then_made_up_for() {
    let mut stage = Stage::new("");
    stage.shop();
    let mut program = stage.start().await;
    let mut browser = Browser::start().await;
    browser.visit(&stage.url()).await;
    browser.sees(&is("shop:web", "running")).await;
    browser.ask(MARK).await;
    program.kill();
    browser.reads("Not connected since").await;
    browser.sees("document.body.hasAttribute('data-stale')").await;
    stage.docker.change("c1", |one| one.exited(9));
    let _program = stage.start().await;
    browser.sees(&is("shop:web", "exit 9")).await;
    browser.sees("document.querySelector('#link').innerText === 'live'").await;
    browser.sees("!document.querySelector('.notice') && !document.body.hasAttribute('data-stale')").await;
    assert_eq!(browser.ask("window.same").await, true, "it was never loaded anew");
    assert_eq!(browser.ask(READ).await, 1, "it went on from where it was");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[tokio::test]
async fn what_the_journal_no_longer_holds_is_loaded_anew() {
    let mut stage = Stage::new("");
    stage.shop();
    let mut program = stage.start().await;
    let mut browser = Browser::start().await;
    browser.visit(&stage.url()).await;
    browser.sees(&is("shop:web", "running")).await;
    browser.sees("document.querySelector('#feed li')").await;
    browser.ask(MARK).await;
    program.kill();
    browser.reads("Not connected since").await;
    stage.sql("UPDATE container_changes SET seq = seq + 1000");
    let _program = stage.start().await;
    browser.sees(&format!("{READ} === 2 && document.querySelector('#link').innerText === 'live'")).await;
    browser.sees("document.querySelectorAll('#feed li').length > 0").await;
    stage.docker.change("c1", |one| one.exited(2));
    stage.docker.emit("die", "c1");
    browser.sees(&is("shop:web", "exit 2")).await;
    assert_eq!(browser.ask("window.same").await, true, "the document stays");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[tokio::test]
async fn a_database_that_cannot_be_read_is_told() {
    let mut stage = Stage::new("");
    stage.shop();
    let _program = stage.start().await;
    let mut browser = Browser::start().await;
    browser.visit(&stage.url()).await;
    browser.sees(&is("shop:web", "running")).await;
    stage.sql("ALTER TABLE reconciler_hosts RENAME TO elsewhere");
    browser.reads("The database cannot be read, so that what you see is from").await;
    assert_eq!(browser.ask(&is("shop:web", "running")).await, true, "what was known stays");
    stage.sql("ALTER TABLE elsewhere RENAME TO reconciler_hosts");
    browser.sees("!document.querySelector('[data-name=fault]')").await;
    assert_eq!(browser.complaints(), [""; 0]);
}

#[tokio::test]
async fn hostile_names_stay_text() {
    let mut stage = Stage::new("");
    let script = "<script>window.pwned = 1</script><img src=x onerror='window.pwned = 2'>";
    let long = "x".repeat(4096);
    stage.workload("shop", script, "stack");
    stage.workload("long", &long, "stack");
    stage.workload("rtl", "\u{202e}gnp.exe \u{5d0}\u{5d1}", "stack");
    stage.docker.put(container("c1", "shop", "<b>web</b>\"'&").image("\"><script>window.pwned=3</script>"));
    stage.docker.put(container("c2", "long", &long));
    stage.docker.put(container("c3", "rtl", "\u{202e}bew"));
    let _program = stage.start().await;
    let mut browser = Browser::start().await;
    browser.visit(&stage.url()).await;
    browser.sees("document.querySelectorAll('.workload tbody tr').length === 3").await;
    browser.sees("document.querySelectorAll('#feed li').length > 2").await;
    browser.reads(script).await;
    browser.reads("<b>web</b>\"'&").await;
    for width in [360, 768, 1440] {
        browser.resize(width, 900).await;
        browser.sees(&format!("document.documentElement.scrollWidth <= {width}")).await;
    }
    browser.ask("for (const b of document.querySelectorAll('[data-act=detail]')) { b.click(); document.querySelector('#detail').close() }").await;
    assert_eq!(browser.ask("window.pwned ?? null").await, serde_json::Value::Null);
    assert_eq!(
        browser.ask("document.querySelectorAll('.workload script, .workload img, #feed img').length").await,
        0
    );
    assert_eq!(browser.complaints(), [""; 0]);
}
