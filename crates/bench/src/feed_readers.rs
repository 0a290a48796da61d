//! Readers of the change feed: as little client as can be, many in a process of their own.

use std::io::BufRead as _;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::{oneshot, watch};
use tokio::time::{sleep, timeout};

use crate::moments::{Moment, now_nanos};
use crate::program::alone;

const PATIENCE: Duration = Duration::from_secs(30);

/// What a reader has heard: enough to see whether it was each entry once and in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    pub(crate) open: i64,
    last: i64,
    count: u64,
    hash: u64,
}

impl Seen {
    /// What a reader hears that begins after `open`.
    pub(crate) fn of(open: i64, journal: &[i64]) -> Self {
        let mut seen = Self { open, ..Self::default() };
        journal.iter().filter(|seq| **seq > open).for_each(|seq| seen.hear(*seq));
        seen
    }

    fn hear(&mut self, seq: i64) {
        self.last = seq;
        self.count += 1;
        self.hash = self.hash.wrapping_mul(0x0100_0000_01b3).wrapping_add(seq.cast_unsigned());
    }
}

/// One that follows.
pub(crate) struct Follower {
    stream: TcpStream,
    /// What came of a line that has not ended.
    line: Vec<u8>,
    number: i64,
}

/// A line of the feed.
enum Line<'a> {
    Event(&'a [u8], i64),
    Data(&'a [u8]),
}

impl Follower {
    /// One that hears what changes from now on.
    pub(crate) async fn open(address: &str) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(address).await.context("cannot connect to the program")?;
        let request = format!("GET /api/v1/changes/stream HTTP/1.1\r\nhost: {address}\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        Ok(Self { stream, line: Vec::new(), number: 0 })
    }

    /// Reads once; false at the end. What HTTP has around the feed's lines ends with a carriage return, they do not.
    async fn read(&mut self, buffer: &mut [u8], mut on: impl FnMut(Line<'_>)) -> anyhow::Result<bool> {
        let read = self.stream.read(buffer).await?;
        for piece in buffer[..read].split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            let Some(line) = self.line.strip_suffix(b"\n") else { continue };
            if let Some(id) = line.strip_prefix(b"id: ") {
                self.number = std::str::from_utf8(id)?.parse()?;
            } else if let Some(name) = line.strip_prefix(b"event: ") {
                on(Line::Event(name, self.number));
            } else if let Some(data) = line.strip_prefix(b"data: ") {
                on(Line::Data(data));
            }
            self.line.clear();
        }
        Ok(read > 0)
    }

    /// When it heard of each state, until the feed ends.
    pub(crate) async fn moments(&mut self) -> anyhow::Result<Vec<Moment>> {
        let (mut buffer, mut heard) = (vec![0; 65_536], Vec::new());
        while self
            .read(&mut buffer, |line| {
                if let Line::Data(data) = line {
                    heard.push((now_nanos(), data.to_vec()))
                }
            })
            .await?
        {}
        let mut moments = Vec::new();
        for (nanos, data) in heard {
            let change: serde_json::Value = serde_json::from_slice(&data)?;
            let text = |key: &str| change[key].as_str().map(str::to_owned);
            if let (Some(container), Some(state)) = (text("container_id"), text("to_state"))
                && change["kind"] == "container"
                && change["from_state"] != change["to_state"]
            {
                moments.push(Moment { container, state, nanos: nanos? });
            }
        }
        Ok(moments)
    }
}

/// Many, in a process of their own.
pub(crate) struct Readers {
    child: Child,
    orders: ChildStdin,
    told: BufReader<ChildStdout>,
}

impl Readers {
    /// Returns when all follow.
    pub(crate) async fn start(address: &str, count: usize) -> anyhow::Result<Self> {
        let mut command = alone(&std::env::current_exe()?);
        command.args(["readers", address, &count.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("cannot run setpriv")?;
        let orders = child.stdin.take().context("it has no input")?;
        let told = BufReader::new(child.stdout.take().context("it has no output")?);
        let mut readers = Self { child, orders, told };
        ensure!(readers.line().await? == "all follow\n", "the readers do not follow");
        Ok(readers)
    }

    async fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        timeout(PATIENCE, self.told.read_line(&mut line)).await.context("the readers say nothing")??;
        Ok(line)
    }

    /// What each has seen, once all have seen an entry.
    pub(crate) async fn seen(mut self, newest: i64) -> anyhow::Result<Vec<Seen>> {
        self.orders.write_all(format!("{newest}\n").as_bytes()).await?;
        let seen = serde_json::from_str(&self.line().await?)?;
        self.child.kill().await?;
        Ok(seen)
    }
}

/// The process of the readers: says when all follow, is told the last entry, says what each has seen once it has seen that.
pub(crate) async fn follow(address: &str, count: usize) -> anyhow::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    let (say_newest, newest) = watch::channel(i64::MAX);
    let mut readers = Vec::new();
    for _ in 0..count {
        let (opened, open) = oneshot::channel();
        let follower = Follower::open(address).await?;
        readers.push(tokio::spawn(until_seen(follower, opened, newest.clone())));
        timeout(PATIENCE, open).await.context("a reader is not served")??;
    }
    println!("all follow");
    std::thread::spawn(move || {
        let mut line = String::new();
        _ = std::io::stdin().lock().read_line(&mut line);
        say_newest.send_replace(line.trim().parse().unwrap_or_default());
    });
    let mut seen = Vec::new();
    for reader in readers {
        seen.push(reader.await??);
    }
    println!("{}", serde_json::to_string(&seen)?);
    Ok(())
}

async fn until_seen(
    mut follower: Follower,
    opened: oneshot::Sender<()>,
    mut newest: watch::Receiver<i64>,
) -> anyhow::Result<Seen> {
    let (mut buffer, mut seen, mut opened) = (vec![0; 16_384], Seen::default(), Some(opened));
    while seen.last < *newest.borrow_and_update() {
        let hear = |line: Line<'_>| match line {
            Line::Event(b"open", number) => {
                (seen.open, seen.last) = (number, number);
                opened.take().map(|opened| opened.send(()));
            }
            Line::Event(b"change", number) => seen.hear(number),
            Line::Event(..) | Line::Data(_) => {}
        };
        tokio::select! {
            read = follower.read(&mut buffer, hear) => if !read? { break },
            _ = newest.changed() => {}
            // What is lost shows in what was seen.
            () = sleep(PATIENCE / 2) => break,
        }
    }
    Ok(seen)
}
