//! The command line.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use reconciler_core::host::DaemonIdentity;

use crate::settings::{Flag, LogFormat};

const EXAMPLES: &str = "\
Examples:
  tinyforge-reconciler                           follow Docker, with the defaults
  tinyforge-reconciler once --json               one full pass, its summary as JSON
  tinyforge-reconciler ps --all                  the index, with what is missing
  tinyforge-reconciler --config my.toml doctor   what is wrong, and what to do
  DATABASE_URL=postgres://u@db/tf tinyforge-reconciler migrate

Every setting of the file has an environment variable, RECONCILER_SECTION__KEY.
Flags beat environment beats file beats default; `tinyforge-reconciler config`
shows what is in force and where it came from.

Exit codes: 0 done, 1 failed, 2 wrong use or settings, 70 gave up.";

/// Keeps tinyforge's index of Docker containers true.
#[derive(Debug, Parser)]
#[command(version, about, after_help = EXAMPLES, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    /// Without one: `run`.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Flags that every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct Global {
    /// Settings file [env: RECONCILER_CONFIG] [default: /etc/tinyforge/reconciler.toml, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Database: sqlite://FILE or postgres://USER@HOST/NAME. A password is safer in the environment or a file
    /// [env: DATABASE_URL, DATABASE_URL_FILE] [default: sqlite://data/tinyforge.db]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// Docker daemon: unix://SOCKET or tcp://HOST:PORT [env: DOCKER_HOST] [default: the current Docker context's]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) docker_host: Option<String>,
    /// Name of this host; `ps` shows only its rows [env: RECONCILER_HOST] [default: local]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) host: Option<String>,
    /// Time between full passes, 5m at most [env: RECONCILER_RECONCILE__INTERVAL] [default: 30s]
    #[arg(long, global = true, value_name = "DURATION", allow_hyphen_values = true)]
    pub(crate) interval: Option<String>,
    /// Address of the API, or unix:/PATH [env: RECONCILER_HTTP__LISTEN] [default: 127.0.0.1:8787]
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
    /// How log lines look, on standard error [env: RECONCILER_LOG__FORMAT] [default: text]
    #[arg(long, global = true, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
    /// Log more: -v debug, -vv trace
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

impl Global {
    /// The settings that flags give.
    pub(crate) fn flags(&self) -> Vec<Flag> {
        let level = match self.verbose {
            0 => None,
            1 => Some("debug".to_owned()),
            _ => Some("trace".to_owned()),
        };
        let format = self.log_format.map(|format| format.as_str().to_owned());
        let given = [
            ("--database-url", "store.url", self.database_url.clone()),
            ("--docker-host", "docker.host", self.docker_host.clone()),
            ("--host", "host", self.host.clone()),
            ("--interval", "reconcile.interval", self.interval.clone()),
            ("--listen", "http.listen", self.listen.clone()),
            ("--log-format", "log.format", format),
            ("-v", "log.level", level),
        ];
        given.into_iter().filter_map(|(name, key, value)| Some(Flag { name, key, value: value? })).collect()
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Follow Docker and keep the index true until ended (the default)
    Run(Run),
    /// One full pass, with a summary
    Once(Once),
    /// Show the index
    Ps(Ps),
    /// Add, list, show or remove workloads
    #[command(subcommand)]
    Workload(Workload),
    /// Check Docker, database, schema, settings and labels, and say what to do
    #[command(after_help = "Exit code 1 if anything fails.")]
    Doctor,
    /// Bring the database's schema up to date
    Migrate(Migrate),
    /// Show the settings in force as TOML, secrets hidden
    #[command(after_help = "Behind each setting stands where it came from.")]
    Config,
    /// Have the program that runs pass over everything now, or reconcile one workload
    #[command(after_help = "It is asked at the address in --listen.")]
    Sync(Sync),
    /// Follow what changes: a table that keeps itself up to date, lines, or JSON
    Watch(Watch),
    /// Say whether the program that runs is ready: exit code 0, or 1 and why not
    #[command(after_help = "It is asked at the address in --listen.")]
    Healthcheck,
    /// Print a completion script for a shell
    #[command(after_help = "Example:\n  tinyforge-reconciler completions bash \\
    > /etc/bash_completion.d/tinyforge-reconciler")]
    Completions(Completions),
}

impl Default for Command {
    fn default() -> Self {
        Self::Run(Run::default())
    }
}

/// `run`
#[derive(Debug, Default, Args)]
pub(crate) struct Run {
    /// Take this daemon for the host's from now on, as the error that refused it prints it
    #[arg(long, value_name = "ID@ROOT", allow_hyphen_values = true)]
    pub(crate) accept_daemon: Option<DaemonIdentity>,
}

/// `once`
#[derive(Debug, Args)]
pub(crate) struct Once {
    /// Print the summary as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Exit with 1 if a plugin failed
    #[arg(long)]
    pub(crate) strict: bool,
    /// Take this daemon for the host's from now on, as the error that refused it prints it
    #[arg(long, value_name = "ID@ROOT", allow_hyphen_values = true)]
    pub(crate) accept_daemon: Option<DaemonIdentity>,
}

/// `ps`
#[derive(Debug, Args)]
#[command(after_help = "\
Without --host the rows of all hosts are shown.

Examples:
  tinyforge-reconciler ps --workload blog
  tinyforge-reconciler ps --state missing --json | jq '.[].id'")]
pub(crate) struct Ps {
    /// Print the rows as a JSON array, with the table's column names
    #[arg(long)]
    pub(crate) json: bool,
    /// Show also rows whose container is missing
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Only this workload's rows
    #[arg(long, value_name = "ID")]
    pub(crate) workload: Option<String>,
    /// Only rows in this state: running, stopped, created, restarting, paused, removing, missing, …
    #[arg(long, value_name = "STATE")]
    pub(crate) state: Option<String>,
}

/// `workload`
#[derive(Debug, Subcommand)]
pub(crate) enum Workload {
    /// Add a workload
    #[command(after_help = "\
Examples:
  tinyforge-reconciler workload add blog --name Blog --kind site
  tinyforge-reconciler workload add shop --name Shop --kind stack \\
    --source-kind compose --source-config @shop.json")]
    Add(WorkloadAdd),
    /// List all workloads
    List {
        /// Print them as a JSON array, with the table's column names
        #[arg(long)]
        json: bool,
    },
    /// Show a workload and its containers
    Show {
        /// The workload's id
        id: String,
        /// Print it as a JSON object, how it is on each host under `status`, its containers under `containers`
        #[arg(long)]
        json: bool,
    },
    /// Remove a workload; its containers are left alone, their rows become missing
    Remove {
        /// The workload's id
        id: String,
    },
}

/// `workload add`
#[derive(Debug, Args)]
pub(crate) struct WorkloadAdd {
    /// Its id: what containers have in their label `tinyforge.workload.id`
    pub(crate) id: String,
    /// Its name, for people
    #[arg(long)]
    pub(crate) name: String,
    /// Its kind
    #[arg(long)]
    pub(crate) kind: WorkloadKind,
    /// Which plugin reconciles it; without one, none does
    #[arg(long, value_name = "KIND", default_value = "", hide_default_value = true)]
    pub(crate) source_kind: String,
    /// The plugin's settings: a JSON object, or @ and the file that holds one
    #[arg(long, value_name = "JSON|@FILE", default_value = "{}")]
    pub(crate) source_config: String,
}

/// The kinds a workload may be given here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum WorkloadKind {
    /// One application, whose row the deployer makes
    Project,
    /// Several services
    Stack,
    /// One web site
    Site,
}

impl WorkloadKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Stack => "stack",
            Self::Site => "site",
        }
    }
}

/// `migrate`
#[derive(Debug, Args)]
pub(crate) struct Migrate {
    /// Change nothing; say which steps are done and which are not
    #[arg(long)]
    pub(crate) status: bool,
}

/// `sync`
#[derive(Debug, Args)]
pub(crate) struct Sync {
    /// Only this workload; its plugin is asked, and not waited for
    #[arg(value_name = "WORKLOAD")]
    pub(crate) workload: Option<String>,
    /// Print the pass's summary as JSON
    #[arg(long, conflicts_with = "workload")]
    pub(crate) json: bool,
}

/// `watch`
#[derive(Debug, Args)]
#[command(after_help = "\
The program that runs is asked, at the address in --listen. On a terminal the
rows of the index are shown, and redrawn as they change; elsewhere, and with
--kind workload or action, each change is a line. A lost connection is made
again, and goes on where it was. Should the journal no longer have all that
followed, that is said, with --json by a line {\"reset\": …}. Without --host
all hosts' changes are shown.

Examples:
  tinyforge-reconciler watch --workload blog
  tinyforge-reconciler watch --json --kind container | jq -c '[.row_id, .to_state]'
  tinyforge-reconciler watch --json --after 0            all that the journal has")]
pub(crate) struct Watch {
    /// Print each change as a line of JSON, as the journal has it
    #[arg(long)]
    pub(crate) json: bool,
    /// Only this workload's
    #[arg(long, value_name = "ID")]
    pub(crate) workload: Option<String>,
    /// Only changes to this state, or phase; in the table only rows that are in it
    #[arg(long, value_name = "STATE")]
    pub(crate) state: Option<String>,
    /// Only changes of this kind
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Option<ChangeKind>,
    /// Begin after this number of the journal, not with what changes from now on
    #[arg(long, value_name = "SEQ", value_parser = clap::value_parser!(i64).range(0..))]
    pub(crate) after: Option<i64>,
}

/// What a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ChangeKind {
    /// A row of the index
    Container,
    /// A workload's phase
    Workload,
    /// What was done to a container
    Action,
}

impl ChangeKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Workload => "workload",
            Self::Action => "action",
        }
    }
}

/// `completions`
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests;
