//! One sidecar a host.

use std::time::Duration;

use reconciler_testkit::wait::wait_for;

use crate::database::Engine;
use crate::stage::{NO_PASSES, Stage, claim};

on_both!(a_second_one_is_refused_by_name, a_crash_frees_the_lock_at_once);

async fn a_second_one_is_refused_by_name(database: Engine) {
    let stage = Stage::shared(database).await;
    let program = stage.follow(NO_PASSES).await;
    for args in [&["run"][..], &[], &["once"], &["once", "--json"]] {
        let said = stage.fails(args);
        let holder = format!("pid {} since ", program.pid());
        assert!(said.contains(&stage.host) && said.contains(&holder), "{args:?}: {said}");
    }
    // Who only reads is welcome, and so is another host.
    stage.done(&["ps"]);
    let output = stage.command(&["once"]).env("RECONCILER_HOST", "another").output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

async fn a_crash_frees_the_lock_at_once(database: Engine) {
    let stage = Stage::shared(database).await;
    let workload = stage.workload("stack").await;
    let mut program = stage.follow(NO_PASSES).await;
    program.kill();
    let id = stage.launch(&claim(&workload, "stack", "web")).await;
    // PostgreSQL notices a moment later that the session is gone.
    wait_for("the lock to be free", Duration::from_secs(5), async || {
        stage.run(&["once"]).status.success().then_some(())
    })
    .await;
    assert_eq!(stage.row(&id).await.unwrap().state, "running");
}
