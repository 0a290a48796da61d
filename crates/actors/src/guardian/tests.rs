//! Panics that only an actor's own code can make.

use actix::{Actor, Handler, Message};
use async_trait::async_trait;
use reconciler_plugins::LogPlugin;
use reconciler_store::{Batch, Loaded, NewWorkload, Store, StoreError, StoreSettings, Written};
use reconciler_testkit::fake_docker::{FakeContainer, FakeDocker};
use reconciler_testkit::wait::wait_for;

use crate::messages::Panic;
use crate::plugin::PluginActor;

use super::*;

macro_rules! panics {
    ($($actor:ty),*) => {$(
        impl Handler<Panic> for $actor {
            type Result = ();

            fn handle(&mut self, _: Panic, _: &mut <Self as Actor>::Context) {
                panic!("on purpose");
            }
        }
    )*};
}

panics!(ReconcilerActor, StoreActor, PluginActor);

/// A database with nothing in it.
struct Empty;

#[async_trait]
impl Database for Empty {
    async fn load(&self) -> Result<Loaded, StoreError> {
        Ok(Loaded::default())
    }

    async fn others_wrote(&self) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn write(&self, _: Batch) -> Result<Written, StoreError> {
        Ok(Written::default())
    }
}

fn parts(docker: &FakeDocker) -> Parts {
    use reconciler_docker::{Deadlines, DockerEngine, Endpoint};
    let endpoint = Endpoint::resolve(Some(&docker.host()), &|_| None, None).unwrap();
    let engine = DockerEngine::connect(&endpoint, Deadlines::default()).unwrap();
    let plugin = Arc::new(LogPlugin::new("test"));
    Parts {
        engine: Arc::new(engine),
        database: Arc::new(Empty),
        plugins: BTreeMap::new(),
        other_plugin: PluginPart { plugin, timeout: Duration::from_secs(1), parallel: 1 },
        host: "local".into(),
        interval: Duration::from_secs(30),
        accept: None,
        signals: Signals::default(),
        metrics: Metrics::new("local", "0").unwrap(),
        traces: Traces::default(),
    }
}

/// Whom a panic is to befall.
type Victim = fn(&Generation);

fn panic_in<A>(actor: &Addr<A>)
where
    A: Handler<Panic>,
    A::Context: actix::dev::ToEnvelope<A, Panic>,
    Panic: Message<Result = ()>,
{
    actor.do_send(Panic);
}

#[test]
fn the_guardian_learns_of_each_panic_and_whose_it_was() {
    let victims: [(ActorName, Victim); 3] = [
        (ActorName::Reconciler, |generation| panic_in(&generation.reconciler)),
        (ActorName::Store, |generation| panic_in(&generation.store)),
        (ActorName::Plugin, |generation| generation.plugins.all().take(1).for_each(panic_in)),
    ];
    actix_rt::System::new().block_on(async {
        let docker = FakeDocker::start();
        let (parts, clock) = (parts(&docker), Clock::start());
        for (name, panic) in victims {
            let index = load(&parts, &clock).await.unwrap();
            let mut generation = Generation::start(&parts, index, &clock, true).unwrap();
            panic(&generation);
            let ended = tokio::time::timeout(Duration::from_secs(10), generation.ended()).await.unwrap();
            assert_eq!(ended, Some(Ended { actor: name, panicked: true }));
            generation.end_after(ended).await;
        }
    });
}

/// A database in a file, with the stack `s`.
async fn store(docker: &FakeDocker) -> Arc<Store> {
    let url = format!("sqlite://{}/index.db", docker.dir().display());
    let store = Store::open(&StoreSettings::new(url.parse().unwrap(), "local".into())).await.unwrap();
    store.migrate().await.unwrap();
    let new = NewWorkload {
        id: "s".into(),
        name: "s".into(),
        kind: "stack".into(),
        source_kind: "test".into(),
        source_config: "{}".into(),
    };
    store.add_workload(&new).await.unwrap();
    Arc::new(store)
}

/// Waits until all rows are in a state.
async fn all_are(state: &str, store: &Store, count: usize) {
    wait_for(format!("{count} rows that are {state}"), Duration::from_secs(15), async || {
        let rows = store.load().await.unwrap().rows;
        let are = rows.iter().filter(|stored| stored.row.state.as_str() == state).count();
        (are == count && rows.len() == count).then_some(())
    })
    .await;
}

#[test]
fn a_panic_between_an_event_and_its_row_loses_nothing() {
    const CONTAINERS: usize = 20;
    let victims: [Victim; 3] = [
        |generation| panic_in(&generation.reconciler),
        |generation| panic_in(&generation.store),
        |generation| generation.plugins.all().take(1).for_each(panic_in),
    ];
    actix_rt::System::new().block_on(async {
        let mut docker = FakeDocker::start();
        let store = store(&docker).await;
        let parts = Parts { database: Arc::clone(&store) as _, ..parts(&docker) };
        let clock = Clock::start();
        for n in 0..CONTAINERS {
            let id = n.to_string();
            docker.put(FakeContainer::new(&id).claim("s", Some("stack"), Some(&id)));
        }
        for panic in victims {
            for n in 0..CONTAINERS {
                docker.change(&n.to_string(), |container| container.state("running"));
            }
            let index = load(&parts, &clock).await.unwrap();
            let mut generation = Generation::start(&parts, index, &clock, true).unwrap();
            all_are("running", &store, CONTAINERS).await;
            for n in 0..CONTAINERS {
                docker.change(&n.to_string(), |container| container.exited(3));
                docker.emit("die", &n.to_string());
                if n == CONTAINERS / 2 {
                    panic(&generation);
                }
            }
            let ended = tokio::time::timeout(Duration::from_secs(10), generation.ended()).await.unwrap();
            assert!(ended.is_some_and(|ended| ended.panicked));
            generation.end_after(ended).await;
            // Nobody is there to see what else happens.
            docker.down();
            docker.up();
            let index = load(&parts, &clock).await.unwrap();
            let generation = Generation::start(&parts, index, &clock, true).unwrap();
            all_are("stopped", &store, CONTAINERS).await;
            wait_for("the exit codes", Duration::from_secs(15), async || {
                let rows = store.load().await.unwrap().rows;
                rows.iter().all(|stored| stored.exit.is_some_and(|exit| exit.code == 3)).then_some(())
            })
            .await;
            generation.wind_up().await;
        }
    });
}

#[tokio::test(start_paused = true)]
async fn the_fifth_panic_within_a_minute_is_one_too_many() {
    let mut panics = Panics::default();
    for _ in 0..100 {
        assert!(!panics.one_too_many());
        tokio::time::advance(PANIC_WINDOW / 4).await;
    }
    for _ in 0..3 {
        _ = panics.one_too_many();
    }
    assert!(panics.one_too_many());
}
