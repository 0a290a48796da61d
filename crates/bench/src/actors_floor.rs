//! An event's way through three actors, as the program is to be made, and nothing else: each passes on what it is sent, the
//! last writes it through sea-orm. No index, no rule, no deadline, no metric; nobody who uses these libraries in this order can
//! take less.

use std::path::PathBuf;
use std::rc::Rc;

use actix::{
    Actor, ActorFutureExt as _, Addr, AsyncContext as _, Context, Handler, Message, WrapFuture as _,
};
use anyhow::Context as _;
use tokio::sync::mpsc;

use crate::bare;
use crate::database::Database;
use crate::floor::SeaOrm;
use crate::plain::PlainRow;

/// A container's row, as an event has it.
#[derive(Message)]
#[rtype(result = "()")]
struct Observed(PlainRow);

/// Told how it ended: the first word counts.
type Ended = mpsc::Sender<anyhow::Result<()>>;

struct Watcher {
    socket: PathBuf,
    reconciler: Addr<Reconciler>,
    ended: Ended,
}

impl Actor for Watcher {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let (socket, reconciler) = (self.socket.clone(), self.reconciler.clone());
        let pass_on = async move |row| {
            reconciler.do_send(Observed(row));
            Ok(())
        };
        let reading = async move { bare::read(&socket, pass_on).await };
        ctx.spawn(reading.into_actor(self).map(|read, watcher, _| _ = watcher.ended.try_send(read)));
    }
}

struct Reconciler {
    store: Addr<Store>,
}

impl Actor for Reconciler {
    type Context = Context<Self>;
}

impl Handler<Observed> for Reconciler {
    type Result = ();

    fn handle(&mut self, observed: Observed, _: &mut Self::Context) {
        self.store.do_send(observed);
    }
}

struct Store {
    database: Rc<SeaOrm>,
    ended: Ended,
}

impl Actor for Store {
    type Context = Context<Self>;
}

impl Handler<Observed> for Store {
    type Result = ();

    fn handle(&mut self, Observed(row): Observed, ctx: &mut Self::Context) {
        let database = Rc::clone(&self.database);
        let writing = async move { database.replace(&row).await };
        ctx.spawn(writing.into_actor(self).map(|written, store, _| {
            if written.is_err() {
                _ = store.ended.try_send(written);
            }
        }));
    }
}

/// Follows until it is ended.
pub(crate) async fn follow(socket: PathBuf, database: &Database) -> anyhow::Result<()> {
    let database = Rc::new(SeaOrm::open(database).await?);
    let (ended, mut end) = mpsc::channel(1);
    let store = Store { database, ended: ended.clone() }.start();
    let reconciler = Reconciler { store }.start();
    Watcher { socket, reconciler, ended }.start();
    end.recv().await.context("the actors have ended")?
}
