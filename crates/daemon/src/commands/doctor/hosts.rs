//! Whether every host that has rows has a sidecar that keeps them.

use jiff::{SignedDuration, Timestamp};
use reconciler_store::KnownHost;

use super::finding::Finding;
use crate::output::age::ago;
use crate::output::text::cell;

/// No sidecar lists more rarely than every 5 minutes: three of them without a list are too many.
const LONGEST: SignedDuration = SignedDuration::from_mins(15);
/// How many hosts are named.
const MAX_NAMED: usize = 10;

/// Names the hosts whose rows nobody keeps.
pub(super) fn without_sidecar(hosts: &[KnownHost], now: Timestamp) -> Vec<Finding> {
    let listed_lately = |host: &KnownHost| {
        host.last_list_at.parse::<Timestamp>().is_ok_and(|at| now.duration_since(at) < LONGEST)
    };
    let kept_by_nobody = hosts.iter().filter(|host| host.live_rows > 0 && !listed_lately(host));
    kept_by_nobody.take(MAX_NAMED).map(|host| Finding::warn("hosts", text(host, now))).collect()
}

fn text(host: &KnownHost, now: Timestamp) -> String {
    let name = cell(&host.host, 60);
    let since = match ago(&host.last_list_at, now) {
        never if never == "-" => "no sidecar ever kept them".to_owned(),
        ago => format!("its sidecar listed last {ago}"),
    };
    format!(
        "the host {name} has {} row(s) that say a container is there, and {since}: nobody knows whether they are true; \
         start `run` there with host = \"{name}\", or remove the rows if the host is gone",
        host.live_rows
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_whose_rows_nobody_keeps_are_named() {
        let now: Timestamp = "2025-06-01T12:00:00Z".parse().unwrap();
        let host = |name: &str, last: &str| KnownHost {
            host: name.into(),
            live_rows: 3,
            last_list_at: last.into(),
            ..KnownHost::default()
        };
        let hosts = [
            host("well", "2025-06-01T11:55:00Z"),
            host("late", "2025-06-01T11:40:00Z"),
            host("new\u{1b}", ""),
            host("odd", "yesterday"),
            KnownHost { live_rows: 0, ..host("without rows", "") },
        ];
        let texts: Vec<_> = without_sidecar(&hosts, now).into_iter().map(|finding| finding.text).collect();
        assert_eq!(texts.len(), 3);
        assert!(
            texts[0].contains("late has 3 row(s)") && texts[0].contains("listed last 20m ago"),
            "{}",
            texts[0]
        );
        assert!(texts[1].contains("ever kept them") && !texts[1].contains('\u{1b}'), "{}", texts[1]);
    }
}
