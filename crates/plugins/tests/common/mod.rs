//! What the tests of the drivers share.

use std::sync::Arc;

use async_trait::async_trait;
use reconciler_core::assessment::{Assessment, Phase, Reason};
use reconciler_core::ids::ContainerId;
use reconciler_core::member::Members;
use reconciler_core::workload::{Kind, Workload};
use reconciler_plugins::Request;
use reconciler_plugins::{Healer, Shared, Started, Starter};

/// A workload without containers.
pub(crate) fn request(source_config: &str) -> Request {
    let workload = Workload {
        id: "w1".into(),
        name: "Web".into(),
        kind: Kind::Project,
        source_kind: "test".into(),
        source_config: source_config.into(),
    };
    let assessment = Assessment {
        phase: Phase::Ready,
        ready: 0,
        wanted: 0,
        reason: Reason::NothingWanted,
        message: String::new(),
    };
    Request {
        workload,
        members: Members::default(),
        assessment,
        lacking: Vec::new(),
        attempt: 1,
        generation: 1,
    }
}

/// What plugins share. Nothing here starts a container.
pub(crate) fn shared() -> Shared {
    struct Nobody;

    #[async_trait]
    impl Starter for Nobody {
        async fn start(&self, _: &ContainerId) -> Result<Started, String> {
            Err("nobody is here to start it".to_owned())
        }
    }
    Shared::new(Arc::new(Healer::new(Arc::new(Nobody), 1)))
}
