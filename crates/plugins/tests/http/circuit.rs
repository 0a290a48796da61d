//! When a receiver is left alone.

use super::*;

async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_receiver_that_fails_is_left_alone_by_all_and_probed() {
    let failing = vec![Reply::status(500); 6];
    let receiver = Receiver::start([failing, vec![Reply::status(200)]].concat()).await;
    let shared = shared();
    let [one, other] = ["one", "other"]
        .map(|kind| build(kind, &settings(&receiver.url(), json!({"secret": SECRET})), &shared).unwrap());
    let elsewhere = Receiver::start(vec![Reply::status(200)]).await;
    let elsewhere_too = build("else", &settings(&elsewhere.url(), json!({})), &shared).unwrap();
    let request = request("{}");
    for plugin in [&one, &other, &one, &other, &one] {
        assert_eq!(tries(plugin.reconcile(&request).await), 1);
    }
    let error = other.reconcile(&request).await.unwrap_err();
    let text = error.to_string();
    let PluginError::LeftAlone { until: Some(until), .. } = error else { panic!("{error:?}") };
    let rest = until.duration_since(Timestamp::now()).as_secs();
    assert!((25..=30).contains(&rest), "{rest}");
    let says = format!("{} failed 5 times in a row and is left alone until {until:.0}", receiver.url());
    assert_eq!(text, says);
    assert_eq!(receiver.seen().len(), 5);
    elsewhere_too.reconcile(&request).await.unwrap();

    pass(Duration::from_secs(30)).await;
    assert_eq!(tries(other.reconcile(&request).await), 1);
    assert!(matches!(one.reconcile(&request).await, Err(PluginError::LeftAlone { .. })));
    pass(Duration::from_secs(59)).await;
    assert!(matches!(one.reconcile(&request).await, Err(PluginError::LeftAlone { .. })));
    pass(Duration::from_secs(1)).await;
    for plugin in [&one, &other] {
        plugin.reconcile(&request).await.unwrap();
    }
    assert_eq!(receiver.seen().len(), 8);
}

#[tokio::test]
async fn a_delivery_ends_when_its_receiver_is_left_alone() {
    let receiver = Receiver::start(vec![Reply::status(500)]).await;
    let shared = shared();
    let once = build("k", &settings(&receiver.url(), json!({})), &shared).unwrap();
    let often = build("k", &settings(&receiver.url(), json!({"retries": 10})), &shared).unwrap();
    for _ in 0..4 {
        assert_eq!(tries(once.reconcile(&request("{}")).await), 1);
    }
    let failed = often.reconcile(&request("{}")).await.unwrap_err();
    assert!(matches!(failed, PluginError::Undelivered { tries: 1, left_alone: true, .. }), "{failed:?}");
    assert_eq!(receiver.seen().len(), 5);
}

#[tokio::test]
async fn refusals_and_redirects_do_not_count_against_the_receiver() {
    for status in [404, 429, 301] {
        let receiver = Receiver::start(vec![Reply::status(status)]).await;
        let plugin = plugin(&receiver.url(), json!({}));
        for _ in 0..8 {
            fault(plugin.reconcile(&request("{}")).await);
        }
        assert_eq!(receiver.seen().len(), 8);
    }
}

#[tokio::test]
async fn a_probe_that_is_dropped_makes_way_for_the_next() {
    let failing = vec![Reply::status(500); 5];
    let then = vec![Reply::Hang(String::new()), Reply::status(200)];
    let receiver = Receiver::start([failing, then].concat()).await;
    let plugin = plugin(&receiver.url(), json!({"timeout": "5m"}));
    for _ in 0..5 {
        fault(plugin.reconcile(&request("{}")).await);
    }
    pass(Duration::from_secs(30)).await;
    let probe = {
        let plugin = Arc::clone(&plugin);
        tokio::spawn(async move { plugin.reconcile(&request("{}")).await })
    };
    wait_until("the probe to arrive", SOON, || receiver.seen().len() == 6).await;
    let error = plugin.reconcile(&request("{}")).await.unwrap_err().to_string();
    assert!(error.ends_with("is left alone until the delivery that probes it has ended"), "{error}");
    probe.abort();
    assert!(probe.await.is_err());
    plugin.reconcile(&request("{}")).await.unwrap();
}
