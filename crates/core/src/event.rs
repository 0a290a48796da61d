//! A container event, as far as it says something.

use crate::ids::ContainerId;
use crate::stamp::Stamp;
use crate::text;

/// One event of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The container's id.
    pub container: ContainerId,
    /// What happened.
    pub action: Action,
    /// The daemon's `timeNano`: compared only with that of other events of the same daemon.
    pub daemon_nanos: i64,
    /// When it was received.
    pub received: Stamp,
    /// When the newest `die` that this event stands for was received: its own, or that of an event merged into it.
    pub died: Option<Stamp>,
}

impl Event {
    /// An event just received.
    pub fn new(container: ContainerId, action: Action, daemon_nanos: i64, received: Stamp) -> Self {
        let died = (action == Action::Die).then_some(received);
        Self { container, action, daemon_nanos, received, died }
    }

    /// Merges a later received event of the same container into this one, so that one of them says what both said.
    ///
    /// The action is that of the event which is newer for the daemon. The look that follows each event makes up for
    /// what is lost.
    pub fn merge(&mut self, later: Self) {
        if later.daemon_nanos >= self.daemon_nanos {
            self.action = later.action;
            self.daemon_nanos = later.daemon_nanos;
        }
        self.received = self.received.max(later.received);
        self.died = self.died.max(later.died);
    }
}

/// What an event says happened. Suffixes (`health_status: healthy`) are cut off before it is read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// `create`
    Create,
    /// `start`
    Start,
    /// `restart`
    Restart,
    /// `die`, and Podman's `died`
    Die,
    /// `pause`
    Pause,
    /// `unpause`
    Unpause,
    /// `destroy`, and Podman's `remove`
    Destroy,
    /// Any other: it says that something changed, not what. Bounded, without control characters.
    Other(Box<str>),
}

impl Action {
    /// Longest word that is kept, in bytes.
    pub const MAX_LEN: usize = 32;

    /// Reads an event's `Action`; `None` for those that never say anything about a container's state: `exec_*`, `top`,
    /// `attach` and their like.
    pub fn parse(action: &str) -> Option<Self> {
        // Bounded first: what the journal keeps of a word must read as what it was taken for.
        let action = text::printable(action, Self::MAX_LEN);
        let word = action.split([':', ' ']).next().unwrap_or_default();
        Some(match word {
            "create" => Self::Create,
            "start" => Self::Start,
            "restart" => Self::Restart,
            "die" | "died" => Self::Die,
            "pause" => Self::Pause,
            "unpause" => Self::Unpause,
            "destroy" | "remove" => Self::Destroy,
            "stop" | "kill" | "oom" | "rename" | "update" | "health_status" => Self::Other(word.into()),
            "" | "top" | "attach" | "detach" | "resize" | "copy" | "export" | "commit" | "archive-path"
            | "extract-to-dir" => return None,
            exec if exec.starts_with("exec") => return None,
            other => Self::Other(other.into()),
        })
    }

    /// The word that the journal's `cause` has for it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Create => "create",
            Self::Start => "start",
            Self::Restart => "restart",
            Self::Die => "die",
            Self::Pause => "pause",
            Self::Unpause => "unpause",
            Self::Destroy => "destroy",
            Self::Other(word) => word,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_read_without_their_suffix() {
        for (text, word) in [
            ("die", "die"),
            ("died", "die"),
            ("remove", "destroy"),
            ("health_status: healthy", "health_status"),
            ("start", "start"),
            ("hibernate", "hibernate"),
        ] {
            assert_eq!(Action::parse(text).unwrap().as_str(), word);
        }
        for hostile in ["die\0", "\u{1b}die", "die\nstart"] {
            assert_eq!(Action::parse(hostile), Some(Action::Die), "{hostile:?}");
        }
        for silent in
            ["", "\0", "\0exec_die", "exec_create: sh -c true", "exec_die", "exec_start: x", "top", "attach"]
        {
            assert_eq!(Action::parse(silent), None, "{silent}");
        }
    }

    #[test]
    fn merged_events_say_what_the_daemons_newest_said() {
        let id = ContainerId::parse("a").unwrap();
        let at = |ms| Stamp::new(std::time::Duration::from_millis(ms));
        let mut event = Event::new(id.clone(), Action::Start, 20, at(1));
        event.merge(Event::new(id, Action::Die, 10, at(2)));
        assert_eq!((event.action, event.daemon_nanos), (Action::Start, 20));
        assert_eq!((event.received, event.died), (at(2), Some(at(2))));
    }
}
