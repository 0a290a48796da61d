//! Medians and percentiles.

/// The value below which `part` (0 to 1) of the values lie: the nearest one that was measured; NaN of none.
pub(crate) fn percentile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index"
    )]
    let at = (part * last as f64).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

/// The value in the middle.
pub(crate) fn median(values: &[f64]) -> f64 {
    percentile(values, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let values = [5.0, 1.0, 3.0, 2.0, 4.0];
        for (part, value) in [(0.0, 1.0), (0.5, 3.0), (0.99, 5.0), (1.0, 5.0), (0.75, 4.0)] {
            assert!((percentile(&values, part) - value).abs() < f64::EPSILON, "{part}");
        }
        assert!(median(&[]).is_nan());
    }
}
