//! Whether Docker lets containers be started, which healing needs: a proxy before its socket may not.

use std::collections::BTreeMap;

use reconciler_core::ids::ContainerId;
use reconciler_docker::{DockerError, Engine, Start, Trouble};
use reconciler_plugins::{DriverSettings, Heal};

use super::finding::Finding;
use crate::commands::adapters;
use crate::failure::chain;
use crate::output::text::cell;
use crate::settings::Settings;

const SUBJECT: &str = "plugins";

/// Docker gives no container an id that begins with digits alone, for that would be no host name.
/// <https://github.com/moby/moby/blob/v20.10.24/pkg/stringid/stringid.go>
const NOBODY: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Asks for the start of a container that cannot exist, if some plugin is to start any.
pub(super) async fn ask(settings: &Settings) -> Option<Finding> {
    let kind = healed(&settings.plugins)?;
    // What keeps Docker from being asked at all was found before.
    let engine = adapters::docker(&settings.docker).ok()?;
    let nobody = ContainerId::parse(NOBODY)?;
    Some(finding(engine.start(&nobody).await, kind))
}

/// The first source kind whose containers are to be started.
fn healed(plugins: &BTreeMap<String, DriverSettings>) -> Option<&str> {
    let heals =
        |driver: &DriverSettings| matches!(driver, DriverSettings::Docker(docker) if docker.heal == Heal::On);
    plugins.iter().find(|(_, driver)| heals(driver)).map(|(kind, _)| kind.as_str())
}

fn finding(answer: Result<Start, DockerError>, kind: &str) -> Finding {
    let kind = cell(kind, 60);
    match answer {
        Ok(Start::Gone | Start::Started) => Finding::ok(
            SUBJECT,
            format!("Docker lets containers be started, as [plugins.{kind}] heal = true needs"),
        ),
        Err(error) if is_refusal(&error) => {
            let text = format!(
                "[plugins.{kind}] heal = true, but nothing can be started: {}; have what is in between let starts \
                 through, ask the daemon itself (docker.host), or set heal = false",
                chain(&error)
            );
            Finding::fail(SUBJECT, text)
        }
        Err(error) => Finding::warn(
            SUBJECT,
            format!(
                "whether containers can be started, as [plugins.{kind}] heal = true needs, is unknown: {}",
                chain(&error)
            ),
        ),
    }
}

/// Whether somebody understood, and does not want it.
fn is_refusal(error: &DockerError) -> bool {
    matches!(error.trouble(), Trouble::Status { code: 401 | 403 | 405, .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_has_an_id() {
        assert!(ContainerId::parse(NOBODY).is_some());
    }
}
