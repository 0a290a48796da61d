//! A headless Chromium with one tab, told what to do over its debugging pipe.

use std::panic::Location;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::stage::PATIENCE;

/// How long to wait between two looks.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// See the [module](self). Dropping it ends it.
pub(crate) struct Browser {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    session: Option<String>,
    asked: u64,
    complaints: Vec<String>,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts it, with an empty profile and a tab as wide as a desk's screen.
    ///
    /// # Panics
    ///
    /// If there is no Chromium.
    pub(crate) async fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        // It speaks on the descriptors 3 and 4.
        command.args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null", "chromium"]);
        command.args(["--headless", "--remote-debugging-pipe", "--disable-gpu", "--disable-dev-shm-usage"]);
        command.args(["--no-first-run", "--disable-background-networking", "--disable-component-update"]);
        command.args([
            "--disable-extensions",
            "--disable-sync",
            "--password-store=basic",
            "--hide-scrollbars",
        ]);
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        if nix::unistd::geteuid().is_root() {
            command.arg("--no-sandbox");
        }
        // What it leaves behind when it is killed goes with the profile.
        command.arg("about:blank").env("HOME", profile.path()).env("TMPDIR", profile.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut browser =
            Self { child, to, from, session: None, asked: 0, complaints: Vec::new(), _profile: profile };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"})).await;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = browser.call("Target.attachToTarget", attach).await;
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({})).await;
        }
        browser.resize(1440, 900).await;
        browser
    }

    pub(crate) async fn resize(&mut self, width: u32, height: u32) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Goes to an address, and waits until its document is there.
    pub(crate) async fn visit(&mut self, url: &str) {
        self.call("Page.navigate", json!({"url": url})).await;
        self.sees("document.readyState === 'complete' && location.href !== 'about:blank'").await;
    }

    /// What an expression of JavaScript comes to, as JSON; what it promises is waited for.
    #[track_caller]
    pub(crate) fn ask(&mut self, script: &str) -> impl Future<Output = Value> {
        let caller = Location::caller();
        async move {
            let wanted = json!({"expression": script, "awaitPromise": true, "returnByValue": true});
            let answer = self.call("Runtime.evaluate", wanted).await;
            let fault = &answer["exceptionDetails"];
            assert!(fault.is_null(), "{caller}: {script}: {}", fault["exception"]["description"]);
            answer["result"]["value"].clone()
        }
    }

    /// Waits until an expression of JavaScript is true.
    #[track_caller]
    pub(crate) fn sees(&mut self, script: &str) -> impl Future<Output = ()> {
        self.wait(Location::caller(), script.to_owned())
    }

    /// Waits until the page shows a text.
    #[track_caller]
    pub(crate) fn reads(&mut self, text: &str) -> impl Future<Output = ()> {
        self.wait(Location::caller(), format!("document.body.innerText.includes({})", Value::from(text)))
    }

    async fn wait(&mut self, caller: &'static Location<'static>, script: String) {
        let until = Instant::now() + PATIENCE;
        // While it goes elsewhere an expression may have nobody to ask.
        let guarded = format!("(() => {{ try {{ return Boolean({script}) }} catch {{ return false }} }})()");
        while self.ask(&guarded).await != true {
            if Instant::now() > until {
                let text = self.ask("document.body.innerText").await;
                panic!("{caller}: waited in vain for {script}; {:?}; {text}", self.complaints);
            }
            sleep(BETWEEN_LOOKS).await;
        }
    }

    /// Presses a key and lets it go, as a person does: `Tab`, `Enter`, `Escape` or a letter.
    pub(crate) async fn press(&mut self, key: &str) {
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            "Escape" => 27,
            other => other.to_ascii_uppercase().bytes().next().map_or(0, u32::from),
        };
        let text = match key {
            "Enter" => "\r",
            letter if letter.len() == 1 => letter,
            _ => "",
        };
        let mut event = json!({"type": "keyDown", "key": key, "windowsVirtualKeyCode": code, "text": text});
        self.call("Input.dispatchKeyEvent", event.clone()).await;
        event["type"] = "keyUp".into();
        self.call("Input.dispatchKeyEvent", event).await;
    }

    /// Types a text where the focus is.
    pub(crate) async fn types(&mut self, text: &str) {
        self.call("Input.insertText", json!({"text": text})).await;
    }

    /// What assistive technology is told: the role and the name of each node that is not left out.
    pub(crate) async fn told(&mut self) -> Vec<(String, String)> {
        let tree = self.call("Accessibility.getFullAXTree", json!({})).await;
        let nodes = tree["nodes"].as_array().cloned().unwrap_or_default();
        let text = |node: &Value, field: &str| node[field]["value"].as_str().unwrap_or_default().to_owned();
        nodes
            .iter()
            .filter(|node| node["ignored"] != true)
            .map(|node| (text(node, "role"), text(node, "name")))
            .collect()
    }

    /// What the page did wrong: exceptions, errors and warnings on its console, what its policy forbade. That a request
    /// is refused or nobody answers is no fault of its own.
    pub(crate) fn complaints(&self) -> &[String] {
        &self.complaints
    }

    pub(crate) async fn call(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let mut message = json!({"id": self.asked, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        let mut line = message.to_string().into_bytes();
        line.push(0);
        self.to.write_all(&line).await.expect("is Chromium here? as root: apt-get install chromium");
        loop {
            let told = self.next().await;
            if told["id"] == self.asked {
                assert!(told["error"].is_null(), "{method}: {}", told["error"]);
                return told["result"].clone();
            }
            self.hear(&told);
        }
    }

    async fn next(&mut self) -> Value {
        let mut bytes = Vec::new();
        let read = timeout(PATIENCE, self.from.read_until(0, &mut bytes)).await;
        read.expect("Chromium does not answer").unwrap();
        assert_eq!(bytes.pop(), Some(0), "Chromium ended; is it here? as root: apt-get install chromium");
        serde_json::from_slice(&bytes).unwrap()
    }

    fn hear(&mut self, told: &Value) {
        let params = &told["params"];
        let complaint = match told["method"].as_str().unwrap_or_default() {
            "Runtime.exceptionThrown" => params["exceptionDetails"].to_string(),
            "Runtime.consoleAPICalled" if params["type"] != "log" => params["args"].to_string(),
            "Log.entryAdded" if params["entry"]["source"] != "network" => params["entry"].to_string(),
            _ => return,
        };
        self.complaints.push(complaint);
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its profile is removed after it.
        _ = self.child.start_kill();
        while matches!(self.child.try_wait(), Ok(None)) {
            std::thread::yield_now();
        }
    }
}
