//! A change in a line for people. Pure.

use reconciler_store::ChangeRecord;

use crate::output::text::cell;

/// Longest part of a line, in characters.
const MAX: usize = 80;

/// The line, with its end.
pub(super) fn of(change: &ChangeRecord) -> String {
    let text = |text: &str| cell(text, MAX);
    let subject = match &*change.kind {
        "workload" => format!("workload {}", text(&change.workload_id)),
        "action" => format!("action on {}", text(&change.row_id)),
        _ => text(&change.row_id),
    };
    let states = match &change.from_state {
        Some(from) if *from != change.to_state => format!("{} -> {}", text(from), text(&change.to_state)),
        _ => text(&change.to_state),
    };
    let mut line =
        format!("{} {} {subject}: {states} ({}", text(&change.at), text(&change.host), text(&change.cause));
    if let Some(code) = change.exit_code {
        line.push_str(&format!(", exit code {code}"));
    }
    if change.oom_killed == Some(true) {
        line.push_str(", out of memory");
    }
    line.push(')');
    if !change.detail.is_empty() {
        line.push_str(": ");
        line.push_str(&cell(&change.detail, 4 * MAX));
    }
    line + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(kind: &str, from: Option<&str>, to: &str) -> ChangeRecord {
        ChangeRecord {
            seq: 1,
            at: "2026-01-02T03:04:05.000000Z".into(),
            kind: kind.into(),
            host: "local".into(),
            row_id: "shop:web".into(),
            workload_id: "shop".into(),
            container_id: "c1".into(),
            from_state: from.map(Into::into),
            to_state: to.into(),
            cause: "die".into(),
            exit_code: None,
            oom_killed: None,
            finished_at: String::new(),
            ended_by: String::new(),
            detail: String::new(),
        }
    }

    #[test]
    fn changes_in_words() {
        let starved = ChangeRecord {
            exit_code: Some(137),
            oom_killed: Some(true),
            ..change("container", Some("running"), "stopped")
        };
        let told = ChangeRecord { detail: "web exited".into(), ..change("workload", Some("ready"), "down") };
        for (change, line) in [
            (change("container", None, "running"), "shop:web: running (die)"),
            (change("container", Some("stopped"), "stopped"), "shop:web: stopped (die)"),
            (starved, "shop:web: running -> stopped (die, exit code 137, out of memory)"),
            (told, "workload shop: ready -> down (die): web exited"),
            (change("action", None, "started"), "action on shop:web: started (die)"),
        ] {
            assert_eq!(of(&change), format!("2026-01-02T03:04:05.000000Z local {line}\n"));
        }
    }

    #[test]
    fn nothing_in_it_steers_the_terminal() {
        let evil = "\u{1b}[2J\n\r\u{9b}\u{202e}".repeat(1_000);
        let change = ChangeRecord {
            at: evil.clone(),
            host: evil.clone(),
            row_id: evil.clone(),
            cause: evil.clone(),
            detail: evil.clone(),
            from_state: Some(evil.clone()),
            ..change("container", None, &evil)
        };
        let line = of(&change);
        assert!(line.lines().count() == 1 && line.ends_with('\n') && line.chars().count() < 2_000);
        assert!(!line.trim_end().chars().any(|c| c.is_control() || c == '\u{202e}'));
    }
}
