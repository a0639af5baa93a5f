//! Paired differences between models, over the cases that both have.

use crate::evaluate::metric::Metric;
use crate::report::compare::models::{Model, class_names, models, shared_metrics};
use crate::report::record::RunRecord;
use crate::report::statistics::wilcoxon::{SignedRank, adjust_holm, signed_rank};
use crate::report::table::{Cell, Column, Table};
use crate::statistics::quantile;

/// P values below this are shown as less than it.
const MIN_SHOWN_P: f64 = 1e-4;

/// Two models, as far as one class and one metric go.
struct Pair {
    class: String,
    first: String,
    second: String,
    /// Number of cases that both have.
    cases: usize,
    median_difference: Option<f64>,
    test: Option<SignedRank>,
}

/// All pairs of models. Returns `None` if there are fewer than two models.
pub(crate) fn paired_differences(records: &[RunRecord]) -> Option<Table> {
    let columns = vec![
        Column::words("metric", "metric"),
        Column::words("class", "class"),
        Column::words("first", "first"),
        Column::words("second", "second"),
        Column::numbers("cases", "shared cases"),
        Column::numbers("median_difference", "median difference"),
        Column::numbers("effect", "effect (rank-biserial)"),
        Column::numbers("p", "p"),
        Column::numbers("p_holm", "p (Holm)"),
    ];
    let mut table = Table::new("differences", "Paired differences", columns);
    table.description = describe(records);
    for (metric, title) in shared_metrics(records) {
        let pairs = pairs(records, metric);
        let p_values: Vec<Option<f64>> = pairs.iter().map(|pair| pair.test.map(|test| test.p)).collect();
        let rows = pairs
            .iter()
            .zip(adjust_holm(&p_values))
            .map(|(pair, adjusted)| row(Cell::named(&title, metric.name()), pair, adjusted));
        table.rows.extend(rows);
    }
    (!table.rows.is_empty()).then_some(table)
}

fn describe(records: &[RunRecord]) -> String {
    let single_seed = records.iter().any(|record| record.plan.run.seeds.len() == 1);
    let caution = if single_seed {
        " At least one model was trained with a single seed: a difference may be due to the randomness of training, which tests \
         over cases do not detect."
    } else {
        ""
    };
    format!(
        "First minus second, over the cases that both have. P values of two-sided Wilcoxon signed-rank tests, adjusted by Holm's \
         method over all rows of a metric; effect: matched-pairs rank-biserial correlation, 1 if the first is larger in every \
         case.{caution}"
    )
}

fn pairs(records: &[RunRecord], metric: Metric) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for class in class_names(records.iter()) {
        let models = models(records, &class, metric);
        for (at, first) in models.iter().enumerate() {
            pairs.extend(models[at + 1..].iter().map(|second| pair(&class, first, second)));
        }
    }
    pairs
}

fn pair(class: &str, first: &Model, second: &Model) -> Pair {
    let differences: Vec<f64> =
        first.values.iter().filter_map(|(case, value)| Some(value - second.values.get(case)?)).collect();
    Pair {
        class: class.to_owned(),
        first: first.name.clone(),
        second: second.name.clone(),
        cases: differences.len(),
        median_difference: quantile(&differences, 0.5),
        test: signed_rank(&differences),
    }
}

fn row(metric: Cell, pair: &Pair, p_holm: Option<f64>) -> Vec<Cell> {
    vec![
        metric,
        Cell::text(&pair.class),
        Cell::text(&pair.first),
        Cell::text(&pair.second),
        Cell::count(pair.cases),
        Cell::number_as(pair.median_difference, signed),
        Cell::number_as(pair.test.map(|test| test.effect), signed),
        Cell::number_as(pair.test.map(|test| test.p), p_value),
        Cell::number_as(p_holm, p_value),
    ]
}

/// A number with its sign; what rounds to zero has none.
fn signed(value: f64) -> String {
    let shown = format!("{value:+.4}");
    if shown[1..].chars().all(|letter| matches!(letter, '0' | '.')) { shown[1..].to_owned() } else { shown }
}

fn p_value(p: f64) -> String {
    if p < MIN_SHOWN_P { format!("< {MIN_SHOWN_P}") } else { format!("{p:.4}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_has_no_sign() {
        assert_eq!([0.5, -0.25, -0.00001, 0.0].map(signed), ["+0.5000", "-0.2500", "0.0000", "0.0000"]);
        assert_eq!([0.00001, 0.25].map(p_value), ["< 0.0001", "0.2500"]);
        assert_eq!(Cell::number_as(None, p_value).shown, "–");
    }
}
