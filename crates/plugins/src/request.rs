//! What a plugin is handed.

use std::fmt;

use reconciler_core::assessment::Assessment;
use reconciler_core::member::Members;
use reconciler_core::workload::Workload;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

/// One workload with its containers. As JSON it is one object: `workload`, `containers`, `assessment`, `attempt`,
/// `generation`.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Request {
    /// The workload. Its `source_config` is handed on as JSON if it is JSON, else as the text that it is.
    #[serde(serialize_with = "with_parsed_config")]
    pub workload: Workload,
    /// All accepted containers of the workload, also those that lost their row to another.
    #[serde(rename = "containers", serialize_with = "containers_alone")]
    pub members: Members,
    /// How the workload is.
    pub assessment: Assessment,
    /// Which containers it lacks, as [`Judgement::lacking`](crate::Judgement::lacking) has them; not a part of the JSON.
    #[serde(skip)]
    pub lacking: Vec<usize>,
    /// Which attempt this is since the last success, from 1.
    pub attempt: u32,
    /// Grows with each change of the workload or its containers that led to a request.
    pub generation: u64,
}

/// Leaves `source_config` out: deployers keep passwords in it.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("workload", &self.workload.id)
            .field("source_kind", &self.workload.source_kind)
            .field("containers", &self.members.containers)
            .field("attempt", &self.attempt)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

fn containers_alone<S: Serializer>(members: &Members, serializer: S) -> Result<S::Ok, S::Error> {
    members.containers.serialize(serializer)
}

fn with_parsed_config<S: Serializer>(workload: &Workload, serializer: S) -> Result<S::Ok, S::Error> {
    let Workload { id, name, kind, source_kind, source_config } = workload;
    let mut object = serializer.serialize_struct("Workload", 5)?;
    object.serialize_field("id", id)?;
    object.serialize_field("name", name)?;
    object.serialize_field("kind", kind)?;
    object.serialize_field("source_kind", source_kind)?;
    match serde_json::from_str::<serde_json::Value>(source_config) {
        Ok(config) => object.serialize_field("source_config", &config)?,
        Err(_) => object.serialize_field("source_config", source_config)?,
    }
    object.end()
}

#[cfg(test)]
mod tests {
    use reconciler_core::assessment::{Phase, Reason};
    use reconciler_core::container::{EndedBy, ExitFacts, Health};
    use reconciler_core::member::Member;
    use reconciler_core::row::Row;
    use reconciler_core::state::RowState;
    use reconciler_core::workload::Kind;
    use serde_json::json;

    use super::*;

    fn request(source_config: &str, exit: Option<ExitFacts>, health: Option<Health>) -> Request {
        let workload = Workload {
            id: "w".into(),
            name: "Web".into(),
            kind: Kind::Stack,
            source_kind: "compose".into(),
            source_config: source_config.into(),
        };
        let row = Row {
            id: "w:web".into(),
            workload_id: "w".into(),
            workload_kind: Kind::Stack,
            role: "web".into(),
            container_id: "c1".into(),
            image_ref: "nginx:1".into(),
            host: "local".into(),
            state: RowState::Stopped,
            port: 80,
        };
        let member = Member {
            row,
            created: 1,
            health,
            exit,
            started: 1,
            recent_exits: 0,
            restart: None,
            service: None,
            one_off: false,
        };
        let assessment = Assessment {
            phase: Phase::Down,
            ready: 0,
            wanted: 1,
            reason: Reason::OutOfMemory,
            message: "web exited with 137: out of memory".into(),
        };
        let members = Members { containers: vec![member], rows: 1 };
        Request { workload, members, assessment, lacking: vec![0], attempt: 2, generation: 7 }
    }

    #[test]
    fn a_request_is_one_json_object() {
        let exit = ExitFacts { by: EndedBy::Itself, ..ExitFacts::new(137, true) };
        assert_eq!(
            serde_json::to_value(request(r#"{"compose":"x: y"}"#, Some(exit), Some(Health::Unhealthy)))
                .unwrap(),
            json!({
                "workload": {"id": "w", "name": "Web", "kind": "stack", "source_kind": "compose",
                    "source_config": {"compose": "x: y"}},
                "containers": [{"id": "w:web", "workload_id": "w", "workload_kind": "stack", "role": "web",
                    "container_id": "c1", "image_ref": "nginx:1", "host": "local", "state": "stopped", "port": 80,
                    "exit_code": 137, "oom_killed": true, "ended_by": "itself", "health": "unhealthy"}],
                "assessment": {"phase": "down", "ready": 0, "wanted": 1, "reason": "out_of_memory",
                    "message": "web exited with 137: out of memory"},
                "attempt": 2,
                "generation": 7,
            })
        );
    }

    #[test]
    fn a_config_that_is_not_json_is_handed_on_as_text() {
        let deep = "[".repeat(100_000);
        for (text, value) in [
            ("", json!("")),
            ("{}", json!({})),
            ("[1,null]", json!([1, null])),
            ("{\"a\":", json!("{\"a\":")),
            ("image: nginx", json!("image: nginx")),
            (deep.as_str(), json!(deep)),
        ] {
            let json = serde_json::to_value(request(text, None, None)).unwrap();
            assert_eq!(json["workload"]["source_config"], value);
        }
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let json = serde_json::to_value(request("{}", None, None)).unwrap();
        for key in ["exit_code", "oom_killed", "ended_by", "health"] {
            assert_eq!(json["containers"][0].get(key), None);
        }
    }

    #[test]
    fn debug_does_not_show_the_config() {
        let text = format!("{:?}", request(r#"{"password":"hunter2"}"#, None, None));
        assert!(!text.contains("hunter2") && text.contains("w:web"), "{text}");
    }
}
