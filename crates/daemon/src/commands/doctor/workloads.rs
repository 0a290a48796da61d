//! Whether what workloads should be can be understood.

use reconciler_core::assessment::Reason;
use reconciler_core::member::Members;
use reconciler_core::workload::Workload;
use reconciler_plugins::judge;

use super::finding::Finding;
use crate::output::text::cell;

const SUBJECT: &str = "workloads";
/// How many workloads are named; the others are counted.
const MAX_NAMED: usize = 10;

/// Names the workloads whose `source_config` cannot be understood.
pub(super) fn unreadable(workloads: &[Workload]) -> Vec<Finding> {
    let nothing = Members::default();
    let mut texts: Vec<String> = Vec::new();
    for workload in workloads {
        let assessment = judge(workload, &nothing).assessment;
        if assessment.reason == Reason::BadConfig {
            let id = cell(workload.id.as_str(), 60);
            let why = cell(&assessment.message, 300);
            texts
                .push(format!("the settings of {id} cannot be understood: {why}; correct its source_config"));
        }
    }
    let more = texts.len().saturating_sub(MAX_NAMED);
    texts.truncate(MAX_NAMED);
    let mut findings: Vec<_> = texts.into_iter().map(|text| Finding::warn(SUBJECT, text)).collect();
    if more > 0 {
        findings.push(Finding::warn(SUBJECT, format!("{more} more have settings that cannot be understood")));
    }
    findings
}

#[cfg(test)]
mod tests {
    use reconciler_core::workload::Kind;

    use super::*;

    #[test]
    fn workloads_whose_settings_cannot_be_understood_are_named() {
        let workload = |id: &str, source_config: &str| Workload {
            id: id.into(),
            name: String::new(),
            kind: Kind::Stack,
            source_kind: "compose".into(),
            source_config: source_config.into(),
        };
        let mut all = vec![workload("well", "{}"), workload("odd", "{\"compose\": \"a: [\"}")];
        let texts: Vec<_> = unreadable(&all).into_iter().map(|finding| finding.text).collect();
        assert_eq!(texts.len(), 1);
        assert!(texts[0].starts_with("the settings of odd cannot be understood: compose: "), "{}", texts[0]);
        all.extend((0..20).map(|n| workload(&n.to_string(), "[")));
        let findings = unreadable(&all);
        assert_eq!(findings.len(), 11);
        assert_eq!(findings[10].text, "11 more have settings that cannot be understood");
    }
}
