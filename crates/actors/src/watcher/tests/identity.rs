//! Whose an answer is.

use super::*;

#[test]
fn a_list_that_may_be_another_daemons_is_made_again() {
    let engine = Scripted::default();
    // The subscription meets one daemon, and whoever is asked after the list is another.
    *engine.ids.lock().unwrap() = ["A", "A", "B"].into();
    paused(engine, async |mut bench| {
        pass(1).await;
        assert_eq!(bench.engine.times("list"), 2);
        let told = std::iter::from_fn(|| bench.lists.try_recv().ok()).count();
        assert_eq!(told, 1, "nobody knows whose the first was");
        pass(40).await;
        assert_eq!(bench.engine.times("list"), 3, "the other daemon's lists are all its own");
        assert!(bench.lists.try_recv().is_ok());
    });
}

#[test]
fn a_container_that_another_daemon_may_have_missed_is_looked_for_again() {
    paused(Scripted { gone: Some("a"), ..Scripted::default() }, async |mut bench| {
        pass(1).await;
        bench.engine.ids.lock().unwrap().push_back("another");
        bench.look(&["a"]);
        pass(10).await;
        assert_eq!(bench.engine.times("inspect"), 2);
        assert_eq!(std::iter::from_fn(|| bench.looks.try_recv().ok()).count(), 1);
    });
}

#[test]
fn who_the_daemon_is_is_asked_after_a_list_that_does_not_say_so_itself() {
    paused(Scripted::default(), async |mut bench| {
        pass(1).await;
        let asked = bench.engine.times("info");
        assert_eq!(asked, 3, "twice when it was met, and once after the list");
        pass(300).await;
        assert_eq!(bench.engine.times("info"), asked + 10);

        *bench.engine.there.lock().unwrap() = vec!["new", "old"];
        pass(30).await;
        *bench.engine.there.lock().unwrap() = vec!["newer", "old"];
        pass(300).await;
        assert_eq!(bench.engine.times("info"), asked + 11, "after the first of them");
        *bench.engine.there.lock().unwrap() = vec!["newer", "new"];
        pass(300).await;
        assert_eq!(bench.engine.times("info"), asked + 12, "when none was left that was known");
        assert_eq!(std::iter::from_fn(|| bench.lists.try_recv().ok()).count(), 32);
    });
}

#[test]
fn another_daemons_list_is_not_taken_for_the_last_ones() {
    let engine = Scripted::default();
    *engine.there.lock().unwrap() = vec!["a"];
    paused(engine, async |mut bench| {
        pass(40).await;
        while bench.lists.try_recv().is_ok() {}
        bench.engine.ids.lock().unwrap().push_back("another");
        *bench.engine.there.lock().unwrap() = vec!["b"];
        pass(22).await;
        assert_eq!(std::iter::from_fn(|| bench.lists.try_recv().ok()).count(), 1);
        assert_eq!(bench.engine.times("list"), 4, "the third was thrown away");
    });
}

#[test]
fn an_id_that_is_another_each_time_is_none() {
    let engine = Scripted::default();
    const IDS: [&str; 7] = ["1", "2", "3", "4", "5", "6", "7"];
    *engine.ids.lock().unwrap() = IDS.into();
    paused(engine, async |mut bench| {
        pass(1).await;
        assert_eq!(bench.engine.times("list"), 1);
        assert!(bench.lists.try_recv().is_ok(), "it is the daemon that it was before the list");
    });
}
