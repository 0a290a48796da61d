//! A fault is an error with a name, never an empty list, never a container that is gone.

use reconciler_docker::{DockerError, Engine, Inspection, Trouble};
use reconciler_testkit::fake_docker::{FakeContainer, FakeDocker, Fault, Route};

use super::{LONG, SHORT, engine, engine_at, id};

fn status(code: u16, message: &str) -> Fault {
    Fault::Status(code, message.to_owned())
}

/// What went wrong with each call while every route had this fault.
async fn troubles(fault: Fault) -> Vec<(Route, Trouble)> {
    let fake = FakeDocker::start();
    fake.put(FakeContainer::new("c"));
    let engine = engine_at(&fake.host(), LONG);
    for route in [Route::Info, Route::List, Route::Peek, Route::Inspect, Route::Events] {
        fake.fault(route, fault.clone());
    }
    let c = id("c");
    let errors: [(Route, DockerError); 5] = [
        (Route::Info, engine.info().await.unwrap_err()),
        (Route::List, engine.list(LONG).await.unwrap_err()),
        (Route::Peek, engine.peek(&c).await.unwrap_err()),
        (Route::Inspect, engine.inspect(&c).await.unwrap_err()),
        (Route::Events, first_error(&engine).await),
    ];
    for (route, error) in &errors {
        let text = error.to_string();
        assert!(text.contains(engine.endpoint()) && text.lines().count() == 1, "{route:?}: {text}");
        assert!(!format!("{error:?}").contains("hunter2"), "{route:?} shows a container's environment");
    }
    errors.into_iter().map(|(route, error)| (route, error.trouble().clone())).collect()
}

/// The error of subscribing, or of the stream.
async fn first_error(engine: &impl Engine) -> DockerError {
    use futures_util::StreamExt;
    match engine.events(None).await {
        Err(error) => error,
        Ok(mut events) => {
            let error = events.next().await.unwrap().unwrap_err();
            assert!(events.next().await.is_none(), "the stream goes on after an error");
            error
        }
    }
}

#[tokio::test]
async fn refusals_tell_dockers_message() {
    for (route, trouble) in troubles(Fault::internal()).await {
        assert_eq!(
            trouble,
            Trouble::Status { code: 500, message: "something is broken".into() },
            "{route:?}"
        );
    }
    let long = format!("a\n\u{1b}[31m{}", "x".repeat(100_000));
    for (route, trouble) in troubles(status(503, &long)).await {
        let Trouble::Status { code: 503, message } = trouble else { panic!("{route:?}: {trouble:?}") };
        assert!(message.starts_with("a [31mxx") && message.len() <= 300, "{route:?}: {message}");
    }
}

#[tokio::test]
async fn a_start_that_fails_is_no_start_and_no_absence() {
    let fake = FakeDocker::start();
    fake.put(FakeContainer::new("c").exited(1));
    let message = "driver failed programming external connectivity";
    for (fault, trouble) in [
        (Fault::PageNotFound, Trouble::Status { code: 404, message: "page not found".into() }),
        (status(500, message), Trouble::Status { code: 500, message: message.into() }),
        (Fault::Hang, Trouble::Timeout { after: SHORT }),
    ] {
        fake.fault(Route::Start, fault);
        let error = engine_at(&fake.host(), SHORT).start(&id("c")).await.unwrap_err();
        assert_eq!(error.trouble(), &trouble);
        assert!(error.to_string().starts_with("cannot start Docker's container c at unix://"), "{error}");
    }
}

#[tokio::test]
async fn versions_that_do_not_fit_are_named() {
    let message = "client version 1.24 is too old. Minimum supported API version is 1.44, please upgrade";
    for (route, trouble) in troubles(status(400, message)).await {
        assert_eq!(trouble, Trouble::Version { message: message.into() }, "{route:?}");
        assert!(trouble.to_string().contains("Minimum supported API version is 1.44"));
    }
    for (route, trouble) in troubles(status(400, "bad parameter")).await {
        assert!(matches!(trouble, Trouble::Status { code: 400, .. }), "{route:?}: {trouble:?}");
    }
}

#[tokio::test]
async fn cut_answers_are_cut() {
    for (route, trouble) in troubles(Fault::Cut).await {
        assert_eq!(trouble, Trouble::Cut, "{route:?}");
    }
}

#[tokio::test]
async fn answers_that_are_not_dockers() {
    for body in ["<html>It works!</html>", "null", r#"{"SECRET": "hunter2""#, r#"{"SECRET": "hunter2"]"#] {
        for (route, trouble) in troubles(Fault::Body(body.to_owned())).await {
            // An event that is not whole was cut.
            if route == Route::Events && trouble == Trouble::Cut && !body.ends_with('}') {
                continue;
            }
            assert!(matches!(trouble, Trouble::Decode { .. }), "{route:?} {body}: {trouble:?}");
        }
    }
}

#[tokio::test]
async fn hanging_ends_with_the_deadline() {
    for fault in [Fault::Hang, Fault::HangInBody] {
        let fake = FakeDocker::start();
        fake.put(FakeContainer::new("c"));
        let engine = engine_at(&fake.host(), SHORT);
        let c = id("c");
        for route in [Route::Ping, Route::Info, Route::List, Route::Peek, Route::Inspect, Route::Version] {
            fake.fault(route, fault.clone());
        }
        let timeout = Trouble::Timeout { after: SHORT };
        assert_eq!(engine.ping().await.unwrap_err().trouble(), &timeout);
        assert_eq!(engine.info().await.unwrap_err().trouble(), &timeout);
        assert_eq!(engine.list(SHORT).await.unwrap_err().trouble(), &timeout);
        assert_eq!(engine.peek(&c).await.unwrap_err().trouble(), &timeout);
        assert_eq!(engine.inspect(&c).await.unwrap_err().trouble(), &timeout);
        assert_eq!(engine.events(None).await.err().unwrap().trouble(), &timeout);
        fake.heal(Route::Version);
        fake.fault(Route::Events, Fault::Hang);
        let error = engine.events(None).await.err().unwrap();
        assert_eq!(
            error.to_string(),
            format!(
                "cannot subscribe to Docker's events at {}: no answer within 200ms; is dockerd frozen or overloaded?",
                fake.host()
            )
        );
    }
}

#[tokio::test]
async fn a_list_that_is_held_back_tells_what_was_then() {
    let fake = FakeDocker::start();
    fake.put(FakeContainer::new("c"));
    let engine = std::sync::Arc::new(engine(&fake));
    let held = fake.hold(Route::List);
    let asking = tokio::spawn({
        let engine = std::sync::Arc::clone(&engine);
        async move { engine.list(LONG).await }
    });
    fake.asked(Route::List, 1).await;
    fake.remove("c");
    held.release();
    assert_eq!(asking.await.unwrap().unwrap().len(), 1);
    assert_eq!(engine.list(LONG).await.unwrap().len(), 0);
}

#[tokio::test]
async fn only_dockers_own_word_makes_a_container_gone() {
    let fake = FakeDocker::start();
    let engine = engine(&fake);
    let c = id("c");
    assert_eq!(engine.inspect(&c).await.unwrap(), Inspection::Gone);
    fake.fault_inspect("c", status(404, "no such container: \"c\""));
    assert_eq!(engine.inspect(&c).await.unwrap(), Inspection::Gone);
    for fault in [
        Fault::PageNotFound,
        status(404, ""),
        status(404, "no such image: x"),
        status(500, "No such container: c"),
        status(409, "No such container: c"),
        status(301, "No such container: c"),
        Fault::Body("{\"message\":\"No such container: c\"}".into()),
        Fault::Body("{}".into()),
    ] {
        fake.fault_inspect("c", fault.clone());
        assert!(engine.inspect(&c).await.is_err(), "{fault:?}");
    }
    fake.heal_inspect("c");
    assert_eq!(engine.inspect(&c).await.unwrap(), Inspection::Gone);
}

#[tokio::test]
async fn an_info_of_something_else_is_no_identity() {
    let fake = FakeDocker::start();
    let engine = engine(&fake);
    for body in ["{}", "[]", "\"x\"", "{\"ID\":\"x\"}", "{\"ID\":\"x\",\"DockerRootDir\":\"\"}"] {
        fake.fault(Route::Info, Fault::Body(body.into()));
        assert!(matches!(engine.info().await.unwrap_err().trouble(), Trouble::Decode { .. }), "{body}");
    }
    let odd = r#"{"ID":"x","DockerRootDir":"/r","Containers":"many","Isolation":"lunar","SystemTime":7}"#;
    fake.fault(Route::Info, Fault::Body(odd.into()));
    let info = engine.info().await.unwrap();
    assert_eq!((info.id.as_str(), info.root.as_str(), info.containers), ("x", "/r", 0));
    assert_eq!(info.system_time_nanos, None);
}

#[tokio::test]
async fn an_answer_without_end_is_not_collected() {
    let fake = FakeDocker::start();
    let engine = engine(&fake);
    fake.fault(Route::Info, Fault::Body(format!("\"{}\"", "x".repeat(33 * 1024 * 1024))));
    let error = engine.info().await.unwrap_err();
    assert!(matches!(error.trouble(), Trouble::Decode { .. }), "{error:?}");
    assert!(error.to_string().contains("more than 33554432 bytes"), "{error}");
}
