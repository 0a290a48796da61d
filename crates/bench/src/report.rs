//! What came out, as a table or as JSON.

use serde::Serialize;

/// What a figure is to reach.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    /// Ours is at most so many times the baseline.
    Ratio(f64),
    /// The baseline is at least so many times ours.
    Faster(f64),
    /// Ours is at most this.
    AtMost(f64),
    /// Ours is the baseline.
    Same,
}

/// One figure. Less is better in all of them.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figure {
    /// What was measured.
    pub(crate) what: String,
    /// On which database; empty where none takes part.
    pub(crate) database: &'static str,
    /// The unit of both values.
    pub(crate) unit: &'static str,
    /// What the program took.
    pub(crate) ours: f64,
    /// What the plain way took.
    pub(crate) baseline: Option<f64>,
    /// What ours is to reach; `None` where the figure only explains others.
    pub(crate) target: Option<Target>,
}

impl Figure {
    fn met(&self) -> Option<bool> {
        let baseline = self.baseline.unwrap_or(f64::NAN);
        Some(match self.target? {
            Target::Ratio(most) => self.ours <= baseline * most,
            Target::Faster(least) => self.ours * least <= baseline,
            Target::AtMost(most) => self.ours <= most,
            Target::Same => (self.ours - baseline).abs() < f64::EPSILON,
        })
    }

    fn ratio(&self) -> Option<f64> {
        Some(self.ours / self.baseline.filter(|baseline| *baseline > 0.0)?)
    }

    fn cells(&self) -> [String; 7] {
        let value = |value: f64| format!("{} {}", number(value), self.unit);
        let ratio = match (self.ratio(), self.target) {
            (None, _) => String::new(),
            (Some(ratio), _) if ratio < 0.5 => format!("1/{}", number(1.0 / ratio)),
            (Some(ratio), _) => number(ratio),
        };
        let target = match self.target {
            None => String::new(),
            Some(Target::Ratio(most)) => format!("≤ {most}"),
            Some(Target::Faster(least)) => format!("≤ 1/{least}"),
            Some(Target::AtMost(most)) => format!("≤ {most} {}", self.unit),
            Some(Target::Same) => "the same".into(),
        };
        let met = match self.met() {
            None => "",
            Some(true) => "yes",
            Some(false) => "NO",
        };
        [
            self.what.clone(),
            self.database.into(),
            value(self.ours),
            self.baseline.map_or(String::new(), value),
            ratio,
            target,
            met.into(),
        ]
    }
}

/// Three digits that count.
fn number(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 || v == 0.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        v if v >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// All figures, in the order in which they were measured.
#[derive(Debug, Default)]
pub(crate) struct Report(Vec<Figure>);

impl Report {
    /// Adds a figure, and says it on standard error, for a run takes minutes.
    pub(crate) fn add(&mut self, figure: Figure) {
        eprintln!("  {}", figure.cells().join(" | "));
        self.0.push(figure);
    }

    pub(crate) fn print(&self, json: bool, quick: bool) -> anyhow::Result<()> {
        if json {
            let figures: Vec<_> = self.0.iter().map(Line::new).collect();
            let object = serde_json::json!({"quick": quick, "cores": cores(), "figures": figures});
            println!("{}", serde_json::to_string_pretty(&object)?);
            return Ok(());
        }
        let mut table = comfy_table::Table::new();
        table.load_preset(comfy_table::presets::ASCII_MARKDOWN);
        table.set_header(["what", "database", "ours", "baseline", "ratio", "target", "met"]);
        table.add_rows(self.0.iter().map(Figure::cells));
        println!("{table}");
        if quick {
            println!("A quick run shows that it works. Its figures are not to be quoted.");
        }
        Ok(())
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, Into::into)
}

/// A figure as JSON has it.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    figure: &'a Figure,
    ratio: Option<f64>,
    met: Option<bool>,
}

impl<'a> Line<'a> {
    fn new(figure: &'a Figure) -> Self {
        Self { figure, ratio: figure.ratio(), met: figure.met() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_meets_a_target() {
        for (ours, baseline, target, met) in [
            (1.5, Some(1.0), Some(Target::Ratio(1.5)), Some(true)),
            (1.6, Some(1.0), Some(Target::Ratio(1.5)), Some(false)),
            (1.0, Some(25.0), Some(Target::Faster(25.0)), Some(true)),
            (1.0, Some(24.0), Some(Target::Faster(25.0)), Some(false)),
            (20.0, None, Some(Target::AtMost(20.0)), Some(true)),
            (20.1, None, Some(Target::AtMost(20.0)), Some(false)),
            (7.0, Some(7.0), Some(Target::Same), Some(true)),
            (7.0, Some(8.0), Some(Target::Same), Some(false)),
            (f64::NAN, Some(8.0), Some(Target::Ratio(1.0)), Some(false)),
            (1.0, None, Some(Target::Ratio(1.0)), Some(false)),
            (1.0, None, None, None),
        ] {
            let figure = Figure { what: String::new(), database: "", unit: "ms", ours, baseline, target };
            assert_eq!(figure.met(), met, "{figure:?}");
        }
    }
}
