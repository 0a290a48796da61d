//! The table that keeps itself up to date.

use std::pin::pin;
use std::time::Duration;

use jiff::Timestamp;
use reconciler_core::state::RowState;
use reconciler_store::ContainerRecord;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::feed::{Feed, Said};
use super::query;
use super::rows::{Rows, Wanted};
use crate::cli::Watch;
use crate::client::News;
use crate::failure::chain;
use crate::output::age::ago;
use crate::output::screen::Screen;
use crate::output::state;
use crate::output::table::Table;
use crate::output::text::{cell, port, short_id};
use crate::settings::{Http, Settings};

/// Ages are drawn anew after this.
const REDRAW: Duration = Duration::from_secs(1);
/// What changes within this is read and drawn together.
const TOGETHER: Duration = Duration::from_millis(100);
/// What could not be read is asked for again after this.
const AGAIN: Duration = Duration::from_secs(1);
/// What the feed said and was not drawn yet.
const AHEAD: usize = 256;

/// Shows the rows until the program is ended. The feed is asked for all changes of the rows that are wanted, also those
/// to another state: such a row leaves the table.
///
/// # Errors
///
/// If nobody answers at first, or what is asked for is refused.
pub(super) async fn show(
    settings: &Settings,
    args: &Watch,
    host: Option<&str>,
    screen: Screen,
) -> anyhow::Result<()> {
    let wanted =
        Wanted { workload: args.workload.clone(), host: host.map(str::to_owned), state: args.state.clone() };
    let asked = [("workload", args.workload.as_deref()), ("host", host), ("kind", Some("container"))];
    let feed = Feed::new(&settings.http, &query("/api/v1/changes/stream", &asked), args.after);
    let (say, said) = mpsc::channel(AHEAD);
    let view = View { settings: settings.http.clone(), rows: Rows::new(wanted), screen, note: String::new() };
    tokio::select! {
        ended = listen(feed, say) => ended,
        ended = view.follow(said) => ended,
    }
}

async fn listen(mut feed: Feed, say: mpsc::Sender<Said>) -> anyhow::Result<()> {
    loop {
        if say.send(feed.next().await?).await.is_err() {
            return Ok(());
        }
    }
}

struct View {
    settings: Http,
    rows: Rows,
    screen: Screen,
    /// What else there is to say: the connection is lost, rows cannot be read.
    note: String,
}

impl View {
    async fn follow(mut self, mut said: mpsc::Receiver<Said>) -> anyhow::Result<()> {
        // The feed first: what changes while the rows are read is told after it is open.
        let Some(first) = said.recv().await else { return Ok(()) };
        self.hear(first);
        let mut due = Instant::now();
        loop {
            let mut clock = pin!(sleep_until(due));
            tokio::select! {
                heard = said.recv() => {
                    let Some(heard) = heard else { return Ok(()) };
                    self.hear(heard);
                    due = due.min(Instant::now() + TOGETHER);
                }
                () = &mut clock => {
                    let pause = self.refresh().await?;
                    due = Instant::now() + pause;
                }
            }
        }
    }

    fn hear(&mut self, said: Said) {
        match said {
            Said::News(News::Change(change)) => self.rows.changed(&change),
            Said::News(News::Open | News::Reset(_)) => self.rows.forget(),
            Said::Lost(why) => self.note = format!("{why}; trying again"),
            Said::Back => self.note.clear(),
        }
    }

    /// Reads and draws; after what time to do so again.
    async fn refresh(&mut self) -> anyhow::Result<Duration> {
        let mut pause = REDRAW;
        if self.rows.are_stale() {
            match self.rows.read(&self.settings).await {
                Ok(()) => self.note.clear(),
                Err(error) => {
                    self.note = chain(error.as_ref());
                    pause = AGAIN;
                }
            }
        }
        let size = self.screen.size();
        let shown: Vec<_> = self.rows.shown().collect();
        let text = text(&shown, &self.note, size, Timestamp::now());
        self.screen.draw(&text)?;
        Ok(pause)
    }
}

/// The table as it fits the terminal, and a last line that says how much of it that is. Of more rows than fit those that
/// changed last are shown.
fn text(rows: &[(&ContainerRecord, &str)], note: &str, size: (u16, u16), now: Timestamp) -> String {
    let (width, height) = size;
    // The header, the last line, and the line that the cursor is on.
    let fit = usize::from(height).saturating_sub(3).max(1);
    let mut shown = rows.to_vec();
    if shown.len() > fit {
        shown.sort_by(|(one, _), (other, _)| {
            other.updated_at.cmp(&one.updated_at).then(one.id.cmp(&other.id))
        });
        shown.truncate(fit);
        shown.sort_by(|(one, _), (other, _)| one.id.cmp(&other.id));
    }
    let count = if shown.len() < rows.len() {
        format!("{} of {} rows: those that changed last", shown.len(), rows.len())
    } else {
        format!("{} rows", rows.len())
    };
    let last = if note.is_empty() { count } else { format!("{count}; {note}") };
    table(&shown, now).render(Some(width)) + &cell(&last, usize::from(width)) + "\n"
}

fn table(rows: &[(&ContainerRecord, &str)], now: Timestamp) -> Table {
    let mut table =
        Table::new(&["STATE", "WORKLOAD", "ROLE", "CONTAINER", "IMAGE", "PORT", "HOST", "CHANGED", "BY"]);
    for (row, cause) in rows {
        let (container, port) = (short_id(&row.container_id), port(row.port));
        let changed = ago(&row.updated_at, now);
        let cells = [
            &*row.state,
            &*row.workload_id,
            &*row.role,
            &*container,
            &*row.image_ref,
            &*port,
            &*row.host,
            &*changed,
            cause,
        ];
        table.row(state::style(&RowState::from_column(&row.state)), cells);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: usize, state: &str) -> ContainerRecord {
        let row = serde_json::json!({
            "id": format!("w:{id:03}"), "workload_id": "w", "workload_kind": "stack", "role": format!("role-{id}"),
            "container_id": "0123456789abcdef", "image_ref": "an.example/image:1", "image_tag": "", "host": "local",
            "state": state, "port": 80, "subdomain": "", "proxy_route_id": "", "npm_proxy_id": 0, "stage_id": "",
            "last_seen_at": "", "created_at": "", "updated_at": format!("2026-01-01T00:{:02}:00Z", id % 60),
        });
        serde_json::from_value(row).unwrap()
    }

    #[test]
    fn it_fits_the_terminal() {
        let records: Vec<_> = (0..100).map(|id| row(id % 60 + id / 60 * 100, "running")).collect();
        let rows: Vec<_> = records.iter().map(|row| (row, "start")).collect();
        for (width, height) in [(80, 24), (200, 50), (60, 5), (60, 1), (300, 200)] {
            let text = text(&rows, "", (width, height), Timestamp::UNIX_EPOCH);
            let plain = anstream::adapter::strip_str(&text).to_string();
            assert!(plain.lines().count() < usize::from(height.max(4)), "{height}:\n{plain}");
            assert!(
                plain.lines().all(|line| line.chars().count() <= usize::from(width)),
                "{width}:\n{plain}"
            );
        }
        let few = text(&rows, "", (120, 5), Timestamp::UNIX_EPOCH);
        assert!(few.contains("role-59") && !few.contains("role-2 "), "{few}");
        assert!(few.ends_with("2 of 100 rows: those that changed last\n"), "{few}");
    }

    #[test]
    fn nothing_in_it_steers_the_terminal() {
        let evil = "\u{1b}[2J\n\u{9b}A".repeat(30);
        let mut hostile = row(1, &evil);
        (hostile.role, hostile.image_ref, hostile.host) = (evil.clone(), evil.clone(), evil.clone());
        let text = text(&[(&hostile, &evil)], &evil, (120, 24), Timestamp::UNIX_EPOCH);
        assert_eq!(text.lines().count(), 3);
        // Only the state's own colour is left.
        assert_eq!(text.matches('\u{1b}').count(), 2, "{text:?}");
    }
}
