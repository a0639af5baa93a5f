//! Edits change what they are asked to, and nothing else.

use proptest::prelude::*;

use super::*;
use crate::plan::layer::join;
use crate::plan::load::load_resolved;
use crate::plan::schema::{ConfigurationName, Plan};
use crate::plan::write::resolved_text;

const EXAMPLE: &str = include_str!("../example.toml");

fn edited(text: &str, pair: &str) -> Result<String, EditError> {
    set(Path::new("plan.toml"), text, &[pair.to_owned()]).map(|(text, _)| text)
}

#[test]
fn a_value_is_replaced_and_its_comment_stays() {
    let text = EXAMPLE.replace("batches = 250", "batches  =  250   # a note");
    let changed = edited(&text, "train.batches = 7").unwrap();
    assert_eq!(changed, text.replace("=  250 ", "=  7 "));
    let changed = edited(&text, "runtime.device=cuda:0").unwrap();
    assert_eq!(changed, text.replace("device = \"flex\"", "device = \"cuda:0\""));
}

#[test]
fn an_entry_of_a_list_is_replaced() {
    let changed = edited(EXAMPLE, "configurations.3d_fullres.patch_size.1=48").unwrap();
    assert_eq!(changed, EXAMPLE.replace("[40, 56, 40]", "[40, 48, 40]"));
}

#[test]
fn a_key_that_is_not_there_is_added_to_its_table() {
    let text = EXAMPLE.replace("batches = 250\nvalidation_batches = 50\n", "");
    let changed = edited(&text, "train.batches=7").unwrap();
    assert_eq!(changed, text.replace("lr_floor = 0.000001\n", "lr_floor = 0.000001\nbatches = 7\n"));

    let (whole, _) = EXAMPLE.split_once("\n[runtime]").unwrap();
    let changed = edited(whole, "runtime.threads=2").unwrap();
    assert_eq!(changed, format!("{whole}\n[runtime]\nthreads = 2\n"));
}

#[test]
fn a_variant_gets_a_table_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("base.toml"), EXAMPLE).unwrap();
    let text = "extends = \"base.toml\"\nname = \"small\"\n";
    let path = folder.path().join("plan.toml");
    let (changed, done) = set(&path, text, &["configurations.3d_fullres.batch_size=2".to_owned()]).unwrap();
    assert_eq!(changed, format!("{text}\n[configurations.3d_fullres]\nbatch_size = 2\n"));
    assert_eq!(done[0].from, None);
}

#[test]
fn values_that_fit_each_other_only_together_are_set_together() {
    let pairs = ["pools=[3, 3, 2]", "patch_size=[40, 56, 36]"].map(|pair| format!("configurations.3d_fullres.{pair}"));
    assert!(edited(EXAMPLE, &pairs[1]).is_err());
    let (changed, _) = set(Path::new("plan.toml"), EXAMPLE, &pairs).unwrap();
    assert_eq!(changed, EXAMPLE.replace("[3, 3, 3]", "[3, 3, 2]").replace("[40, 56, 40]", "[40, 56, 36]"));
}

#[test]
fn what_makes_a_fault_is_refused() {
    for pair in ["train.batches=0", "train.lerning_rate=1", "configurations.3d_fullres.patch_size=[40,41,40]"] {
        assert!(matches!(edited(EXAMPLE, pair), Err(EditError::Plan(PlanError::Faults { .. }))), "{pair}");
    }
    assert!(matches!(edited(EXAMPLE, "train.batches"), Err(EditError::Malformed { .. })));
    let line = EXAMPLE.replace("[postprocess]\nrule = \"single_component\"\n", "");
    let line = format!("postprocess = {{}}\n{line}");
    assert!(matches!(edited(&line, "postprocess.rule=none"), Err(EditError::NoPlace { .. })));
}

/// Any plan that differs from the example in numbers, lists and choices.
fn plans() -> impl Strategy<Value = Plan> {
    let numbers = (1e-9..1.0_f64, 0.0..1e-2_f64, 1..100_000_usize, any::<bool>(), 0.01..0.99_f64);
    let grid = ([0.01..9.0_f64, 0.01..9.0, 0.01..9.0], [1..9_usize, 1..9, 1..9], [0..4_usize, 0..4, 1..4], 1..99_usize);
    (numbers, grid, "[a-z][a-z0-9_.-]{0,12}").prop_map(|((rate, decay, batches, mirror, factor), grid, name)| {
        let mut plan: Plan = toml::from_str(EXAMPLE).unwrap();
        let (spacing, factors, pools, batch) = grid;
        plan.name = name;
        (plan.train.learning_rate, plan.train.weight_decay, plan.train.batches) = (rate, decay, batches);
        (plan.predict.mirror, plan.train.lr_factor) = (mirror, factor);
        let network = plan.configurations.get_mut(&ConfigurationName::FullRes).unwrap();
        network.spacing.0 = spacing;
        network.pools = pools;
        network.patch_size.0 = std::array::from_fn(|axis| (factors[axis] + 1) << pools[axis]);
        network.features = vec![8; pools.into_iter().max().unwrap() + 1];
        network.batch_size = batch;
        plan
    })
}

/// Every key of a plan with its value, as text.
fn values(table: &Table, path: &str, found: &mut Vec<(String, String)>) {
    for (key, value) in table {
        match value {
            Value::Table(inner) => values(inner, &join(path, key), found),
            value => found.push((join(path, key), value.to_string())),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_plan_written_read_and_written_is_the_same_bytes(plan in plans()) {
        let written = resolved_text(&plan);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.toml");
        std::fs::write(&path, &written).unwrap();
        let read = load_resolved(&path).unwrap().plan;
        prop_assert_eq!(&read, &plan);
        prop_assert_eq!(resolved_text(&read), written);
    }

    #[test]
    fn an_edit_changes_one_line_at_most_and_takes_it_back(from in plans(), to in plans(), pick in any::<prop::sample::Index>()) {
        let text = resolved_text(&from);
        let (mut before, mut after) = (Vec::new(), Vec::new());
        values(&Table::try_from(&from).unwrap(), "", &mut before);
        values(&Table::try_from(&to).unwrap(), "", &mut after);
        let changing: Vec<usize> = (0..before.len()).filter(|&at| before[at] != after[at]).collect();
        prop_assume!(!changing.is_empty());
        let at = changing[pick.index(changing.len())];
        let (key, value) = &after[at];
        // A patch that does not fit the pools is refused, and nothing is said of it here.
        if let Ok(changed) = edited(&text, &format!("{key}={value}")) {
            let differing = text.lines().zip(changed.lines()).filter(|(before, after)| before != after).count();
            prop_assert_eq!((differing, text.lines().count()), (1, changed.lines().count()));
            prop_assert_eq!(edited(&changed, &format!("{key}={}", before[at].1)).unwrap(), text);
        }
    }
}
