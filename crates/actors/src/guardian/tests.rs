//! Panics that only an actor's own code can make.

use actix::{Actor, Handler, Message};
use async_trait::async_trait;
use reconciler_plugins::LogPlugin;
use reconciler_store::{Batch, Loaded, StoreError, Written};
use reconciler_testkit::fake_docker::FakeDocker;

use crate::messages::Panic;

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
    let victims: [(&str, Victim); 3] = [
        ("reconciler", |generation| panic_in(&generation.reconciler)),
        ("store", |generation| panic_in(&generation.store)),
        ("plugin", |generation| panic_in(&generation.plugins[0])),
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
