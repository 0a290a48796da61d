//! What others may ask of the actors while they run.

use std::time::Duration;

use reconciler_core::ids::WorkloadId;
use tokio::sync::{mpsc, oneshot};

use crate::summary::{PassFailed, PassSummary};

/// Questions that wait for the guardian at most; whoever asks beyond that waits for his turn.
const WAITING: usize = 64;

/// How long all actors together may take to answer that they live.
const ALIVE_WITHIN: Duration = Duration::from_secs(2);

/// Asks the actors. They may have been built anew meanwhile; whoever asks need not know.
#[derive(Clone, Debug)]
pub struct Control {
    asks: mpsc::Sender<Ask>,
}

/// The guardian's end of a [`Control`].
#[derive(Debug)]
pub struct Asks(pub(crate) mpsc::Receiver<Ask>);

/// Something that is asked.
#[derive(Debug)]
pub(crate) enum Ask {
    Pass(oneshot::Sender<Result<PassSummary, PassFailed>>),
    Reconcile(WorkloadId, oneshot::Sender<bool>),
    Alive(oneshot::Sender<()>),
}

/// A control and the end of it that [`run`](crate::guardian::run) takes.
pub fn control() -> (Control, Asks) {
    let (asks, asked) = mpsc::channel(WAITING);
    (Control { asks }, Asks(asked))
}

impl Control {
    /// One full pass, begun after this is asked; answered when all that it led to is committed.
    ///
    /// # Errors
    ///
    /// If Docker or the database does not answer, the daemon is not this host's, or the actors end meanwhile.
    pub async fn pass(&self) -> Result<PassSummary, PassFailed> {
        self.ask(Ask::Pass).await.unwrap_or(Err(PassFailed::Interrupted))
    }

    /// Hands a workload to its plugin, as if it had changed. `None` if it is not known; an error if the actors end
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// [`PassFailed::Interrupted`] if the actors end meanwhile.
    pub async fn reconcile(&self, workload: WorkloadId) -> Result<Option<()>, PassFailed> {
        let known = self.ask(|reply| Ask::Reconcile(workload, reply)).await.ok_or(PassFailed::Interrupted)?;
        Ok(known.then_some(()))
    }

    /// Whether every actor answers, within two seconds. Neither Docker nor the database plays a part.
    pub async fn is_alive(&self) -> bool {
        tokio::time::timeout(ALIVE_WITHIN, self.ask(Ask::Alive)).await.is_ok_and(|answer| answer.is_some())
    }

    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.asks.send(ask(reply)).await.ok()?;
        answer.await.ok()
    }
}
