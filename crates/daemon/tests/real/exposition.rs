//! Prometheus's text format 0.0.4, read more strictly than Prometheus does: whatever is odd panics.

use std::collections::BTreeMap;

/// What was scraped.
#[derive(Debug, Default)]
pub(crate) struct Scrape {
    /// `counter`, `gauge` or `histogram`, by family.
    pub(crate) families: BTreeMap<String, String>,
    samples: BTreeMap<Series, f64>,
}

/// A sample's name, and its labels by name.
type Series = (String, BTreeMap<String, String>);

impl Scrape {
    /// Reads a whole answer.
    pub(crate) fn read(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line has no end");
        let mut scrape = Self::default();
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            let help =
                line.strip_prefix("# HELP ").unwrap_or_else(|| panic!("a family begins with HELP: {line}"));
            let (name, help) = help.split_once(' ').unwrap();
            assert!(is_name(name) && help.len() > 10 && help.ends_with('.'), "{line}");
            let kind = lines.next().and_then(|line| line.strip_prefix("# TYPE ")?.strip_prefix(name));
            let kind =
                kind.and_then(|kind| kind.strip_prefix(' ')).unwrap_or_else(|| panic!("{name} has no TYPE"));
            assert!(matches!(kind, "counter" | "gauge" | "histogram"), "{name}: {kind}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
            let before = scrape.families.insert(name.to_owned(), kind.to_owned());
            assert!(before.is_none(), "{name} is there twice");
            while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
                scrape.sample(name, kind, line);
            }
            scrape.check_histograms(name, kind);
        }
        scrape
    }

    fn sample(&mut self, family: &str, kind: &str, line: &str) {
        let end = line.find(['{', ' ']).unwrap_or_else(|| panic!("no value: {line}"));
        let (name, rest) = line.split_at(end);
        let suffix = name.strip_prefix(family).unwrap_or_else(|| panic!("{name} is none of {family}'s"));
        let suffixes: &[_] = if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
        assert!(suffixes.contains(&suffix), "{line}");
        let (labels, value) = match rest.strip_prefix('{') {
            Some(rest) => labels(rest),
            None => (BTreeMap::new(), rest),
        };
        let value = value.strip_prefix(' ').unwrap_or_else(|| panic!("{line}"));
        let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
        assert!(value.is_finite() && (kind == "gauge" || value >= 0.0), "{line}");
        let before = self.samples.insert((name.to_owned(), labels), value);
        assert!(before.is_none(), "twice: {line}");
    }

    /// Buckets grow, and the last is all there is.
    fn check_histograms(&self, family: &str, kind: &str) {
        if kind != "histogram" {
            return;
        }
        let mut buckets = BTreeMap::<_, Vec<(f64, f64)>>::new();
        for ((name, labels), value) in &self.samples {
            if *name == format!("{family}_bucket") {
                let mut labels = labels.clone();
                let bound: f64 = labels.remove("le").expect("le").parse().unwrap();
                buckets.entry(labels).or_default().push((bound, *value));
            }
        }
        let counts = self.samples.keys().filter(|(name, _)| *name == format!("{family}_count"));
        assert_eq!(counts.count(), buckets.len(), "{family}");
        for (labels, mut buckets) in buckets {
            buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
            assert!(buckets.is_sorted_by(|one, next| one.1 <= next.1), "{family}: {buckets:?}");
            let last = buckets.last().copied();
            let of = |suffix: &str| self.samples.get(&(format!("{family}{suffix}"), labels.clone())).copied();
            assert_eq!(last, of("_count").map(|count| (f64::INFINITY, count)), "{family}");
            assert!(of("_sum").is_some(), "{family}");
        }
    }

    /// The sum of all samples of that name whose labels have these values; 0 if there is none.
    pub(crate) fn sum(&self, name: &str, wanted: &[(&str, &str)]) -> f64 {
        let fits = |labels: &BTreeMap<String, String>| {
            wanted.iter().all(|(label, value)| labels.get(*label).is_some_and(|is| is == value))
        };
        let samples = self.samples.iter().filter(|((sample, labels), _)| sample == name && fits(labels));
        samples.map(|(_, value)| value).sum()
    }

    pub(crate) fn series(&self) -> usize {
        self.samples.len()
    }
}

/// The labels up to the closing brace, and what is behind it.
fn labels(text: &str) -> (BTreeMap<String, String>, &str) {
    let mut labels = BTreeMap::new();
    let mut rest = text;
    loop {
        let (name, behind) = rest.split_once("=\"").unwrap_or_else(|| panic!("{text}"));
        assert!(is_name(name) && !name.contains(':'), "{name}");
        let (value, behind) = quoted(behind);
        assert!(labels.insert(name.to_owned(), value).is_none(), "{name} twice: {text}");
        match behind.strip_prefix(',') {
            Some(more) => rest = more,
            None => return (labels, behind.strip_prefix('}').unwrap_or_else(|| panic!("{text}"))),
        }
    }
}

/// A value up to its closing quote, and what is behind it.
fn quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.push(match chars.next() {
                Some((_, 'n')) => '\n',
                Some((_, c @ ('\\' | '"'))) => c,
                other => panic!("an escape that is none: {other:?} in {text}"),
            }),
            c => value.push(c),
        }
    }
    panic!("no closing quote: {text}");
}

fn is_name(name: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(part)
}

#[test]
fn what_is_odd_is_refused() {
    const HEAD: &str = "# HELP a_total A long enough help.\n# TYPE a_total counter\n";
    let reads = |text: &str| {
        let text = text.to_owned();
        std::panic::catch_unwind(move || Scrape::read(&text)).is_ok()
    };
    for good in ["a_total 1\n", "a_total{b=\"c\\\"}\"} 1\na_total{b=\"\"} 2e3\n"] {
        assert!(reads(&format!("{HEAD}{good}")), "{good}");
    }
    for bad in [
        "a_total 1",
        "a_total -1\n",
        "a_total NaN\n",
        "a_total{b=c} 1\n",
        "a_total{b=\"c} 1\n",
        "a_total{b=\"c\"}1\n",
        "a_total{b=\"\\x\"} 1\n",
        "a_total 1\na_total 1\n",
        "b_total 1\n",
        "# HELP a_total A long enough help.\n# TYPE a_total counter\n",
        "# TYPE b_total counter\nb_total 1\n",
    ] {
        assert!(!reads(&format!("{HEAD}{bad}")), "{bad}");
    }
    let histogram = |buckets: &str| {
        reads(&format!("# HELP h A long enough help.\n# TYPE h histogram\n{buckets}h_sum 1\nh_count 2\n"))
    };
    assert!(histogram("h_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\n"));
    assert!(!histogram("h_bucket{le=\"1\"} 3\nh_bucket{le=\"+Inf\"} 2\n"));
    assert!(!histogram("h_bucket{le=\"1\"} 1\n"));
}
