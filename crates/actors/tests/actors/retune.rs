//! Other plugins and another interval, taken over while everything goes on.

use std::sync::Arc;
use std::time::Duration;

use reconciler_actors::PluginPart;
use reconciler_testkit::wait::wait_until;

use crate::bed::{PATIENCE, test};
use crate::faulty::{Conduct, TestPlugin};

fn part(plugin: &Arc<TestPlugin>) -> PluginPart {
    PluginPart { plugin: Arc::clone(plugin) as _, timeout: Duration::from_secs(5), parallel: 2 }
}

#[test]
fn what_is_queued_is_the_next_plugins() {
    test(async |bed| {
        for id in ["one", "two", "three", "four"] {
            bed.stack(id, "test").await;
            bed.container(id, id);
        }
        let running = bed.run();
        let (quick, next) = (Arc::new(TestPlugin::default()), Arc::new(TestPlugin::default()));
        wait_until("first runs", PATIENCE, || bed.plugin.seen().ended.len() >= 4).await;

        // Two run and two wait when the source kind gets a plugin of its own.
        bed.plugin.hold(true);
        let before = bed.plugin.seen().begun.len();
        for id in ["one", "two", "three", "four"] {
            bed.exit(id, 1);
        }
        wait_until("two that run", PATIENCE, || bed.plugin.seen().begun.len() == before + 2).await;
        running.retune(|parts| {
            parts.plugins.insert("test".into(), part(&quick));
        });
        wait_until("all of them", PATIENCE, || quick.seen().begun.len() >= 4).await;
        bed.plugin.hold(false);

        // Another one takes its place.
        running.retune(|parts| {
            parts.plugins.insert("test".into(), part(&next));
        });
        wait_until("all of them", PATIENCE, || next.seen().ended.len() >= 4).await;
        let before = next.ended("one");
        bed.docker.change("one", |container| container.state("running"));
        bed.docker.emit("start", "one");
        wait_until("a change", PATIENCE, || next.ended("one") > before).await;

        // It is taken away.
        let before = bed.plugin.ended("one");
        running.retune(|parts| parts.plugins.clear());
        wait_until("the one for all others", PATIENCE, || bed.plugin.ended("one") > before).await;
        let passed_on = (next.begun("one"), bed.plugin.ended("one"));
        bed.exit("one", 2);
        wait_until("a change", PATIENCE, || bed.plugin.ended("one") > passed_on.1).await;
        assert_eq!(next.begun("one"), passed_on.0);

        // And comes back.
        running.retune(|parts| {
            parts.plugins.insert("test".into(), part(&quick));
        });
        let before = quick.ended("one");
        bed.docker.change("one", |container| container.state("running"));
        bed.docker.emit("start", "one");
        wait_until("a change", PATIENCE, || quick.ended("one") > before).await;
        assert_eq!(bed.engine.times("opened"), 1, "nothing was built anew");
        running.stop().await;
    });
}

#[test]
fn a_failing_workload_is_not_forgotten_by_a_change_of_settings() {
    test(async |bed| {
        bed.stack("bad", "test").await;
        bed.container("bad", "bad");
        bed.plugin.conduct("bad", Conduct::Fails);
        let running = bed.run();
        wait_until("a failure", PATIENCE, || bed.plugin.ended("bad") >= 1).await;
        let next = Arc::new(TestPlugin::default());
        running.retune(|parts| {
            parts.plugins.insert("test".into(), part(&next));
        });
        wait_until("a run of the new plugin's", PATIENCE, || next.ended("bad") >= 1).await;
        running.stop().await;
    });
}

#[test]
fn another_interval_is_kept_from_then_on() {
    test(async |bed| {
        let running = bed.run();
        wait_until("the first pass", PATIENCE, || bed.engine.times("listed") >= 1).await;
        running.retune(|parts| parts.interval = Duration::from_millis(50));
        let before = bed.engine.times("listed");
        wait_until("passes", PATIENCE, || bed.engine.times("listed") >= before + 5).await;
        running.stop().await;
    });
}
