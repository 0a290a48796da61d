//! `run`

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use reconciler_actors::guardian::{self, Ending, Parts};
use reconciler_actors::{Control, Lasting, control};
use reconciler_http::{Api, Editor, ServeError, Server};
use reconciler_store::{Access, Holder, HostLock, Store, StoreError, StoreSettings};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tracing::{info, warn};

use super::adapters::{self, Telemetry, Workshop};
use super::reload::Reload;
use crate::cli::Run;
use crate::failure::{Exit, UsageError, chain};
use crate::otlp;
use crate::settings::{Origin, Settings};
use crate::telemetry::LogLevel;
use crate::turns::ask_for_short_turns;

/// A database that cannot be opened is tried again after this.
const OPEN_AGAIN: Duration = Duration::from_millis(500);
/// So often it is seen whether the host's lock is still held.
const LOCK_CHECK: Duration = Duration::from_secs(5);
/// How long the database may take to close, and what is left of traces to be delivered.
const CLOSE: Duration = Duration::from_millis(200);

pub(crate) fn execute(
    settings: Settings,
    args: Run,
    origin: Origin,
    log_level: LogLevel,
) -> anyhow::Result<Exit> {
    allow_many_connections();
    ask_for_short_turns();
    let mut telemetry = Telemetry::new(&settings.host)?;
    let exporter = otlp::start(&settings.log.otlp, settings.host.as_str())?.map(|(traces, exporter)| {
        telemetry.traces = traces;
        exporter
    });
    let engine = Arc::new(adapters::docker(&settings.docker)?);
    let store_settings = adapters::store_settings(&settings, Access::ReadWrite)?;
    let program = async move {
        let mut signals = Signals::listen()?;
        info!(
            version = env!("CARGO_PKG_VERSION"),
            host = %settings.host,
            docker = reconciler_docker::Engine::endpoint(&*engine),
            "starting"
        );
        let (store, lock) = tokio::select! {
            opened = open_patiently(&store_settings) => opened?,
            () = signals.asked_to_end() => return Ok(Exit::Done),
        };
        let store = Arc::new(store);
        info!(database = store.place(), interval_s = settings.reconcile.interval.as_secs(), "index open");
        let workshop = Workshop::new(engine, Arc::clone(&store) as _, args.accept_daemon, telemetry);
        let (parts, taken_over) = watch::channel(workshop.parts(&settings)?);
        let (control, asks) = control();
        let server = serve(&settings, &workshop, control, &parts).await?;
        let reload = Reload::new(origin, settings, log_level, workshop, parts)?;
        actix_rt::spawn(reload.follow());
        let mut lock_lost = None;
        let stop = async {
            tokio::select! {
                () = signals.asked_to_end() => {}
                lost = keep_lock(&store, lock) => lock_lost = Some(lost),
            }
            // From here on a second signal ends the program at once.
            actix_rt::spawn(end_at_the_next(signals));
        };
        let ending = guardian::run(taken_over, asks, stop).await;
        server.stop().await;
        let last_traces = async {
            if let Some(exporter) = exporter {
                exporter.finish(CLOSE).await;
            }
        };
        _ = tokio::join!(tokio::time::timeout(CLOSE, store.close()), last_traces);
        match (ending, lock_lost) {
            (Ending::GaveUp, _) => Ok(Exit::GaveUp),
            (Ending::Stopped, Some(lost)) => Err(lost.into()),
            (Ending::Stopped, None) => {
                info!("ended");
                Ok(Exit::Done)
            }
        }
    };
    // As a task: what the runtime itself waits for is asked anew whenever any task is woken, at each event.
    let exit = actix_rt::System::new().block_on(async {
        let ended = actix_rt::spawn(program).await;
        ended.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()))
    });
    // What still blocks a thread must not hold up the end.
    let code = exit.unwrap_or_else(|error: anyhow::Error| crate::failure::report(&error));
    std::process::exit(code.code().into())
}

/// Raises the bound on open files as far as it may be, within reason: each connection takes two, and systems begin with
/// 1,024. Where it may not be, fewer can connect.
fn allow_many_connections() {
    const ENOUGH: u64 = 16_384;
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < ENOUGH
    {
        _ = setrlimit(Resource::RLIMIT_NOFILE, hard.min(ENOUGH), hard);
    }
}

/// Serves what others may see. It reads over connections of its own, so that nobody who asks holds up a write.
async fn serve(
    settings: &Settings,
    workshop: &Workshop,
    control: Control,
    parts: &watch::Sender<Parts>,
) -> anyhow::Result<Server> {
    let (interval, intervals) = watch::channel(settings.reconcile.interval);
    let mut parts = parts.subscribe();
    actix_rt::spawn(async move {
        while parts.changed().await.is_ok() {
            interval.send_replace(parts.borrow().interval);
        }
    });
    let api = Api {
        host: settings.host.clone(),
        store: Arc::new(adapters::store(settings, Access::ReadOnly).await?),
        journal: Arc::new(adapters::store(settings, Access::ReadOnly).await?),
        editor: Arc::new(Editor::new(
            settings.http.edit_workloads,
            adapters::store_settings(settings, Access::ReadWrite)?,
        )),
        control,
        signals: workshop.signals(),
        metrics: workshop.metrics(),
        access: adapters::access(&settings.http),
        interval: intervals,
    };
    let server = reconciler_http::serve(api, &settings.http.listen).map_err(|error| match error {
        ServeError::Open { .. } => UsageError(error.to_string()).into(),
        bind => anyhow::Error::from(bind),
    })?;
    info!(address = %server.listen, "listening");
    Ok(server)
}

/// The database, migrated and locked. Waits for one that is not there yet.
async fn open_patiently(settings: &StoreSettings) -> anyhow::Result<(Store, HostLock)> {
    let mut fault = Lasting::new("database_unavailable");
    loop {
        match open(settings).await {
            Ok(opened) => {
                fault.over();
                return Ok(opened);
            }
            Err(error) if error.is_transient() => fault.happened(&chain(&error)),
            Err(error) => return Err(error.into()),
        };
        tokio::time::sleep(OPEN_AGAIN).await;
    }
}

/// The database, migrated, and this host in it locked for this process.
pub(super) async fn open(settings: &StoreSettings) -> Result<(Store, HostLock), StoreError> {
    let store = Store::open(settings).await?;
    store.migrate().await?;
    let lock = store.lock_host(&this_process()).await?;
    Ok((store, lock))
}

fn this_process() -> Holder {
    let hostname = nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned());
    Holder { hostname: hostname.unwrap_or_default(), pid: std::process::id(), since: Timestamp::now() }
}

/// Watches over the lock, and takes it again when the database has ended the session that held it. Ends only if somebody
/// else took it.
async fn keep_lock(store: &Store, mut lock: HostLock) -> StoreError {
    loop {
        tokio::time::sleep(LOCK_CHECK).await;
        if lock.still_held().await {
            continue;
        }
        warn!("the session that locked the host is gone: locking it again");
        loop {
            match store.lock_host(&this_process()).await {
                Ok(held) => {
                    lock = held;
                    break;
                }
                Err(error @ StoreError::HostLocked { .. }) => return error,
                Err(_) => tokio::time::sleep(OPEN_AGAIN).await,
            }
        }
    }
}

/// The signals that ask the program to end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn asked_to_end(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => info!("SIGTERM: winding up"),
            _ = self.interrupt.recv() => info!("SIGINT: winding up"),
        }
    }
}

async fn end_at_the_next(mut signals: Signals) {
    signals.asked_to_end().await;
    std::process::exit(Exit::Failed.code().into())
}
