//! What a collector is sent: `ExportTraceServiceRequest` of the OTLP specification, in its JSON encoding. Ids are hexadecimal
//! there, and 64-bit numbers are text.

use std::time::{SystemTime, UNIX_EPOCH};

use reconciler_actors::Span;
use serde_json::{Value, json};

use crate::output::text;

const NAME: &str = "tinyforge-reconciler";
/// Longest value of an attribute, in characters.
const MAX_VALUE: usize = 300;

/// `SPAN_KIND_INTERNAL`
const INTERNAL: u8 = 1;
/// `STATUS_CODE_ERROR`
const ERROR: u8 = 2;

/// Whose traces these are.
pub(super) struct Resource(Value);

impl Resource {
    /// Those of this program, for this host.
    pub(super) fn new(host: &str) -> Self {
        Self(json!({"attributes": attributes([
            ("service.name", NAME),
            ("service.version", env!("CARGO_PKG_VERSION")),
            ("service.instance.id", host),
        ])}))
    }

    /// The body that tells of these traces.
    pub(super) fn body(&self, traces: &[Vec<Span>]) -> String {
        let spans: Vec<_> = traces.iter().flatten().map(span).collect();
        let scope = json!({"name": NAME, "version": env!("CARGO_PKG_VERSION")});
        json!({"resourceSpans": [{"resource": self.0, "scopeSpans": [{"scope": scope, "spans": spans}]}]})
            .to_string()
    }
}

fn span(span: &Span) -> Value {
    let Span { trace, id, parent, name, begun, ended, attributes: given, failure } = span;
    let status = match failure {
        Some(why) => json!({"code": ERROR, "message": text::cell(why, MAX_VALUE)}),
        None => json!({}),
    };
    json!({
        "traceId": format!("{trace:032x}"),
        "spanId": format!("{id:016x}"),
        "parentSpanId": parent.map(|parent| format!("{parent:016x}")).unwrap_or_default(),
        "name": name,
        "kind": INTERNAL,
        "startTimeUnixNano": nanos(*begun),
        "endTimeUnixNano": nanos(*ended),
        "attributes": attributes(given.iter().map(|(key, value)| (*key, value.as_str()))),
        "status": status,
    })
}

fn attributes<'a>(given: impl IntoIterator<Item = (&'static str, &'a str)>) -> Vec<Value> {
    let one = |(key, value)| json!({"key": key, "value": {"stringValue": text::cell(value, MAX_VALUE)}});
    given.into_iter().map(one).collect()
}

fn nanos(time: SystemTime) -> String {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_span_is_as_the_specification_has_it() {
        let at = |nanos| UNIX_EPOCH + Duration::from_nanos(nanos);
        let part = Span {
            trace: 0x5b8e_fff7_9803_8103_d269_b633_813f_c60c,
            id: 0xeee1_9b7e_c3c1_b174,
            parent: Some(7),
            name: "write",
            begun: at(1_544_712_660_000_000_000),
            ended: at(1_544_712_661_000_000_000),
            attributes: vec![("tinyforge.row", "a\nb".into())],
            failure: Some("no".into()),
        };
        let whole = Span { parent: None, failure: None, attributes: Vec::new(), ..part.clone() };
        let body: Value = serde_json::from_str(&Resource::new("h").body(&[vec![part], vec![whole]])).unwrap();
        let resource = &body["resourceSpans"][0];
        assert_eq!(resource["resource"]["attributes"][0]["value"]["stringValue"], NAME);
        let spans = &resource["scopeSpans"][0]["spans"];
        let first = json!({
            "traceId": "5b8efff798038103d269b633813fc60c",
            "spanId": "eee19b7ec3c1b174",
            "parentSpanId": "0000000000000007",
            "name": "write",
            "kind": 1,
            "startTimeUnixNano": "1544712660000000000",
            "endTimeUnixNano": "1544712661000000000",
            "attributes": [{"key": "tinyforge.row", "value": {"stringValue": "a\u{fffd}b"}}],
            "status": {"code": 2, "message": "no"},
        });
        assert_eq!(spans[0], first);
        assert_eq!((&spans[1]["parentSpanId"], &spans[1]["status"]), (&"".into(), &json!({})));
    }
}
