//! A closed or full output stream ends no verb early, and a result that was not written is a failure.

use std::fs::File;
use std::process::Stdio;

use crate::workplace::{Workplace, copy_images, expect_exit, finished_run, output_text};

/// A pipe without a reader.
fn closed_pipe() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

/// Every verb with the exit code that it has if its output is read.
fn printing() -> Vec<(Vec<&'static str>, i32)> {
    let labels = "data/Phantom/labelsTr";
    let verbs: [(&[&str], i32); 21] = [
        (&["verify", "data/Phantom"], 0),
        (&["plan", "data/Phantom"], 0),
        (&["show", "phantom.toml", "--resolved"], 0),
        (&["set", "phantom.toml", "train.batches_per_epoch=7"], 0),
        (&["explain"], 0),
        (&["diff", "phantom.toml", "runs/whole"], 1),
        (&["schema"], 0),
        (&["import", "nnunet", "-o", "imported.toml", "--overwrite"], 0),
        (&["export", "--nnunet", "phantom.toml", "-o", "nnunet", "--overwrite"], 0),
        (&["augment", "phantom.toml", "-n", "1", "-o", "sheets"], 0),
        (&["run", "phantom.toml", "--until", "fingerprint"], 0),
        (&["status", "phantom.toml"], 0),
        (&["predict", "--run", "runs/whole", "--input", "new", "--output", "segmented"], 0),
        (&["package", "runs/whole", "-o", "whole.segplan", "--overwrite"], 0),
        (&["evaluate", "--reference", labels, "--prediction", labels], 0),
        (&["compare", "runs/whole"], 0),
        (&["report", "runs/whole"], 0),
        (
            &[
                "bench",
                "phantom.toml",
                "--configuration",
                "2d",
                "--repetitions",
                "1",
                "--set",
                "configurations.2d.batch_size=2",
            ],
            0,
        ),
        (&["phantom", "made", "--cases", "2", "--overwrite"], 0),
        (&["doctor"], 0),
        (&["completions", "bash"], 0),
    ];
    verbs.into_iter().map(|(arguments, code)| (arguments.to_vec(), code)).collect()
}

#[test]
fn a_closed_output_stream_ends_no_verb_early() {
    let at = finished_run();
    copy_images(&at.path("data/Phantom/imagesTr"), &at.path("new"), 1);
    let help = String::from_utf8(at.segplan(&["--help"]).output().unwrap().stdout).unwrap();
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let listed: Vec<&str> = listed.filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).collect();
    let verbs = printing();
    for verb in listed.into_iter().filter(|verb| !verb.is_empty() && *verb != "help") {
        assert!(verbs.iter().any(|(arguments, _)| arguments[0] == verb), "`{verb}` is not tested");
    }
    for (arguments, code) in &verbs {
        expect_exit(&mut at.segplan(arguments), *code);
        let output = at.segplan(arguments).stdout(closed_pipe()).output().unwrap();
        let message = output_text(&output);
        assert_eq!(output.status.code(), Some(*code), "{arguments:?}\n{message}");
        assert!(!message.contains("panicked") && !message.contains("roken pipe"), "{arguments:?}\n{message}");
        let output = at.segplan(arguments).stdout(closed_pipe()).stderr(closed_pipe()).output().unwrap();
        assert_eq!(output.status.code(), Some(*code), "{arguments:?}: both streams closed");
    }
    for arguments in [&["--help"][..], &["explain", "--help"], &["--version"]] {
        assert_eq!(at.segplan(arguments).stdout(closed_pipe()).status().unwrap().code(), Some(0), "{arguments:?}");
    }
    for arguments in
        [&["show", "missing.toml"][..], &["explain", "nonexistent_key"], &["verify", "missing"], &["nonsense"]]
    {
        let code = at.segplan(arguments).output().unwrap().status.code();
        assert_eq!(code, Some(2), "{arguments:?}");
        assert_eq!(
            at.segplan(arguments).stderr(closed_pipe()).stdout(closed_pipe()).status().unwrap().code(),
            code,
            "{arguments:?}"
        );
    }
}

#[test]
fn training_continues_after_its_output_streams_are_closed() {
    let at = Workplace::new();
    let status = at.run("whole", &[]).stdout(closed_pipe()).stderr(closed_pipe()).status().unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(at.fold("whole", "3d_fullres", 0).scores().is_file());
}

#[test]
#[cfg(target_os = "linux")]
fn a_result_that_cannot_be_written_is_a_failure() {
    let at = Workplace::new();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = at.segplan(&["explain"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output_text(&output).contains("cannot write to standard output"), "{}", output_text(&output));
}
