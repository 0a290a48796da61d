use super::*;

fn container(id: &str, state: &str, created: i64, workload: &str) -> Container {
    Container {
        id: id.into(),
        state: state.into(),
        image: "web:1".into(),
        created,
        workload: Some(workload.into()),
        role: Some("web".into()),
        ..Container::default()
    }
}

fn truth(containers: &[Container]) -> Truth {
    let workloads = [("s", "stack"), ("t", "site"), ("p", "project")];
    Truth {
        workloads: workloads.map(|(id, kind)| (id.into(), kind.into())).into(),
        containers: containers.iter().map(|c| (c.id.clone(), c.clone())).collect(),
    }
}

fn row(id: &str, container: &str, workload: &str, kind: &str, state: &str) -> Row {
    Row {
        id: id.into(),
        container_id: container.into(),
        workload_id: workload.into(),
        workload_kind: kind.into(),
        role: "web".into(),
        image_ref: "web:1".into(),
        state: state.into(),
        ..Row::default()
    }
}

#[test]
fn what_an_index_should_be() {
    let wrong_kind = Container { kind: Some("site".into()), ..container("c1", "running", 1, "s") };
    let two = [container("c1", "exited", 1, "s"), container("c2", "running", 1, "s")];
    let of_s = |container: &str, state: &str| row("s:web", container, "s", "stack", state);
    type Case<'a> = (&'a str, &'a [Container], &'a [Row], Option<&'a str>);
    let cases: [Case<'_>; 15] = [
        ("nothing", &[], &[], None),
        ("as it is", &two[1..], &[of_s("c2", "running")], None),
        ("exited is stopped", &two[..1], &[of_s("c1", "stopped")], None),
        ("another state", &two[1..], &[of_s("c2", "stopped")], Some("state is")),
        ("a lie about absence", &two[1..], &[of_s("c2", "missing")], Some("state is")),
        ("gone", &[], &[of_s("c1", "missing")], None),
        ("gone unnoticed", &[], &[of_s("c1", "running")], Some("is gone")),
        ("no row", &two[1..], &[], Some("has no row")),
        ("the better one has it", &two, &[of_s("c2", "running")], None),
        ("the worse one has it", &two, &[of_s("c1", "stopped")], Some("which is worse")),
        ("a wrong kind is ignored", std::slice::from_ref(&wrong_kind), &[], None),
        (
            "and keeps no row",
            std::slice::from_ref(&wrong_kind),
            &[of_s("c1", "running")],
            Some("no workload accepts"),
        ),
        ("an unknown workload", &[container("c1", "running", 1, "x")], &[], None),
        ("a project waits", &[container("c1", "running", 1, "p")], &[], None),
        ("no container yet", &[], &[row("p", "", "p", "project", "created")], None),
    ];
    for (name, containers, rows, wrong) in cases {
        let found = truth(containers).differences(rows);
        match wrong {
            None => assert_eq!(found, Vec::<String>::new(), "{name}"),
            Some(part) => assert!(found.iter().any(|line| line.contains(part)), "{name}: {found:?}"),
        }
    }
}

#[test]
fn who_wins_a_row() {
    let states = ["running", "paused", "created", "removing", "exited", "dead"];
    for pair in states.windows(2) {
        assert!(
            container("z", pair[0], 1, "s").order() < container("a", pair[1], 9, "s").order(),
            "{pair:?}"
        );
    }
    let [older, newer] = [1, 2].map(|created| container("a", "running", created, "s"));
    assert!(newer.order() < older.order());
    assert!(container("a", "running", 1, "s").order() < container("b", "restarting", 1, "s").order());
}

#[test]
fn the_columns_of_a_row() {
    let up = Container { port: 80, ..container("c1", "running", 1, "t") };
    let good = Row { port: 80, ..row("t:site", "c1", "t", "site", "running") };
    assert_eq!(
        truth(std::slice::from_ref(&up)).differences(std::slice::from_ref(&good)),
        Vec::<String>::new()
    );
    for (column, bad) in [
        ("port", Row { port: 0, ..good.clone() }),
        ("image_ref", Row { image_ref: "sha256:1".into(), ..good.clone() }),
        ("workload_id", Row { workload_id: "s".into(), ..good.clone() }),
        ("workload_kind", Row { workload_kind: "stack".into(), ..good.clone() }),
        ("role", Row { role: String::new(), ..good.clone() }),
    ] {
        let found = truth(std::slice::from_ref(&up)).differences(&[bad]);
        assert!(found[0].contains(&format!("{column} is")), "{found:?}");
    }
}
