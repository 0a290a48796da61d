//! Lists, page by page.

use reconciler_core::heal::{HealAction, HealOutcome};
use reconciler_store::{
    Batch, ContainerFilter, Heartbeat, JournalFilter, NewWorkload, Page, Store, Touch, WorkloadFilter,
};

use crate::bed::{Bed, Other, new, on_both, row, rows, upsert, write};

fn some(text: &str) -> Option<String> {
    Some(text.into())
}

/// What the pages of a list have, page after page.
async fn all_pages<T>(
    page: impl AsyncFn(Option<String>) -> Page<T>,
    key: fn(&T) -> String,
) -> Vec<Vec<String>> {
    let mut pages: Vec<Vec<String>> = Vec::new();
    loop {
        let after = pages.last().and_then(|page| page.last().cloned());
        let Page { items, more } = page(after).await;
        pages.push(items.iter().map(key).collect());
        if !more {
            return pages;
        }
    }
}

async fn ids(store: &Store, filter: &ContainerFilter, limit: u16) -> Vec<Vec<String>> {
    let page =
        async |after: Option<String>| store.container_page(filter, after.as_deref(), limit).await.unwrap();
    all_pages(page, |row| row.id.clone()).await
}

async fn five_rows(store: &Store, other: &Other) {
    write(store, rows([new(row("w:a", "c1")), new(row("w:b", "c2")), new(row("w:c", "c3"))])).await;
    other.run("UPDATE containers SET state = 'missing' WHERE id = 'w:b'").await;
    let theirs = "INSERT INTO containers (id, workload_id, workload_kind, host, state) VALUES \
         ('p', 'v', 'project', 'far', 'stopped'), ('ä%2F/:?', '', '', 'far', 'running')";
    other.run(theirs).await;
}

on_both! {
    async fn rows_come_by_id_and_none_twice(bed: Bed) {
        let (store, other) = (bed.store().await, bed.other().await);
        assert_eq!(ids(&store, &ContainerFilter::default(), 2).await, [[""; 0]]);
        five_rows(&store, &other).await;
        let all = ids(&store, &ContainerFilter::default(), 100).await.concat();
        assert_eq!(all.len(), 5);
        let whole = ids(&store, &ContainerFilter::default(), 5).await;
        assert_eq!((whole.len(), whole.concat()), (1, all.clone()), "there is no page behind the last");
        for limit in 1..5 {
            let pages = ids(&store, &ContainerFilter::default(), limit).await;
            assert!(pages.iter().all(|page| page.len() <= limit.into()));
            assert_eq!(pages.concat(), all, "{limit}");
        }
    }

    async fn rows_are_filtered(bed: Bed) {
        let (store, other) = (bed.store().await, bed.other().await);
        five_rows(&store, &other).await;
        let none = ContainerFilter::default;
        for (filter, expected) in [
            (ContainerFilter { workload: some("w"), ..none() }, "w:a w:b w:c"),
            (ContainerFilter { workload: some("w"), state: some("running"), ..none() }, "w:a w:c"),
            (ContainerFilter { state: some("missing"), ..none() }, "w:b"),
            (ContainerFilter { kind: some("project"), ..none() }, "p"),
            (ContainerFilter { host: some("far"), kind: some("stack"), ..none() }, ""),
            (ContainerFilter { workload: some(""), ..none() }, "ä%2F/:?"),
            (ContainerFilter { workload: some("%"), ..none() }, ""),
        ] {
            for limit in [1, 2, 100] {
                assert_eq!(ids(&store, &filter, limit).await.concat().join(" "), expected, "{filter:?}");
            }
        }
        assert_eq!(store.container(&"p".into()).await.unwrap().unwrap().workload_id, "v");
        assert_eq!(store.container(&"P".into()).await.unwrap(), None);
    }

    async fn workloads_with_how_they_are(bed: Bed) {
        let (store, other) = (bed.store().await, bed.other().await);
        for (id, kind, source_kind) in [("b", "site", "static"), ("a", "stack", "compose"), ("c", "stack", "")] {
            let new = NewWorkload {
                id: id.into(), name: id.into(), kind: kind.into(), source_kind: source_kind.into(), source_config: "{}".into(),
            };
            store.add_workload(&new).await.unwrap();
        }
        for (filter, expected) in [
            (WorkloadFilter::default(), "a b c"),
            (WorkloadFilter { kind: some("stack"), ..WorkloadFilter::default() }, "a c"),
            (WorkloadFilter { kind: some("stack"), source_kind: some("") }, "c"),
            (WorkloadFilter { source_kind: some("image"), ..WorkloadFilter::default() }, ""),
        ] {
            for limit in [1, 2, 100] {
                let page = async |after: Option<String>| store.workload_page(&filter, after.as_deref(), limit).await.unwrap();
                let found = all_pages(page, |workload| workload.id.clone()).await.concat();
                assert_eq!(found.join(" "), expected, "{filter:?}");
            }
        }
        for (host, workload) in [("z", "b"), ("y", "b"), ("y", "a"), ("y", "x")] {
            other.run(&format!("INSERT INTO workload_status (host, workload_id) VALUES ('{host}', '{workload}')")).await;
        }
        let among = store.statuses_among(&["a", "b", "c"]).await.unwrap();
        let found: Vec<_> = among.iter().map(|status| format!("{}/{}", status.workload_id, status.host)).collect();
        assert_eq!(found, ["a/y", "b/y", "b/z"]);
        assert_eq!(store.statuses_among(&[]).await.unwrap(), []);
    }

    async fn large_settings_make_a_page_short(bed: Bed) {
        let store = bed.store().await;
        let config = |bytes: usize| format!("{{\"a\":\"{}\"}}", "ä".repeat(bytes / 2));
        for (id, bytes) in [("a", 9), ("b", 3 << 20), ("c", 9), ("d", 3 << 20), ("e", 9 << 20), ("f", 9)] {
            let new = NewWorkload {
                id: id.into(), name: id.into(), kind: "site".into(), source_kind: String::new(), source_config: config(bytes),
            };
            store.add_workload(&new).await.unwrap();
        }
        let page = async |after: Option<String>| {
            store.workload_page(&WorkloadFilter::default(), after.as_deref(), 100).await.unwrap()
        };
        let pages: Vec<_> = all_pages(page, |workload| workload.id.clone()).await.iter().map(|page| page.join("")).collect();
        assert_eq!(pages, ["abc", "d", "e", "f"]);
    }

    async fn hosts_that_were_reconciled_or_have_rows(bed: Bed) {
        let (store, other) = (bed.store().await, bed.other().await);
        let page = async |after: Option<String>| store.host_page(after.as_deref(), 1).await.unwrap();
        assert_eq!(all_pages(page, |host| host.host.clone()).await, [[""; 0]]);
        five_rows(&store, &other).await;
        let beat = Heartbeat { stream: "open".into(), ..Heartbeat::default() };
        write(&store, Batch { touch: Some(Touch { heartbeat: beat, ..Touch::default() }), ..Batch::default() }).await;
        other.run("INSERT INTO reconciler_hosts (host, holder, daemon_id) VALUES ('gone', 'me', 'ID')").await;
        let found = all_pages(page, |host| host.host.clone()).await;
        assert_eq!(found.concat(), ["gone", "local"], "a row without a container is not live");
        other.run("UPDATE containers SET container_id = 'c9' WHERE id = 'p'").await;
        let hosts = store.host_page(None, 9).await.unwrap().items;
        let told: Vec<_> = hosts.iter().map(|h| format!("{} {} {} {}", h.host, h.live_rows, h.stream, h.holder)).collect();
        assert_eq!(told, ["far 1  ", "gone 0  me", "local 2 open "]);
    }

    async fn the_journal_is_read_in_both_directions(bed: Bed) {
        let store = bed.store().await;
        let first = row("w:a", "c1");
        write(&store, rows([new(first.clone()), new(row("w:b", "c2"))])).await;
        let mut stopped = first.clone();
        stopped.state = reconciler_core::state::RowState::Stopped;
        write(&store, rows([upsert(stopped, Some(&first))])).await;
        let healed = HealAction {
            workload: "w".into(), row: "w:a".into(), container: reconciler_core::ids::ContainerId::parse("c1").unwrap(),
            outcome: HealOutcome::Started,
        };
        write(&store, Batch { actions: vec![healed], ..Batch::default() }).await;
        let none = JournalFilter::default;
        let read = async |filter: &JournalFilter, limit| {
            let page = async |after: Option<String>| {
                store.journal_after(filter, after.map_or(0, |seq| seq.parse().unwrap()), limit).await.unwrap()
            };
            all_pages(page, |entry| entry.seq.to_string()).await.concat().join(" ")
        };
        let second = store.journal_after(&none(), 2, 1).await.unwrap();
        assert!(second.more && second.items[0].to_state == "stopped");
        let at = second.items[0].at.parse().unwrap();
        let later: jiff::Timestamp = "9999-01-01T00:00:00Z".parse().unwrap();
        for (filter, expected) in [
            (none(), "1 2 3 4"),
            (JournalFilter { workload: some("w"), ..none() }, "1 2 3 4"),
            (JournalFilter { workload: some("v"), ..none() }, ""),
            (JournalFilter { host: some("far"), ..none() }, ""),
            (JournalFilter { state: some("running"), ..none() }, "1 2"),
            (JournalFilter { kind: some("action"), ..none() }, "4"),
            (JournalFilter { since: Some(at), ..none() }, "3 4"),
            (JournalFilter { since: Some(later), ..none() }, ""),
        ] {
            for limit in [1, 2, 100] {
                assert_eq!(read(&filter, limit).await, expected, "{filter:?}");
            }
        }
        let of_row = async |before: Option<i64>, limit| {
            let page = store.journal_of(&"w:a".into(), before, limit).await.unwrap();
            (page.items.iter().map(|entry| entry.seq).collect::<Vec<_>>(), page.more)
        };
        assert_eq!(of_row(None, 9).await, (vec![4, 3, 1], false));
        assert_eq!(of_row(None, 2).await, (vec![4, 3], true));
        assert_eq!(of_row(Some(3), 2).await, (vec![1], false));
        assert_eq!(store.journal_of(&"x".into(), None, 9).await.unwrap().items, []);
    }
}

/// As tinyforge may have made them: NULL everywhere, and on PostgreSQL types of its own.
#[tokio::test]
async fn adopted_tables_are_paged_through_as_they_are() {
    for bed in [Bed::sqlite(), Bed::postgres().await] {
        let other = bed.other().await;
        let (key, time) = if bed.postgres { ("uuid", "timestamptz") } else { ("text", "text") };
        other
            .run(&format!(
                "CREATE TABLE workloads (id {key} PRIMARY KEY, name text, kind text, source_kind text, \
                 source_config text, created_at {time}, updated_at {time})"
            ))
            .await;
        other
            .run(&format!(
                "CREATE TABLE containers (id varchar(90) PRIMARY KEY, workload_id {key}, workload_kind text, role text, \
                 container_id text, image_ref text, image_tag text, host text, state text, port bigint, subdomain text, \
                 proxy_route_id text, npm_proxy_id bigint, stage_id text, last_seen_at {time}, created_at {time}, \
                 updated_at {time})"
            ))
            .await;
        let [one, two] = ["6d0f4b4e-1f6b-4f3c-8a53-0c7f5d2c1a00", "7d0f4b4e-1f6b-4f3c-8a53-0c7f5d2c1a00"];
        other.run(&format!("INSERT INTO workloads (id) VALUES ('{two}'), ('{one}')")).await;
        other
            .run(&format!("INSERT INTO containers (id, workload_id) VALUES ('b', '{one}'), ('a', NULL)"))
            .await;
        let store = bed.store().await;
        let page = async |after: Option<String>| {
            store.workload_page(&WorkloadFilter::default(), after.as_deref(), 1).await.unwrap()
        };
        assert_eq!(all_pages(page, |workload| workload.id.clone()).await, [[one], [two]]);
        let none = ContainerFilter::default;
        for (filter, expected) in [
            (none(), "a b"),
            (ContainerFilter { workload: some(one), ..none() }, "b"),
            (ContainerFilter { workload: some("no uuid"), ..none() }, ""),
            (ContainerFilter { host: some("local"), workload: some(""), ..none() }, "a"),
        ] {
            assert_eq!(ids(&store, &filter, 1).await.concat().join(" "), expected, "{filter:?}");
        }
    }
}
