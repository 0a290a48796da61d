//! An event's way through three actors, as the program is to be made, and nothing else: each passes on what it is sent, the
//! last writes it through sea-orm. No index, no rule, no deadline, no metric; nobody who uses these libraries in this order can
//! take less.

use std::path::PathBuf;
use std::rc::Rc;

use actix::{
    Actor, ActorFutureExt as _, Addr, AsyncContext as _, Context, Handler, Message, System, WrapFuture as _,
};
use tokio::sync::oneshot;

use crate::bare;
use crate::database::Database;
use crate::floor::SeaOrm;
use crate::plain::PlainRow;

/// A container's row, as an event has it.
#[derive(Message)]
#[rtype(result = "()")]
struct Observed(PlainRow);

#[derive(Message)]
#[rtype(result = "()")]
struct Write(PlainRow);

struct Watcher {
    socket: PathBuf,
    reconciler: Addr<Reconciler>,
    ended: Option<oneshot::Sender<anyhow::Result<()>>>,
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
        ctx.spawn(reading.into_actor(self).map(|read, watcher, _| watcher.end(read)));
    }
}

impl Watcher {
    fn end(&mut self, read: anyhow::Result<()>) {
        if let Some(ended) = self.ended.take() {
            // Nobody waits for it any more only if the program ends.
            _ = ended.send(read);
        }
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

    fn handle(&mut self, Observed(row): Observed, _: &mut Self::Context) {
        self.store.do_send(Write(row));
    }
}

struct Store {
    database: Rc<SeaOrm>,
}

impl Actor for Store {
    type Context = Context<Self>;
}

impl Handler<Write> for Store {
    type Result = ();

    fn handle(&mut self, Write(row): Write, ctx: &mut Self::Context) {
        let database = Rc::clone(&self.database);
        let writing = async move { database.replace(&row).await };
        ctx.spawn(writing.into_actor(self).map(|written, _, _| {
            if let Err(error) = written {
                eprintln!("error: {error:#}");
                System::current().stop_with_code(1);
            }
        }));
    }
}

/// Follows until it is ended.
pub(crate) async fn follow(socket: PathBuf, database: &Database) -> anyhow::Result<()> {
    let database = Rc::new(SeaOrm::open(database).await?);
    let store = Store { database }.start();
    let reconciler = Reconciler { store }.start();
    let (ended, end) = oneshot::channel();
    Watcher { socket, reconciler, ended: Some(ended) }.start();
    end.await?
}
