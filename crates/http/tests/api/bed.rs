//! A server on a database of the test's own.

use std::sync::Arc;
use std::time::Duration;

use reconciler_actors::{Metrics, Signals, control};
use reconciler_core::ids::HostName;
use reconciler_core::row::{Basis, Cause, Row, Upsert};
use reconciler_core::state::RowState;
use reconciler_core::workload::Kind;
use reconciler_http::{Access, Api, EditWorkloads, Editor, Listen, Server, serve};
use reconciler_store::{Access as StoreAccess, Batch, Database as _, NewWorkload, Store, StoreSettings};
use reconciler_testkit::postgres::PrivatePostgres;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// Runs a test on both.
macro_rules! on_both {
    ($($(#[$attribute:meta])* async fn $name:ident($bed:ident: Bed) $body:block)*) => {$(
        $(#[$attribute])*
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn run($bed: crate::bed::Bed) $body

            #[actix_web::test]
            async fn sqlite() {
                run(crate::bed::Bed::sqlite().await).await;
            }

            #[actix_web::test]
            async fn postgres() {
                run(crate::bed::Bed::postgres().await).await;
            }
        }
    )*};
}
pub(crate) use on_both;

pub(crate) struct Bed {
    /// As the program that follows Docker has it.
    pub(crate) store: Store,
    url: String,
    address: String,
    // Dropped last: the server runs until then, and the file is there.
    _server: Server,
    _directory: tempfile::TempDir,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    /// Null if it was no JSON.
    pub(crate) body: Value,
}

impl Bed {
    pub(crate) async fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", directory.path().join("tinyforge.db").display());
        Self::on(&url, directory, EditWorkloads::Auto).await
    }

    pub(crate) async fn postgres() -> Self {
        let url = PrivatePostgres::shared().database().await;
        Self::on(&url, tempfile::tempdir().unwrap(), EditWorkloads::Auto).await
    }

    /// Another server on the same database, with another setting.
    pub(crate) async fn with(&self, edit: EditWorkloads) -> Self {
        Self::on(&self.url, tempfile::tempdir().unwrap(), edit).await
    }

    async fn on(url: &str, directory: tempfile::TempDir, edit: EditWorkloads) -> Self {
        let mut settings = StoreSettings::new(url.parse().unwrap(), HostName::from("local"));
        settings.busy_timeout = Duration::from_secs(20);
        settings.deadline = Duration::from_secs(60);
        let store = Store::open(&settings).await.unwrap();
        store.migrate().await.unwrap();
        let editor = Arc::new(Editor::new(edit, settings.clone()));
        settings.access = StoreAccess::ReadOnly;
        let reader = async || Arc::new(Store::open(&settings).await.unwrap());
        let api = Api {
            host: settings.host.clone(),
            store: reader().await,
            journal: reader().await,
            editor,
            control: control().0,
            signals: Signals::default(),
            metrics: Metrics::new("local", "0").unwrap(),
            access: Access::default(),
            interval: watch::channel(Duration::from_secs(30)).1,
        };
        let server = serve(api, &Listen::Tcp("127.0.0.1:0".parse().unwrap())).unwrap();
        let Listen::Tcp(address) = &server.listen else { panic!("{}", server.listen) };
        Self {
            store,
            url: url.to_owned(),
            address: address.to_string(),
            _server: server,
            _directory: directory,
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        let (host, length) = (&self.address, body.len());
        let head = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n");
        let mut stream = TcpStream::connect(host).await.unwrap();
        stream.write_all(format!("{head}connection: close\r\n\r\n{body}").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), body: serde_json::from_str(body).unwrap_or_default() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "").await
    }

    /// What was asked for, which is there.
    pub(crate) async fn found(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        assert!(answer.head.contains("cache-control: no-store"), "{}", answer.head);
        answer.body
    }

    /// The status and the detail of a problem.
    pub(crate) async fn problem(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let answer = self.ask(method, path, body).await;
        assert!(answer.head.contains("application/problem+json"), "{method} {path}: {answer:?}");
        assert_eq!(answer.body["status"], answer.status);
        (answer.status, answer.body["detail"].as_str().unwrap().to_owned())
    }

    /// What a key of all items of a list is, page after page.
    pub(crate) async fn listed(&self, path: &str, key: &str) -> Vec<String> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let mut found = Vec::new();
        let mut page = self.found(path).await;
        loop {
            found.extend(page["items"].as_array().unwrap().iter().map(|item| text(&item[key])));
            let Some(cursor) = page["next_cursor"].as_str() else { return found };
            let mark = if path.contains('?') { '&' } else { '?' };
            page = self.found(&format!("{path}{mark}cursor={cursor}")).await;
        }
    }

    pub(crate) async fn write(&self, rows: impl IntoIterator<Item = Row>) {
        let new =
            |row| Upsert { row, basis: Basis::Absent, cause: Cause::List, exit: None, exit_is_news: false };
        let batch = Batch { upserts: rows.into_iter().map(new).collect(), ..Batch::default() };
        let written = self.store.write(batch).await.unwrap();
        assert_eq!((written.refused, written.conflicted), (vec![], vec![]));
    }

    pub(crate) async fn change(&self, was: &Row, row: Row) {
        let upsert =
            Upsert { row, basis: Basis::of(Some(was)), cause: Cause::Look, exit: None, exit_is_news: false };
        self.store.write(Batch { upserts: vec![upsert], ..Batch::default() }).await.unwrap();
    }

    pub(crate) async fn workload(&self, id: &str, kind: &str, source_kind: &str) {
        let new = NewWorkload {
            id: id.into(),
            name: id.to_uppercase(),
            kind: kind.into(),
            source_kind: source_kind.into(),
            source_config: "{}".into(),
        };
        self.store.add_workload(&new).await.unwrap();
    }
}

/// A running container's row on the host `local`.
pub(crate) fn row(workload: &str, role: &str) -> Row {
    Row {
        id: format!("{workload}:{role}").into(),
        workload_id: workload.into(),
        workload_kind: Kind::Stack,
        role: role.into(),
        container_id: format!("c-{workload}-{role}").into(),
        image_ref: "nginx:1".into(),
        host: "local".into(),
        state: RowState::Running,
        port: 80,
    }
}
