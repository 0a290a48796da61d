//! Whether what containers claim is so.

use std::collections::BTreeMap;

use reconciler_core::container::Snapshot;
use reconciler_core::labels::{KIND_LABEL, WORKLOAD_LABEL};
use reconciler_core::workload::Workload;

use super::finding::Finding;
use crate::output::text;

const SUBJECT: &str = "labels";
/// How many containers are named; the others are counted.
const MAX_NAMED: usize = 10;

/// Names the containers that no workload accepts.
pub(super) fn check(containers: &[Snapshot], workloads: &[Workload]) -> Vec<Finding> {
    let by_id: BTreeMap<&str, &Workload> = workloads.iter().map(|w| (w.id.as_str(), w)).collect();
    let labelled = containers.iter().filter(|container| container.claim.is_some()).count();
    let refused: Vec<String> = containers.iter().filter_map(|container| refusal(container, &by_id)).collect();
    let mut findings = vec![Finding::ok(
        SUBJECT,
        format!(
            "of {} container(s) {} belong to workloads, {} have no label {WORKLOAD_LABEL}",
            containers.len(),
            labelled - refused.len(),
            containers.len() - labelled
        ),
    )];
    findings.extend(refused.iter().take(MAX_NAMED).map(|text| Finding::warn(SUBJECT, text)));
    if refused.len() > MAX_NAMED {
        findings
            .push(Finding::warn(SUBJECT, format!("{} more are ignored likewise", refused.len() - MAX_NAMED)));
    }
    findings
}

fn refusal(container: &Snapshot, workloads: &BTreeMap<&str, &Workload>) -> Option<String> {
    let claim = container.claim.as_ref()?;
    let short = text::cell(container.id.as_str().get(..12).unwrap_or(container.id.as_str()), 12);
    let id = text::cell(claim.workload.as_str(), 60);
    let Some(workload) = workloads.get(claim.workload.as_str()) else {
        return Some(format!(
            "container {short} is ignored: its label {WORKLOAD_LABEL} names {id}, which is no workload; add it \
             (`workload add`), or remove the container"
        ));
    };
    let kind = claim.kind.as_deref().filter(|kind| *kind != workload.kind.as_str())?;
    Some(format!(
        "container {short} is ignored: its label {KIND_LABEL} says {}, but the workload {id} is a {}; make it anew \
         with the right label",
        text::cell(kind, 60),
        text::cell(workload.kind.as_str(), 60)
    ))
}

#[cfg(test)]
mod tests {
    use reconciler_core::container::ImageRef;
    use reconciler_core::ids::ContainerId;
    use reconciler_core::labels::Claim;
    use reconciler_core::state::DockerState;
    use reconciler_core::workload::Kind;

    use super::super::finding::Verdict;
    use super::*;

    fn container(number: usize, workload: Option<&str>, kind: Option<&str>) -> Snapshot {
        Snapshot {
            id: ContainerId::parse(&format!("{number:064}")).unwrap(),
            state: DockerState::Running,
            image: ImageRef::from_list("nginx"),
            port: None,
            created: 0,
            claim: Claim::read(workload, kind, None),
            health: None,
            detail: None,
        }
    }

    fn workload() -> Workload {
        let (name, source_kind, source_config) = (String::new(), String::new(), String::new());
        Workload { id: "blog".into(), name, kind: Kind::Site, source_kind, source_config }
    }

    #[test]
    fn what_no_workload_accepts_is_named() {
        let containers = [
            container(1, None, None),
            container(2, Some("blog"), None),
            container(3, Some("blog"), Some("site")),
            container(4, Some("blog"), Some("stack")),
            container(5, Some("shop\u{202e}"), None),
        ];
        let findings = check(&containers, &[workload()]);
        let lines: Vec<_> = findings.iter().map(|f| (f.verdict, f.text.as_str())).collect();
        assert_eq!(lines.len(), 3);
        let summary = "of 5 container(s) 2 belong to workloads, 1 have no label tinyforge.workload.id";
        assert_eq!(lines[0], (Verdict::Ok, summary));
        assert_eq!(lines[1].0, Verdict::Warn);
        assert!(lines[1].1.contains("says stack, but the workload blog is a site"), "{}", lines[1].1);
        assert!(lines[2].1.contains("names shop\u{fffd}, which is no workload"), "{}", lines[2].1);
    }

    #[test]
    fn many_are_counted() {
        let containers: Vec<_> = (0..100).map(|number| container(number, Some("gone"), None)).collect();
        let findings = check(&containers, &[]);
        assert_eq!(findings.len(), 12);
        assert_eq!(findings[11].text, "90 more are ignored likewise");
    }
}
