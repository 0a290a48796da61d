//! Other settings, taken over while the program runs.

use reconciler_testkit::dockerd::unique;
use reconciler_testkit::wait::wait_for;

use crate::database::Engine;
use crate::stage::{NO_PASSES, PATIENCE, Stage, claim};

on_both!(plugins_interval_and_level_are_taken_over, a_broken_file_changes_nothing);

fn settings(stage: &Stage, tape: &str, level: &str) {
    let dir = stage.dir().display();
    stage.settings(&format!(
        "[log]\nlevel = \"{level}\"\n[plugins.tape]\ndriver = \"command\"\nprogram = \"/bin/sh\"\n\
         args = [\"-c\", \"cat > /dev/null; echo x >> {dir}/{tape}\"]\n"
    ));
}

fn is_there(stage: &Stage, tape: &str) -> bool {
    stage.dir().join(tape).exists()
}

async fn plugins_interval_and_level_are_taken_over(database: Engine) {
    let stage = Stage::shared(database).await;
    stage.settings("[reconcile]\ninterval = \"5m\"\n");
    let program = stage.start(&[]);
    stage.following(&program).await;
    let workload = unique("stack");
    stage.add_workload(&workload, "stack", "tape").await;
    let web = stage.launch(&claim(&workload, "stack", "web")).await;
    stage.sees_state(&web, "running").await;
    program.says("no plugin is set for this source kind").await;

    // Its file changes: everything is handed to the new plugin.
    settings(&stage, "first", "debug");
    program.says("settings taken over").await;
    wait_for("the first tape", PATIENCE, async || is_there(&stage, "first").then_some(())).await;
    program.says("DEBUG").await;

    // And on SIGHUP, while nothing else happens.
    settings(&stage, "second", "info");
    program.hang_up();
    wait_for("the second tape", PATIENCE, async || is_there(&stage, "second").then_some(())).await;

    let before = program.said("settings taken over");
    stage.settings("host = \"another\"\n[reconcile]\ninterval = \"200ms\"\n");
    program.hang_up();
    wait_for("the settings", PATIENCE, async || (program.said("settings taken over") > before).then_some(()))
        .await;
    stage.passes(3).await;
    stage.docker.pause(&web).await;
    stage.sees_state(&web, "paused").await;
    assert_eq!(program.said("an actor ended"), 0);
}

async fn a_broken_file_changes_nothing(database: Engine) {
    let stage = Stage::shared(database).await;
    settings(&stage, "tape", "info");
    let workload = unique("stack");
    stage.add_workload(&workload, "stack", "tape").await;
    let web = stage.launch(&claim(&workload, "stack", "web")).await;
    let program = stage.start(&["--interval", NO_PASSES]);
    stage.following(&program).await;
    wait_for("the tape", PATIENCE, async || is_there(&stage, "tape").then_some(())).await;
    for (broken, why) in [
        ("[plugins.tape]\ndriver = \"log\"\nx = [", "line 3"),
        ("[plugins.tape]\ndriver = \"magic\"\n", "magic"),
        ("[plugins.tape]\ndriver = \"command\"\nprogram = \"x\"\ntimeout = \"soon\"\n", "timeout"),
        ("[log]\nlevel = \"loud\"\n", "level"),
    ] {
        let refused = || program.said("settings not taken over, those before stay in force");
        let before = refused();
        stage.settings(broken);
        program.hang_up();
        wait_for(broken, PATIENCE, async || (refused() > before).then_some(())).await;
        let log = program.log();
        let line = log.lines().rfind(|line| line.contains("settings not taken over")).unwrap();
        assert!(line.contains(why), "{line}");
    }
    std::fs::remove_file(stage.dir().join("reconciler.toml")).unwrap();
    program.hang_up();
    program.says("is gone; put it back").await;
    std::fs::remove_file(stage.dir().join("tape")).unwrap();
    stage.docker.pause(&web).await;
    wait_for("the tape", PATIENCE, async || is_there(&stage, "tape").then_some(())).await;
    assert_eq!(program.said("settings taken over"), 0);
}
