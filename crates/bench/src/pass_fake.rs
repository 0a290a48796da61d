//! Passes over many containers of a fake socket.

use std::time::Duration;

use reconciler_testkit::fake_docker::{FakeDocker, Fault, Route};

use crate::bed::Bed;
use crate::database::Kind;
use crate::pass::{Subject, Times};
use crate::plain::Plain;
use crate::raw::{self, ROLES};
use crate::report::{Figure, Report, Target};
use crate::statistics::median;
use crate::{floor, old_way};

/// The old way's time is the same for each row, so more rows than this are not waited for: what it takes is scaled.
const OLD_WAY_ROWS: usize = 10_000;

/// What a pass finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finds {
    AllNew,
    SomeChanged,
    Nothing,
}

impl Finds {
    fn name(self) -> &'static str {
        match self {
            Self::AllNew => "all new",
            Self::SomeChanged => "1 % changed",
            Self::Nothing => "nothing changed",
        }
    }

    /// Which containers have stopped.
    fn stopped(self) -> impl Fn(usize) -> bool {
        move |n| self == Self::SomeChanged && n % 100 == 7
    }

    fn target(self, count: usize, kind: Kind) -> Option<Target> {
        match self {
            Self::AllNew if (count, kind) == (10_000, Kind::Sqlite) => Some(Target::Faster(6.0)),
            Self::Nothing if (count, kind) == (10_000, Kind::Sqlite) => Some(Target::Faster(25.0)),
            _ => None,
        }
    }
}

/// What was measured of one kind of pass.
#[derive(Debug, Default)]
struct Found {
    ours: Vec<Times>,
    old_way: Vec<f64>,
    floor: Vec<f64>,
}

pub(crate) async fn measure(bed: &Bed, report: &mut Report) -> anyhow::Result<()> {
    for count in bed.amount(&[10_000, 100_000][..], &[10_000]) {
        for &kind in &bed.kinds {
            eprintln!("passes over {count} containers, {}", kind.name());
            of(bed, *count, kind, report).await?;
        }
    }
    Ok(())
}

async fn of(bed: &Bed, count: usize, kind: Kind, report: &mut Report) -> anyhow::Result<()> {
    let fake = FakeDocker::start();
    let rounds = match kind {
        _ if bed.quick || count > 10_000 => 1,
        Kind::Sqlite => 10,
        Kind::Postgres => 3,
    };
    let [mut new, mut some, mut nothing] = [Found::default(), Found::default(), Found::default()];
    let mut drained = Vec::new();
    for _ in 0..rounds {
        lists(&fake, count, |_| false);
        let mut sides = Sides::open(bed, &fake, count, kind).await?;
        sides.turn(Finds::AllNew, &mut new).await?;
        for _ in 0..2 {
            let begun = std::time::Instant::now();
            raw::drain(&fake.socket(), raw::LIST).await?;
            drained.push(ms(begun.elapsed()));
            sides.turn(Finds::Nothing, &mut nothing).await?;
        }
        lists(&fake, count, Finds::SomeChanged.stopped());
        sides.turn(Finds::SomeChanged, &mut some).await?;
        sides.subject.store.close().await;
    }
    for (finds, found) in [(Finds::AllNew, &new), (Finds::SomeChanged, &some), (Finds::Nothing, &nothing)] {
        let target = finds.target(count, kind);
        report.add(found.figure(
            &format!("pass, {count} rows, {}: database part", finds.name()),
            kind,
            target,
        ));
    }
    for (finds, found) in [(Finds::AllNew, &new), (Finds::Nothing, &nothing)] {
        let what = |part: &str| format!("pass, {count} rows, {}: {part}", finds.name());
        if kind == Kind::Sqlite {
            let floor = median(&found.floor);
            let ours = found.median(|times| times.database);
            let figure = alone(what("database part, beside the floor"), kind, ours);
            report.add(Figure { baseline: Some(floor), ..figure });
            let figure = alone(what("the floor, beside the old way"), kind, floor);
            report.add(Figure { baseline: Some(median(&found.old_way)), ..figure });
            let after = found.median(|times| times.tidying);
            report.add(alone(what("the log written to the file, afterwards"), kind, after));
        }
        report.add(alone(what("index part"), kind, found.median(|times| times.index)));
    }
    let whole = Figure {
        what: format!("pass, {count} rows, nothing changed: all of it, beside reading the list's bytes"),
        baseline: Some(median(&drained)),
        ..alone(String::new(), kind, nothing.median(Times::total))
    };
    report.add(whole);
    Ok(())
}

fn lists(fake: &FakeDocker, count: usize, stopped: impl Fn(usize) -> bool) {
    fake.fault(Route::List, Fault::Body(raw::list_body(count, stopped)));
}

/// Those that take turns, each on a database of its own.
struct Sides {
    count: usize,
    subject: Subject,
    plain: Plain,
    /// On SQLite.
    floor: Option<rusqlite::Connection>,
}

impl Sides {
    async fn open(bed: &Bed, fake: &FakeDocker, count: usize, kind: Kind) -> anyhow::Result<Self> {
        let ours = bed.database(kind).await?;
        ours.add_workloads(count.div_ceil(ROLES)).await?;
        let floor = match kind {
            Kind::Sqlite => Some(floor::open(&bed.database(kind).await?)?),
            Kind::Postgres => None,
        };
        Ok(Self {
            count,
            subject: Subject::open(&fake.host(), &ours).await?,
            plain: Plain::open(&bed.database(kind).await?).await?,
            floor,
        })
    }

    /// First ours, then the old way, then the floor.
    async fn turn(&mut self, finds: Finds, found: &mut Found) -> anyhow::Result<()> {
        found.ours.push(self.subject.pass().await?);
        let part = self.count.min(OLD_WAY_ROWS);
        let took = old_way::pass(&self.plain, &old_way::rows(part, finds.stopped())).await?;
        #[expect(clippy::cast_precision_loss, reason = "thousands")]
        found.old_way.push(ms(took) * (self.count as f64 / part as f64));
        if let Some(floor) = &self.floor {
            // Ours begins with the processor's caches as a list leaves them.
            let listed = self.subject.list().await?;
            match finds {
                Finds::AllNew => {
                    let mut rows = old_way::rows(self.count, finds.stopped());
                    // In the order of the key, which spares its index the search.
                    rows.sort_by(|one, other| one.id.cmp(&other.id));
                    found.floor.push(ms(floor::insert(floor, &rows)?));
                }
                Finds::Nothing => found.floor.push(ms(floor::touch(floor)?)),
                Finds::SomeChanged => {}
            }
            drop(listed);
        }
        Ok(())
    }
}

impl Found {
    fn median(&self, part: impl Fn(&Times) -> Duration) -> f64 {
        median(&self.ours.iter().map(|times| ms(part(times))).collect::<Vec<_>>())
    }

    fn figure(&self, what: &str, kind: Kind, target: Option<Target>) -> Figure {
        let ours = self.median(|times| times.database);
        Figure { baseline: Some(median(&self.old_way)), target, ..alone(what.to_owned(), kind, ours) }
    }
}

fn alone(what: String, kind: Kind, ours: f64) -> Figure {
    Figure { what, database: kind.name(), unit: "ms", ours, baseline: None, target: None }
}

pub(crate) fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
