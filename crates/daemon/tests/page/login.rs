//! Who may see and do what.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use reconciler_testkit::wait::wait_for;

use crate::browser::Browser;
use crate::stage::{PATIENCE, Stage};

const TOKEN: &str = "a-token-for-everything";
const READS: &str = "a-token-for-reading";
const SETTINGS: &str = "[http]\ntoken = \"a-token-for-everything\"\nread_token = \"a-token-for-reading\"\n";

/// The head of the answer to a request.
fn exchange(stage: &Stage, request: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(stage.address()).unwrap();
    let (address, length) = (stage.address(), body.len());
    let whole = format!(
        "{request}\r\nhost: {address}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    stream.write_all(whole.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

const JSON: &str = "POST /login HTTP/1.1\r\ncontent-type: application/json";
const FORM: &str = "POST /login HTTP/1.1\r\ncontent-type: application/x-www-form-urlencoded";

fn cookie(answer: &str) -> &str {
    let line = answer.lines().find_map(|line| line.strip_prefix("set-cookie: "));
    line.unwrap_or_else(|| panic!("no cookie: {answer}"))
}

// Its requests block, and the fake must answer meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_token_becomes_a_cookie() {
    let mut stage = Stage::new(SETTINGS);
    let mut program = stage.start().await;
    for path in ["/", "/assets/main.js", "/livez"] {
        assert!(exchange(&stage, &format!("GET {path} HTTP/1.1"), "").starts_with("HTTP/1.1 200"), "{path}");
    }
    let right = format!("{{\"token\": \"{TOKEN}\"}}");
    let answer = exchange(&stage, JSON, &right);
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    let given = cookie(&answer);
    assert!(given.ends_with("; Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict"), "{given}");
    assert!(!given.contains(TOKEN));
    let by_https = exchange(&stage, &format!("{JSON}\r\nx-forwarded-proto: https"), &right);
    assert!(cookie(&by_https).ends_with("; Secure"), "{by_https}");
    let by_form = exchange(&stage, FORM, &format!("username=x&token={TOKEN}"));
    assert!(by_form.starts_with("HTTP/1.1 303") && by_form.contains("location: /\r\n"), "{by_form}");
    let jar = given.split(';').next().unwrap().to_owned();
    let reads = exchange(&stage, JSON, &format!("{{\"token\": \"{READS}\"}}"));
    let reader = cookie(&reads).split(';').next().unwrap();
    for (request, status) in [
        ("GET /api/v1/session HTTP/1.1".to_owned(), 401),
        (format!("GET /api/v1/session HTTP/1.1\r\ncookie: {jar}"), 200),
        (format!("POST /api/v1/reconcile HTTP/1.1\r\ncookie: {jar}"), 200),
        (format!("POST /api/v1/reconcile HTTP/1.1\r\ncookie: {reader}"), 403),
        (format!("POST /api/v1/reconcile HTTP/1.1\r\ncookie: {jar}\r\norigin: http://evil.example"), 403),
        (format!("{JSON}\r\nsec-fetch-site: cross-site"), 403),
    ] {
        let answer = exchange(&stage, &request, "");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request}: {answer}");
    }
    assert!(exchange(&stage, JSON, &"x".repeat(5000)).starts_with("HTTP/1.1 413"));
    assert!(exchange(&stage, JSON, "nonsense").starts_with("HTTP/1.1 400"));
    let gone = exchange(&stage, &format!("POST /logout HTTP/1.1\r\ncookie: {jar}"), "");
    assert!(cookie(&gone).contains("; Max-Age=0;"), "{gone}");
    // The same is good after a restart, for it follows from the token.
    program.kill();
    let program = stage.start().await;
    let again = exchange(&stage, &format!("GET /api/v1/session HTTP/1.1\r\ncookie: {jar}"), "");
    assert!(again.starts_with("HTTP/1.1 200"), "{again}");
    // Guesses end soon.
    let guess = || exchange(&stage, JSON, "{\"token\": \"a-guess-of-somebody\"}");
    wait_for("guesses to end", PATIENCE, async || guess().starts_with("HTTP/1.1 429").then_some(())).await;
    let log = program.log();
    assert!(log.contains("a login was refused") && !log.contains("a-guess") && !log.contains(TOKEN), "{log}");
}

#[tokio::test]
async fn the_page_asks_for_a_token() {
    let mut stage = Stage::new(SETTINGS);
    stage.shop();
    let mut program = stage.start().await;
    let mut browser = Browser::start().await;
    browser.visit(&stage.url()).await;
    browser.sees("document.activeElement.id === 'token'").await;
    browser.types("a-wrong-token-0123").await;
    browser.press("Enter").await;
    browser.reads("This is not the token.").await;
    browser.sees("getSelection().toString() !== '' || document.activeElement.id === 'token'").await;
    browser.types(TOKEN).await;
    browser.press("Enter").await;
    browser.sees("document.querySelector('[data-row=\"shop:web\"]')").await;
    browser.sees("document.activeElement.id === 'headline'").await;
    assert_eq!(browser.ask("document.cookie").await, "", "no script reads it");
    browser.ask("document.querySelector('#reconcile-all').click()").await;
    browser.reads("1 container listed, 1 of workloads").await;
    // It outlives the program.
    program.kill();
    browser.reads("Not connected since").await;
    let _program = stage.start().await;
    browser.sees("document.querySelector('#link').innerText === 'live'").await;
    browser.ask("document.querySelector('#sign-out').click()").await;
    browser.sees("document.activeElement.id === 'token'").await;
    browser.types(READS).await;
    browser.press("Enter").await;
    browser.sees("document.querySelector('[data-row=\"shop:web\"]')").await;
    let hidden = "document.querySelector('#reconcile-all').hidden && document.querySelector('[data-act=reconcile]').hidden";
    assert_eq!(browser.ask(hidden).await, true, "who only reads is offered nothing else");
    assert_eq!(browser.complaints(), [""; 0]);
}
