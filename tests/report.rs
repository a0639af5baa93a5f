//! Reports from outside: the real binary on synthetic run folders, and the page in a real browser.

#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use segplan::dataset::gate::Expected;
use segplan::dataset::phantom::{self, PhantomConfig};
use segplan::dataset::{CaseId, Dataset};
use segplan::evaluate::scores::{self, Score, ScoredNetwork};
use segplan::evaluate::{Counts, LabelFiles, confusion, score_files};
use segplan::plan::edit::resolved_text;
use segplan::plan::read::load;
use segplan::run::folder::RunFolder;
use segplan::run::log::{EpochRow, PlateauRow, write_epochs};
use segplan::volume::Shape;

/// A folder with a small phantom, in which synthetic runs are created.
struct Workplace {
    folder: tempfile::TempDir,
    dataset: Dataset,
}

impl Workplace {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = PhantomConfig { cases: 8, shape: Shape([14, 26, 26]), ..PhantomConfig::default() };
        let dataset = phantom::write(&folder.path().join("data/Phantom"), &config, &|| ()).unwrap();
        Self { folder, dataset }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Creates a finished run of the given folds, with every fourth case as validation case. Predictions are the references;
    /// scores have false positives, fewer for a larger `quality`.
    fn create_run(&self, name: &str, folds: &[usize], quality: u64) -> RunFolder {
        let cases: Vec<CaseId> = self.dataset.training.iter().map(|case| case.id.clone()).collect();
        let run = create_run_folder(self.folder.path(), name, folds, &cases, &self.dataset.folder);
        let expected = Expected::of(&self.dataset, 1 << 30);
        for &fold in folds {
            let network = run.fold("3d_fullres", 12345, fold);
            let (mut scores, mut cells) = (Vec::new(), Vec::new());
            for case in self.dataset.training.iter().skip(fold).step_by(4) {
                let reference = case.labels.as_ref().unwrap();
                fs::create_dir_all(network.validation()).unwrap();
                fs::copy(reference, network.prediction(&case.id.0)).unwrap();
                let (run, configuration) = (name.to_owned(), "3d_fullres".to_owned());
                let scored_network = ScoredNetwork { run, configuration, fold, seed: 12345 };
                let files = LabelFiles { case: &case.id, reference, prediction: reference };
                let scored = score_files(files, &scored_network, &expected, 1.0).unwrap();
                scores.extend(scored.scores);
                cells.extend(scored.confusion);
            }
            // Fold 0 is without confusion table, as runs of older versions: it is counted by the report.
            if fold > 0 {
                confusion::write(&network.confusion(), &cells).unwrap();
            }
            // Perfect predictions would leave nothing to sort or compare.
            for (index, score) in (0..).zip(&mut scores) {
                score.counts.false_positives += 400 * (index + 1) / quality;
            }
            finish_fold(&run, fold, &scores);
        }
        run
    }

    fn write_report(&self, runs: &[&RunFolder], name: &str) -> (PathBuf, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_segplan"));
        command.env("NO_COLOR", "1").arg("report").args(runs.iter().map(|run| &run.root));
        let output = self.path(name);
        let done = succeed(command.arg("-o").arg(&output));
        (output, String::from_utf8(done.stdout).unwrap())
    }
}

/// Creates a run with plan, manifest and splits, but without networks.
fn create_run_folder(root: &Path, name: &str, folds: &[usize], cases: &[CaseId], dataset: &Path) -> RunFolder {
    let experiment = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/phantom.toml");
    let set = [format!("name={name}"), format!("run.folds={folds:?}"), "split.folds=4".to_owned()];
    let loaded = load(&experiment, &set).unwrap();
    let run = RunFolder::new(&root.join("runs"), name);
    fs::create_dir_all(&run.root).unwrap();
    fs::write(run.resolved_plan(), resolved_text(&loaded.plan)).unwrap();
    fs::write(run.input_plan(), &loaded.input).unwrap();
    let manifest = serde_json::json!({
        "version": "0.1.0", "git_commit": null, "git_dirty": null, "device": "flex",
        "host": { "os": "linux", "arch": "x86_64", "processor": null, "cores": 2 },
        "dataset": { "folder": dataset, "cases": cases.len() },
    });
    fs::write(run.manifest(), manifest.to_string()).unwrap();
    let split = |fold: usize| {
        let (val, train): (Vec<_>, Vec<_>) = (0..).zip(cases).partition(|(index, _)| index % 4 == fold);
        let names = |some: Vec<(usize, &CaseId)>| some.into_iter().map(|(_, id)| id.0.clone()).collect::<Vec<_>>();
        BTreeMap::from([("train", names(train)), ("val", names(val))])
    };
    let splits: Vec<_> = (0..4).map(split).collect();
    fs::write(run.splits(), serde_json::to_string(&splits).unwrap()).unwrap();
    run
}

/// Writes log, scores and state of a fold.
fn finish_fold(run: &RunFolder, fold: usize, scores: &[Score]) {
    let network = run.fold("3d_fullres", 12345, fold);
    let row = |epoch: usize| {
        let loss = 1.0 / (1.0 + epoch as f64 + 0.1 * fold as f64) - 0.9;
        EpochRow {
            epoch: epoch + 1,
            train_loss: loss,
            validation_loss: loss + 0.05,
            train_loss_ema: loss,
            validation_loss_ema: loss + 0.05,
            train_plateau: Some(PlateauRow { best: loss, bad_epochs: 0 }),
            validation_plateau: Some(PlateauRow { best: loss + 0.05, bad_epochs: 0 }),
            learning_rate: if epoch <= 20 { 3e-4 } else { 6e-5 },
            next_learning_rate: if epoch < 20 { 3e-4 } else { 6e-5 },
            pseudo_dice: vec![Some(-loss), None],
            mean_pseudo_dice: Some(-loss),
            seconds: 1.0,
            patches_per_second: 2.0,
            stop_reason: None,
        }
    };
    let labels = BTreeMap::from([(1, "organ".to_owned()), (2, "core".to_owned())]);
    write_epochs(&network.epochs(), &(0..40).map(row).collect::<Vec<_>>(), &labels).unwrap();
    scores::write(&network.scores(), scores).unwrap();
    let state = serde_json::json!({ "trained": "a", "predicting": "b", "predicted": "b", "evaluated": "c" });
    fs::write(network.state(), state.to_string()).unwrap();
}

fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    output
}

/// All files below a folder, by their relative path.
fn read_files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    let workplace = Workplace::new();
    let run = workplace.create_run("whole", &[0, 1, 2, 3], 2);
    let before = read_files(&run.root);
    let (first, said) = workplace.write_report(&[&run], "first");
    let (second, _) = workplace.write_report(&[&run], "second");
    let (first, second) = (read_files(&first), read_files(&second));
    assert!(first.len() > 30, "{:?}", first.keys());
    for (path, bytes) in &first {
        assert!(second[path] == *bytes, "`{}` differs", path.display());
    }
    assert_eq!(first.keys().collect::<Vec<_>>(), second.keys().collect::<Vec<_>>());
    assert_eq!(read_files(&run.root), before, "the run folder is only read");
    assert!(said.contains("One seed only"), "{said}");
    let page = String::from_utf8(first[Path::new("index.html")].clone()).unwrap();
    assert!(!page.contains(&workplace.path("data").display().to_string()), "the page contains a path of this machine");
    let linked = ["src=\"http", "href=\"http", "url(", "@import", "<link rel=\"stylesheet"];
    assert!(linked.iter().all(|link| !page.contains(link)), "the page loads a resource");
}

#[test]
fn notes_on_missing_results_come_first() {
    let workplace = Workplace::new();
    let run = workplace.create_run("holes", &[0, 1, 2], 2);
    // Fold 2 was planned but not trained, a case of fold 1 was lost, and a reference of fold 0 is empty.
    fs::remove_dir_all(run.fold("3d_fullres", 12345, 2).root).unwrap();
    let path = run.fold("3d_fullres", 12345, 1).scores();
    let mut rows = scores::read(&path).unwrap();
    let lost = rows[0].case.clone();
    rows.retain(|score| score.case != lost);
    scores::write(&path, &rows).unwrap();
    let path = run.fold("3d_fullres", 12345, 0).scores();
    let mut rows = scores::read(&path).unwrap();
    let empty = rows[0].case.clone();
    rows[0].counts = Counts::default();
    scores::write(&path, &rows).unwrap();

    let (report, said) = workplace.write_report(&[&run], "report");
    let page = fs::read_to_string(report.join("index.html")).unwrap();
    let text = fs::read_to_string(report.join("report.md")).unwrap();
    for sentence in [
        "3d_fullres, seed 12345, fold 2: planned, but not trained.".to_owned(),
        format!("3d_fullres, seed 12345, fold 1: 1 of 2 cases has no score: {lost}."),
        format!("Class organ: the reference of 1 case is empty: {empty}."),
        "The plan runs 3 of 4 folds (folds 0, 1, 2)".to_owned(),
    ] {
        for (output, text, results) in [
            ("terminal", &said, None),
            ("page", &page, Some("id=\"results\"")),
            ("report.md", &text, Some("## Results")),
        ] {
            let at = text.find(&sentence).unwrap_or_else(|| panic!("missing from the {output}: {sentence}"));
            assert!(results.is_none_or(|results| at < text.find(results).unwrap()), "{output}: {sentence}");
        }
    }
    // The organ has a value in one case of fold 0 and in one of fold 1, of six validation cases in the planned folds.
    let csv = fs::read_to_string(report.join("tables/scores.csv")).unwrap();
    assert!(csv.contains(",organ,dice,2,6,3,1,"), "{csv}");
    // Its mean is marked as incomplete.
    let row = text.lines().find(|line| line.contains("| organ |")).unwrap();
    assert!(row.contains("† |") && text.contains("† Cases are missing"), "{row}");
}

#[test]
fn runs_are_compared_over_their_shared_cases() {
    let workplace = Workplace::new();
    let (good, bad) = (workplace.create_run("good", &[0, 1, 2, 3], 10), workplace.create_run("bad", &[0, 1, 2], 1));
    let (report, _) = workplace.write_report(&[&good, &bad], "report");
    let table = fs::read_to_string(report.join("tables/differences.csv")).unwrap();
    // Six differences of one sign: 2 / 2^6. Holm doubles it for the two classes.
    let row = table.lines().find(|line| line.starts_with("dice,organ,good 3d_fullres,bad 3d_fullres,6,")).unwrap();
    assert!(row.ends_with(",1,0.03125,0.0625"), "{row}");
    let ranks = fs::read_to_string(report.join("tables/ranks.csv")).unwrap();
    assert!(ranks.contains("dice,organ,good 3d_fullres,6,1,1 to 1,1\n"), "{ranks}");
    let latex = fs::read_to_string(report.join("tables/dice.tex")).unwrap();
    assert_eq!((latex.matches("\\textbf").count(), latex.matches("\\underline").count()), (2, 2), "{latex}");
}

/// Adds 2D networks and their ensemble with the 3D ones to a finished run, with the predictions and reduced scores of the 3D ones.
fn add_ensemble(run: &RunFolder, folds: usize) {
    let text = fs::read_to_string(run.resolved_plan()).unwrap();
    fs::write(run.resolved_plan(), text.replace("[\"3d_fullres\"]", "[\"2d\", \"3d_fullres\"]")).unwrap();
    for (name, reduction) in [("2d", 20), ("2d+3d_fullres", 5)] {
        for fold in 0..folds {
            let (from, to) = (run.fold("3d_fullres", 12345, fold), run.fold(name, 12345, fold));
            for (path, bytes) in read_files(&from.root) {
                fs::create_dir_all(to.root.join(&path).parent().unwrap()).unwrap();
                fs::write(to.root.join(&path), bytes).unwrap();
            }
            if name != "2d" {
                fs::remove_file(to.epochs()).unwrap();
            }
            let mut rows = scores::read(&from.scores()).unwrap();
            for row in &mut rows {
                name.clone_into(&mut row.network.configuration);
                row.counts.true_positives -= row.counts.true_positives * reduction / 100;
            }
            scores::write(&to.scores(), &rows).unwrap();
        }
    }
    let candidate = |names: &[&str], dice: f64| {
        let classes = BTreeMap::from([("organ", dice + 0.01), ("core", dice - 0.01)]);
        serde_json::json!({
            "configurations": names, "mean_foreground_dice": dice, "classes": classes, "cases": 8,
        })
    };
    let candidates = [candidate(&["3d_fullres"], 0.9), candidate(&["2d", "3d_fullres"], 0.89), candidate(&["2d"], 0.7)];
    fs::write(run.selection(), serde_json::json!({ "candidates": candidates }).to_string()).unwrap();
}

#[test]
fn ensembles_and_the_selected_model_are_reported() {
    let workplace = Workplace::new();
    let run = workplace.create_run("both", &[0, 1, 2, 3], 2);
    add_ensemble(&run, 4);
    let (report, _) = workplace.write_report(&[&run], "report");
    let page = fs::read_to_string(report.join("index.html")).unwrap();
    let text = fs::read_to_string(report.join("report.md")).unwrap();
    for document in [&page, &text] {
        assert!(document.contains("Model selection") && document.contains("2d+3d_fullres"));
    }
    assert!(text.contains("| 3d_fullres | **0.9000** | **0.9100** | **0.8900** | 8 | selected |"), "{text}");
    let selected = "3d_fullres was selected for its mean foreground Dice in the cross-validation (0.9000; 2d+3d_fullres: 0.8900, \
                    2d: 0.7000).";
    assert!(text.contains(selected), "{text}");
    let latex = fs::read_to_string(report.join("tables/candidates.tex")).unwrap();
    assert!(latex.contains("\\textbf{0.9000} & \\textbf{0.9100}"), "{latex}");
    let written = read_files(&report);
    for name in ["dice", "nsd", "hd95_mm", "confusion-2d+3d_fullres", "cases-2d", "training-2d"] {
        for kind in ["88mm.svg", "180mm.png"] {
            assert!(written.contains_key(Path::new(&format!("figures/{name}-{kind}"))), "{name}-{kind}");
        }
    }
    for name in ["candidates.csv", "candidates.md", "candidates.parquet", "confusion.csv", "differences.tex"] {
        assert!(written.contains_key(Path::new(&format!("tables/{name}"))), "{name}");
    }
    // Predictions are the references, in the folds with a confusion table and in the one counted by the report.
    let confusion = fs::read_to_string(report.join("tables/confusion.csv")).unwrap();
    for class in ["background", "organ", "core"] {
        let row = confusion.lines().find(|line| line.starts_with(&format!("both,2d,{class},{class},"))).unwrap();
        assert!(row.ends_with(",1"), "{row}");
    }
    let dice = fs::read_to_string(report.join("tables/scores.csv")).unwrap();
    assert!(dice.lines().any(|line| line.starts_with("both,2d+3d_fullres,1,organ,dice,8,8,0,")), "{dice}");
}

#[test]
fn without_images_no_image_is_in_the_report() {
    let workplace = Workplace::new();
    let run = workplace.create_run("private", &[0, 1, 2, 3], 2);
    let output = workplace.path("report");
    workplace.write_report(&[&run], "report");
    assert!(output.join("figures/cases-3d_fullres-88mm.png").is_file());
    let mut command = Command::new(env!("CARGO_BIN_EXE_segplan"));
    succeed(command.arg("report").arg(&run.root).arg("--without-images").arg("-o").arg(&output));
    let written = read_files(&output);
    assert!(!written.keys().any(|path| path.display().to_string().contains("cases-")), "{:?}", written.keys());
    let page = String::from_utf8(written[Path::new("index.html")].clone()).unwrap();
    assert!(!page.contains("data:image") && page.contains("images were excluded from this report"));
    assert!(written.contains_key(Path::new("tables/confusion.csv")), "the confusion matrix is still counted");
}

#[test]
fn a_folder_without_a_run_is_wrong_input() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_segplan"));
    let output = command.arg("report").arg(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is not a run"));
}

#[test]
fn a_run_of_two_hundred_cases_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let cases: Vec<CaseId> = (0..200).map(|number| CaseId(format!("case_{number:03}"))).collect();
    let run = create_run_folder(folder.path(), "large", &[0, 1, 2, 3], &cases, &folder.path().join("absent"));
    for fold in 0..4 {
        let score = |(number, label): (u64, u8)| Score {
            network: ScoredNetwork {
                run: "large".to_owned(),
                configuration: "3d_fullres".to_owned(),
                fold,
                seed: 12345,
            },
            case: cases[number as usize].clone(),
            label: label.into(),
            class: "organ".to_owned(),
            counts: Counts { true_positives: 1000 + number, false_positives: number, false_negatives: 7 * number % 90 },
            surface: None,
        };
        let validation = (0..200_u64).skip(fold).step_by(4);
        let rows: Vec<Score> = validation.flat_map(|number| [(number, 1), (number, 2)]).map(score).collect();
        finish_fold(&run, fold, &rows);
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_segplan"));
    let done = succeed(command.arg("report").arg(&run.root).arg("-o").arg(folder.path().join("report")));
    assert!(String::from_utf8_lossy(&done.stdout).contains("No case could be drawn"), "the data set does not exist");
}

/// The first Chromium that starts.
fn find_browser() -> Option<&'static str> {
    let starts = |name: &&str| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success());
    ["chromium", "chromium-browser", "google-chrome"].into_iter().find(starts)
}

/// Skipped without Chromium. The line about it is written past the capture of the test harness, so that it is always seen, and CI
/// counts such lines.
#[test]
fn the_page_works_in_a_browser() {
    let Some(browser) = find_browser() else {
        let skipped = "SKIPPED the_page_works_in_a_browser: no Chromium found; `apt-get install chromium`";
        writeln!(std::io::stderr(), "{skipped}").unwrap();
        return;
    };
    let workplace = Workplace::new();
    let run = workplace.create_run("whole", &[0, 1, 2, 3], 2);
    let (report, _) = workplace.write_report(&[&run], "report");
    let page = fs::read_to_string(report.join("index.html")).unwrap();
    // Errors are collected from the start, and the page is operated once it is complete.
    let watch = "<script>window.faults = []; window.addEventListener('error', (event) => faults.push(event.message));\
                 console.error = (...words) => faults.push(words.join(' '));</script><meta charset";
    let user = format!("<script>{}</script></body>", include_str!("report/browser.js"));
    let operated = page.replacen("<meta charset", watch, 1).replacen("</body>", &user, 1);
    let path = report.join("operated.html");
    fs::write(&path, operated).unwrap();
    for width in [1280, 500] {
        let output = Command::new(browser)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000", "--dump-dom"])
            .arg(format!("--window-size={width},900"))
            .arg(format!("--user-data-dir={}", workplace.path("browser").display()))
            .arg(format!("file://{}", path.display()))
            .output()
            .unwrap();
        let dom = String::from_utf8_lossy(&output.stdout);
        let outcome = dom.split_once("<pre id=\"outcome\">").and_then(|(_, rest)| rest.split_once("</pre>"));
        let (outcome, _) = outcome.unwrap_or_else(|| panic!("no outcome: {}", String::from_utf8_lossy(&output.stderr)));
        assert_eq!(outcome, "no faults", "at a width of {width}");
    }
}
