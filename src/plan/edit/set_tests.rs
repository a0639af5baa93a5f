//! Edits change what they are asked to, and nothing else.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::plan::edit::write::resolved_text;
use crate::plan::read::load::load_resolved;
use crate::plan::rules::published::tasks;
use crate::plan::schema::lookup::join;
use crate::plan::schema::{Adam, Optimizer, Plateau, Schedule};
use crate::plan::schema::{ConfigurationName, Intensities, Normalization, Plan};
use crate::plan::testing::{example, example_text};

static EXAMPLE: LazyLock<String> = LazyLock::new(example_text);

fn edited(text: &str, pair: &str) -> Result<String, EditError> {
    set(Path::new("plan.toml"), text, &[pair.to_owned()]).map(|(text, _)| text)
}

#[test]
fn a_value_is_replaced_and_a_comment_behind_it_stays() {
    let text = EXAMPLE.replace("batches_per_epoch = 250", "batches_per_epoch  =  250   # a note");
    let changed = edited(&text, "train.batches_per_epoch = 7").unwrap();
    assert_eq!(changed, text.replace("=  250 ", "=  7 "));
    let changed = edited(&text, "runtime.device=cuda:0").unwrap();
    assert_eq!(changed, text.replace("device = \"cpu\"", "device = \"cuda:0\""));
}

#[test]
fn an_entry_of_a_list_is_replaced() {
    let changed = edited(&EXAMPLE, "configurations.3d_fullres.patch_size.1=48").unwrap();
    assert_eq!(changed, EXAMPLE.replace("[40, 56, 40]", "[40, 48, 40]"));
}

#[test]
fn a_new_key_is_added_to_its_table() {
    let text = EXAMPLE.replace("batches_per_epoch = 250\nvalidation_batches_per_epoch = 50\n", "");
    let changed = edited(&text, "train.batches_per_epoch=7").unwrap();
    assert_eq!(
        changed,
        text.replace("validation_loss_ema_decay = 0.9\n", "validation_loss_ema_decay = 0.9\nbatches_per_epoch = 7\n")
    );

    let (whole, _) = EXAMPLE.split_once("\n[runtime]").unwrap();
    let changed = edited(whole, "runtime.threads=2").unwrap();
    assert_eq!(changed, format!("{whole}\n[runtime]\nthreads = 2\n"));
}

#[test]
fn a_variant_gets_a_table_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("base.toml"), EXAMPLE.as_str()).unwrap();
    let text = "extends = \"base.toml\"\nname = \"small\"\n";
    let path = folder.path().join("plan.toml");
    let (changed, done) = set(&path, text, &["configurations.3d_fullres.batch_size=2".to_owned()]).unwrap();
    assert_eq!(changed, format!("{text}\n[configurations.3d_fullres]\nbatch_size = 2\n"));
    assert_eq!(done[0].from, None);
}

#[test]
fn a_key_at_the_top_is_added_below_the_header() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.toml");
    let text = format!("#:schema plan.schema.json\n# Mine.\n\n{}", EXAMPLE.split_once("\n\n").unwrap().1);
    let (changed, _) = set(&path, &text, &["name=mine".to_owned(), "schema=2".to_owned()]).unwrap();
    let head = "#:schema plan.schema.json\n# Mine.\nname = \"mine\"\nschema = 2\n\n[data]\n";
    assert!(changed.starts_with(head), "{changed}");
}

#[test]
fn texts_lists_and_entries_of_tables_in_lists_are_set() {
    let set = |pair: &str| edited(&EXAMPLE, pair).unwrap();
    assert_eq!(set("data.labels.2=Tail \"end\""), EXAMPLE.replace("\"Posterior\"", "'Tail \"end\"'"));
    assert_eq!(set("run.folds=[0]"), EXAMPLE.replace("[0, 1, 2, 3, 4]", "[0]"));
    assert_eq!(set("preprocess.intensities.0.mean=1.5"), EXAMPLE.replace("mean = 100.0", "mean = 1.5"));
    assert_eq!(set("data.labels.3=Body"), EXAMPLE.replace("\"Posterior\"\n", "\"Posterior\"\n3 = \"Body\"\n"));
    let lines = EXAMPLE.replace("[40, 56, 40]", "[\n  40, # z\n  56,\n  40,\n]");
    let changed = edited(&lines, "configurations.3d_fullres.patch_size.1=48").unwrap();
    assert_eq!(changed, lines.replace("\n  56,", "\n  48,"));
}

#[test]
fn values_that_fit_each_other_only_together_are_set_together() {
    let pairs =
        ["pool_depths=[3, 3, 2]", "patch_size=[40, 56, 36]"].map(|pair| format!("configurations.3d_fullres.{pair}"));
    assert!(edited(&EXAMPLE, &pairs[1]).is_err());
    let (changed, _) = set(Path::new("plan.toml"), &EXAMPLE, &pairs).unwrap();
    assert_eq!(changed, EXAMPLE.replace("[3, 3, 3]", "[3, 3, 2]").replace("[40, 56, 40]", "[40, 56, 36]"));
}

#[test]
fn an_edit_that_makes_an_error_is_refused() {
    for pair in ["train.batches_per_epoch=0", "train.lerning_rate=1", "configurations.3d_fullres.patch_size=[40,41,40]"]
    {
        assert!(matches!(edited(&EXAMPLE, pair), Err(EditError::Plan(PlanError::Invalid { .. }))), "{pair}");
    }
    assert!(matches!(edited(&EXAMPLE, "train.batches_per_epoch"), Err(EditError::Malformed { .. })));
    let dotted = EXAMPLE.replace("[split]\nfolds = 5\nseed = 12345\npatient_pattern = \"\"\n", "");
    assert!(dotted.len() < EXAMPLE.len());
    let dotted = format!("split.folds = 5\n{dotted}");
    assert!(matches!(edited(&dotted, "split.seed=7"), Err(EditError::NoPlace { .. })));
}

#[test]
fn a_key_is_added_inside_the_braces_of_its_table() {
    let rest = EXAMPLE.replace("[split]\nfolds = 5\nseed = 12345\npatient_pattern = \"\"\n", "");
    assert!(rest.len() < EXAMPLE.len());
    for (before, after) in [
        ("{ folds = 5 }", "{ folds = 5, seed = 7 }"),
        ("{folds=5}", "{folds=5, seed = 7 }"),
        ("{}", "{ seed = 7 }"),
        ("{ }", "{ seed = 7 }"),
    ] {
        let text = format!("split = {before} # mine\n{rest}");
        assert_eq!(edited(&text, "split.seed=7").unwrap(), format!("split = {after} # mine\n{rest}"));
    }
    let text = format!("split = {{ folds = 5 }}\n{rest}");
    assert_eq!(edited(&text, "split.folds=6").unwrap(), text.replace("folds = 5", "folds = 6"));
}

/// Plans that differ from the example in numbers, strings, lists and choices.
fn plans() -> impl Strategy<Value = Plan> {
    let numbers = (1e-300..1e300_f64, 0.0..1e-2_f64, 1..usize::MAX >> 1, any::<bool>(), 0.01..0.99_f64);
    let grid = ([0.01..9.0_f64, 0.01..9.0, 0.01..9.0], [1..9_usize, 1..9, 1..9], [0..4_usize, 0..4, 1..4], 1..99_usize);
    // Any letters but those that end a line.
    let texts = ("[a-z][a-z0-9_.-]{0,12}", prop::collection::btree_map(1..=255_u8, "\\PC{0,12}", 1..6), "\\PC{0,12}");
    let channels = prop::collection::vec(("\\PC{0,9}", -1e3..1e3_f64, 0.0..1e4_f64, any::<bool>()), 1..4);
    (numbers, grid, texts, channels).prop_map(|(numbers, grid, texts, channels)| {
        let mut plan = example();
        (plan.name, plan.data.labels, plan.data.dataset) = texts;
        plan.data.single_component_labels = plan.data.labels.keys().copied().filter(|label| label % 2 == 0).collect();
        plan.data.channels = channels.iter().map(|(name, ..)| name.clone()).collect();
        let scheme = |ct: bool| if ct { Normalization::Ct } else { Normalization::ZScore };
        plan.preprocess.normalization_scheme = channels.iter().map(|&(.., ct)| scheme(ct)).collect();
        let known =
            |&(_, mean, sd, _): &(String, f64, f64, bool)| Intensities { mean, sd, p00_5: mean - sd, p99_5: mean + sd };
        plan.preprocess.intensities = channels.iter().map(known).collect();
        let (rate, decay, batches, mirror, factor) = numbers;
        (plan.train.learning_rate, plan.train.batches_per_epoch) = (rate, batches);
        plan.train.optimizer = Optimizer::Adam(Adam { weight_decay: decay, amsgrad: true });
        plan.predict.test_time_mirroring = mirror;
        plan.train.schedule = Schedule::Plateau(Plateau { factor, patience_epochs: 30, threshold: 5e-3 });
        let (spacing, factors, pools, batch) = grid;
        let network = plan.configurations.get_mut(&ConfigurationName::FullRes).unwrap();
        network.spacing_mm.0 = spacing;
        network.pool_depths = pools;
        network.patch_size.0 = std::array::from_fn(|axis| (factors[axis] + 1) << pools[axis]);
        network.features_per_stage = vec![8; pools.into_iter().max().unwrap() + 1];
        network.batch_size = batch;
        plan
    })
}

/// A text without its comments.
fn without_comments(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    lines.join("\n") + "\n"
}

#[test]
fn a_generated_comment_names_the_planned_value_and_the_reason_returns_with_it() {
    let planned = tasks()["task04"].plan("task04", &crate::plan::schema::recipe::rules());
    let text = planned.text(crate::plan::edit::write::Scope::Decisions);
    let key = "configurations.3d_fullres.batch_size";
    let changed = edited(&text, &format!("{key}=4")).unwrap();
    assert!(
        changed.contains("\n# Batch size: patches per batch. Changed by hand; the rules: 9.\nbatch_size = 4\n"),
        "{changed}"
    );
    assert!(edited(&changed, &format!("{key}=5")).unwrap().contains("the rules: 9.\nbatch_size = 5\n"));
    assert_eq!(edited(&changed, &format!("{key}=9")).unwrap(), text);
    let own = text.replace("# Batch size: at most", "# My own words: at most");
    assert!(edited(&own, &format!("{key}=4")).unwrap().contains("# My own words: at most"));
    let added = edited(&text, "network.leaky_relu_slope=0.1").unwrap();
    assert!(added.ends_with("the recipe: 0.01.\nleaky_relu_slope = 0.1\n"), "{added}");
}

/// Every key of a plan with its value, as text.
fn values(table: &Table, path: &str, found: &mut BTreeMap<String, String>) {
    for (key, value) in table {
        match value {
            Value::Table(inner) => values(inner, &join(path, key), found),
            value => _ = found.insert(join(path, key), value.to_string()),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn a_plan_written_read_and_written_is_the_same_bytes(plan in plans()) {
        let written = resolved_text(&plan);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.toml");
        std::fs::write(&path, &written).unwrap();
        // Two axes that change places by chance are a fault.
        let Ok(read) = load_resolved(&path) else { return Err(TestCaseError::reject("no valid plan")) };
        let read = read.plan;
        prop_assert_eq!(&read, &plan);
        prop_assert_eq!(resolved_text(&read), written);
    }

    #[test]
    fn an_edit_changes_one_line_at_most_and_takes_it_back(from in plans(), to in plans(), pick in any::<prop::sample::Index>()) {
        let text = without_comments(&resolved_text(&from));
        let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
        values(&Table::try_from(&from).unwrap(), "", &mut before);
        values(&Table::try_from(&to).unwrap(), "", &mut after);
        after.retain(|key, value| before.get(key).is_some_and(|before| before != value));
        prop_assume!(!after.is_empty());
        let (key, value) = after.iter().nth(pick.index(after.len())).unwrap();
        // A patch that does not fit the pool depths is refused.
        if let Ok(changed) = edited(&text, &format!("{key}={value}")) {
            let differing = text.lines().zip(changed.lines()).filter(|(before, after)| before != after).count();
            prop_assert_eq!((differing, text.lines().count()), (1, changed.lines().count()));
            prop_assert_eq!(edited(&changed, &format!("{key}={}", before[key])).unwrap(), text);
        }
    }
}

#[test]
fn crlf_line_endings_are_kept() {
    let without = EXAMPLE.replace("batches_per_epoch = 250\nvalidation_batches_per_epoch = 50\n", "");
    let (whole, _) = without.split_once("\n[runtime]").unwrap();
    let pairs =
        ["train.batches_per_epoch=7", "runtime.threads=2", "train.max_epochs=3", "evaluate.surface_tolerance_mm=2.0"];
    for text in [without.as_str(), whole] {
        for pair in pairs {
            let expected = edited(text, pair).unwrap().replace('\n', "\r\n");
            assert_eq!(edited(&text.replace('\n', "\r\n"), pair).unwrap(), expected, "{pair}");
        }
    }
}
