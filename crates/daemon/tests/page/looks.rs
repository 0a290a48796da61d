//! How the page is used: what is looked for, the keyboard, and many workloads.

use std::collections::HashSet;

use crate::browser::Browser;
use crate::stage::{Stage, container};

/// How many workloads are in sight or can be scrolled to.
fn shown(count: usize) -> String {
    format!("document.querySelectorAll('.workload:not([hidden])').length === {count}")
}

fn chip(group: &str, word: &str) -> String {
    format!("document.querySelector('#{group} .chip[data-word={word}]').click()")
}

#[tokio::test]
async fn what_is_looked_for_is_in_the_address() {
    let mut stage = Stage::new("");
    for id in ["shop", "blog", "wiki"] {
        stage.workload(id, id, "stack");
        stage.docker.put(container(&format!("{id}-1"), id, "web"));
        stage.docker.put(container(&format!("{id}-2"), id, "db"));
    }
    stage.docker.change("blog-2", |one| one.exited(1));
    let _program = stage.start().await;
    let mut browser = Browser::start().await;
    browser.visit(&stage.url()).await;
    browser.sees(&shown(3)).await;
    browser.press("/").await;
    browser.types("shop db").await;
    browser.sees(&shown(1)).await;
    browser.sees("document.querySelectorAll('.workload:not([hidden]) tbody tr').length === 1").await;
    browser.sees("location.search === '?q=shop+db'").await;
    browser.ask("document.querySelector('#clear').click()").await;
    browser.sees(&shown(3)).await;
    browser.ask(&chip("states", "stopped")).await;
    browser.sees("location.search === '?state=stopped'").await;
    browser.sees(&shown(1)).await;
    browser.reads("1 of 3 workloads").await;
    browser.ask("history.back()").await;
    browser.sees(&shown(3)).await;
    browser.sees("location.search === ''").await;
    browser.visit(&format!("{}?q=nobody&phase=down&hours=24", stage.url())).await;
    browser.reads("Nothing matches").await;
    browser.sees("document.querySelector('#q').value === 'nobody'").await;
    browser.sees("document.querySelector('#hours').value === '24'").await;
    browser.sees("document.querySelector('.chip[data-word=down]').ariaPressed === 'true'").await;
    browser.ask("document.querySelector('#empty button').click()").await;
    browser.sees(&shown(3)).await;
    browser.sees("location.search === '?hours=24'").await;
    assert_eq!(browser.complaints(), [""; 0]);
}

#[tokio::test]
async fn all_can_be_done_with_the_keyboard() {
    let mut stage = Stage::new("");
    stage.shop();
    let _program = stage.start().await;
    let mut browser = Browser::start().await;
    browser.visit(&stage.url()).await;
    browser.sees("document.querySelector('[data-act=detail]')").await;
    browser.sees("document.querySelector('#feed li')").await;
    let focused =
        "document.activeElement.id || document.activeElement.dataset.act || document.activeElement.className";
    let mut reached = Vec::new();
    for _ in 0..30 {
        browser.press("Tab").await;
        let at = browser.ask(focused).await;
        reached.push(at.as_str().unwrap().to_owned());
        if reached.last().is_some_and(|at| at == "pause") {
            break;
        }
    }
    assert_eq!(reached[0], "skip");
    for wanted in ["reconcile-all", "q", "hours", "chip", "reconcile", "detail", "pause"] {
        assert!(reached.iter().any(|at| at == wanted), "{wanted} is not reached: {reached:?}");
    }
    browser.ask("document.querySelector('[data-act=detail]').focus()").await;
    browser.press("Enter").await;
    browser.sees("document.querySelector('#detail').open").await;
    browser.press("Escape").await;
    browser.sees("!document.querySelector('#detail').open").await;
    browser.sees("document.activeElement.dataset.act === 'detail'").await;
    let told = browser.told().await;
    let nameless: Vec<_> = told
        .iter()
        .filter(|(role, name)| {
            matches!(role.as_str(), "button" | "link" | "searchbox" | "combobox" | "image" | "table")
                && name.is_empty()
        })
        .collect();
    assert!(nameless.is_empty(), "{nameless:?}");
    let roles: HashSet<_> = told.iter().map(|(role, _)| role.as_str()).collect();
    for landmark in ["banner", "main", "complementary", "search", "table", "rowheader", "status"] {
        assert!(roles.contains(landmark), "{landmark}: {roles:?}");
    }
    assert_eq!(browser.complaints(), [""; 0]);
}

/// Prints how long it takes, and judges nothing: machines differ.
#[tokio::test]
async fn five_hundred_workloads() {
    let mut stage = Stage::new("");
    stage.crowd(500);
    let _program = stage.start().await;
    let mut browser = Browser::start().await;
    browser.visit(&stage.url()).await;
    let all = "document.querySelectorAll('.workload tbody tr').length === 1000";
    browser.sees(all).await;
    // From here on all of them are in the index.
    browser.visit(&format!("{}?", stage.url())).await;
    browser.sees(&shown(500)).await;
    browser.sees(all).await;
    browser.sees("performance.getEntriesByName('whole')[0]").await;
    let paint = browser.ask("performance.getEntriesByName('first-contentful-paint')[0].startTime").await;
    let listed = browser.ask("performance.getEntriesByName('listed')[0].startTime").await;
    let whole = browser.ask("performance.getEntriesByName('whole')[0].startTime").await;
    println!(
        "500 workloads, 1000 containers: first paint {paint} ms, first rows {listed} ms, all rows {whole} ms"
    );
    browser.ask("document.querySelector('#q').focus()").await;
    browser.types("w123 web").await;
    browser.sees(&shown(1)).await;
    stage.docker.change("w123-web", |one| one.exited(1));
    stage.docker.emit("die", "w123-web");
    browser.sees("document.querySelector('[data-row=\"w123:web\"]').innerText.includes('exit 1')").await;
    assert_eq!(browser.complaints(), [""; 0]);
}
