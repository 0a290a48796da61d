//! A container event, as far as it says something.

use crate::ids::ContainerId;
use crate::stamp::Stamp;
use crate::state::RowState;
use crate::text;

/// One event of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The container's id.
    pub container: ContainerId,
    /// What happened. Of events that were merged: the last that [claims a state](Action::claims), if one does.
    pub action: Action,
    /// The daemon's `timeNano` of that: compared only with that of other events of the same daemon.
    pub daemon_nanos: i64,
    /// The newest `timeNano` of all events that this one stands for.
    pub newest_nanos: i64,
    /// When it was received.
    pub received: Stamp,
    /// When the newest `die` that this event stands for was received: its own, or that of an event merged into it.
    pub died: Option<Stamp>,
    /// What this event, and those merged into it, say of who ended the container.
    pub marks: Marks,
    /// It stands for signals that were sent, and for nothing else.
    pub only_signals: bool,
}

/// What events say of who ended a container: the newest `timeNano` of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Its process was started.
    pub started: Option<i64>,
    /// Somebody asked for its end.
    pub asked: Option<i64>,
    /// Somebody sent it a signal that need not end it.
    pub signalled: Option<i64>,
    /// Its process ended.
    pub died: Option<i64>,
    /// How many ends these are.
    pub deaths: u32,
}

impl Marks {
    fn of(action: &Action, daemon_nanos: i64) -> Self {
        let mut marks = Self::default();
        let at = Some(daemon_nanos);
        match action {
            Action::Start => marks.started = at,
            Action::Stop | Action::Kill => marks.asked = at,
            Action::Signal => marks.signalled = at,
            Action::Die => (marks.died, marks.deaths) = (at, 1),
            _ => {}
        }
        marks
    }

    /// Adds what later received events say. An end that was told before counts once.
    pub fn merge(&mut self, later: Self) {
        if later.died > self.died {
            self.deaths = self.deaths.saturating_add(later.deaths);
        }
        self.started = self.started.max(later.started);
        self.asked = self.asked.max(later.asked);
        self.signalled = self.signalled.max(later.signalled);
        self.died = self.died.max(later.died);
    }
}

impl Event {
    /// An event just received.
    pub fn new(container: ContainerId, action: Action, daemon_nanos: i64, received: Stamp) -> Self {
        let died = (action == Action::Die).then_some(received);
        let marks = Marks::of(&action, daemon_nanos);
        let only_signals = matches!(action, Action::Kill | Action::Signal);
        let newest_nanos = daemon_nanos;
        Self { container, action, daemon_nanos, newest_nanos, received, died, marks, only_signals }
    }

    /// Merges a later received event of the same container into this one, so that one of them says what both said.
    ///
    /// An event that is older for the daemon says nothing of the state any more, and one that never says anything of it,
    /// as the `stop` after a `die`, takes away nothing of what was said. The look that follows each event makes up for what
    /// is lost.
    pub fn merge(&mut self, later: Self) {
        let newer = later.daemon_nanos >= self.newest_nanos;
        if newer && (later.action.claims().is_some() || self.action.claims().is_none()) {
            self.action = later.action;
            self.daemon_nanos = later.daemon_nanos;
        }
        self.newest_nanos = self.newest_nanos.max(later.newest_nanos);
        self.received = self.received.max(later.received);
        self.died = self.died.max(later.died);
        self.marks.merge(later.marks);
        self.only_signals &= later.only_signals;
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
    /// `stop`: somebody had it stopped.
    Stop,
    /// `kill`: somebody sent it a signal that asks for its end, or one that is not told.
    Kill,
    /// `kill` with a signal that programs take for something else than their end, such as `HUP`.
    Signal,
    /// Any other: it says that something changed, not what. Bounded, without control characters.
    Other(Box<str>),
}

/// What an event claims a container's state to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// It exists, in this state.
    State(RowState),
    /// It is gone.
    Gone,
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
            "stop" => Self::Stop,
            "kill" => Self::Kill,
            "oom" | "rename" | "update" | "health_status" => Self::Other(word.into()),
            "" | "top" | "attach" | "detach" | "resize" | "copy" | "export" | "commit" | "archive-path"
            | "extract-to-dir" => return None,
            exec if exec.starts_with("exec") => return None,
            other => Self::Other(other.into()),
        })
    }

    /// The action, now that the signal is known that a `kill` sent: a number, or a name with or without `SIG`.
    #[must_use]
    pub fn with_signal(self, signal: Option<&str>) -> Self {
        let Some(signal) = signal.filter(|_| self == Self::Kill) else { return self };
        let name = signal.strip_prefix("SIG").unwrap_or(signal);
        match name {
            "1" | "10" | "12" | "17" | "18" | "23" | "28" => Self::Signal,
            "HUP" | "USR1" | "USR2" | "CHLD" | "CONT" | "URG" | "WINCH" => Self::Signal,
            _ => Self::Kill,
        }
    }

    /// What it says by itself of the container's state.
    pub fn claims(&self) -> Option<Claimed> {
        match self {
            Self::Start | Self::Restart | Self::Unpause => Some(Claimed::State(RowState::Running)),
            Self::Pause => Some(Claimed::State(RowState::Paused)),
            Self::Die => Some(Claimed::State(RowState::Stopped)),
            Self::Destroy => Some(Claimed::Gone),
            Self::Create | Self::Stop | Self::Kill | Self::Signal | Self::Other(_) => None,
        }
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
            Self::Stop => "stop",
            Self::Kill | Self::Signal => "kill",
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
    fn merged_events_say_what_the_daemons_newest_said_of_the_state() {
        let id = ContainerId::parse("a").unwrap();
        let at = |ms| Stamp::new(std::time::Duration::from_millis(ms));
        let mut event = Event::new(id.clone(), Action::Start, 20, at(1));
        event.merge(Event::new(id.clone(), Action::Die, 10, at(2)));
        assert_eq!((&event.action, event.daemon_nanos), (&Action::Start, 20));
        assert_eq!((event.received, event.died), (at(2), Some(at(2))));
        event.merge(Event::new(id, Action::Stop, 30, at(3)));
        assert_eq!((event.action, event.daemon_nanos, event.newest_nanos), (Action::Start, 20, 30));
    }

    #[test]
    fn what_is_merged_from_signals_alone() {
        let id = ContainerId::parse("a").unwrap();
        let event = |action: &Action| Event::new(id.clone(), action.clone(), 1, Stamp::default());
        let (kill, signal, start) = (Action::Kill, Action::Signal, Action::Start);
        for (actions, only) in [
            (&[&kill][..], true),
            (&[&kill, &signal], true),
            (&[&start], false),
            (&[&start, &kill], false),
            (&[&kill, &start], false),
        ] {
            let merged = actions.iter().map(|action| event(action)).reduce(|mut merged, later| {
                merged.merge(later);
                merged
            });
            assert_eq!(merged.unwrap().only_signals, only, "{actions:?}");
        }
    }

    #[test]
    fn what_signals_ask_for() {
        for (signal, action) in [
            (None, Action::Kill),
            (Some(""), Action::Kill),
            (Some("9"), Action::Kill),
            (Some("15"), Action::Kill),
            (Some("SIGTERM"), Action::Kill),
            (Some("SIGRTMIN+3"), Action::Kill),
            (Some("1"), Action::Signal),
            (Some("SIGHUP"), Action::Signal),
            (Some("WINCH"), Action::Signal),
        ] {
            assert_eq!(Action::Kill.with_signal(signal), action, "{signal:?}");
        }
        assert_eq!(Action::Die.with_signal(Some("1")), Action::Die);
        assert_eq!(Action::Signal.as_str(), "kill");
    }

    #[test]
    fn merged_events_keep_who_asked_for_what() {
        let id = ContainerId::parse("a").unwrap();
        let at = |ms| Stamp::new(std::time::Duration::from_millis(ms));
        let event = |action, nanos| Event::new(id.clone(), action, nanos, at(1));
        let mut merged = event(Action::Die, 20);
        for later in [(Action::Kill, 10), (Action::Die, 20), (Action::Start, 30), (Action::Die, 40)] {
            merged.merge(event(later.0, later.1));
        }
        let marks = Marks { started: Some(30), asked: Some(10), signalled: None, died: Some(40), deaths: 2 };
        assert_eq!(merged.marks, marks);
    }
}
