//! The selection of runs, and the folds.

use regex::Regex;

use crate::plan::check::checker::Checker;
use crate::plan::schema::configuration::ConfigurationName;
use crate::plan::schema::plan::Plan;
use crate::units::counted;

impl Checker<'_> {
    pub(super) fn runs(&mut self, plan: &Plan) {
        self.distinct("run.configurations", &plan.run.configurations);
        self.distinct("run.folds", &plan.run.folds);
        self.distinct("run.seeds", &plan.run.seeds);
        self.split(plan);
        let known: Vec<&str> = plan.configurations.keys().map(|name| name.as_str()).collect();
        for (at, name) in plan.run.configurations.iter().enumerate() {
            let is_planned = plan.configurations.contains_key(name) || !self.are_usable(&["configurations"]);
            let message = format!("configuration `{name}` is not in the plan");
            let expected = format!("the plan has {}", known.join(", "));
            self.require(is_planned, &format!("run.configurations.{at}"), message, expected);
        }
        if !self.are_usable(&["split.folds"]) {
            return;
        }
        let folds = plan.split.folds;
        for (at, &fold) in plan.run.folds.iter().enumerate() {
            let expected = format!("expected 0 to {}: `split.folds` is {folds}", folds - 1);
            self.require(fold < folds, &format!("run.folds.{at}"), format!("fold {fold} does not exist"), expected);
        }
    }

    fn split(&mut self, plan: &Plan) {
        let (folds, cases) = (plan.split.folds, plan.data.cases);
        if let Err(error) = Regex::new(&plan.split.patient_pattern) {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
            let message = format!("`split.patient_pattern` is not a regular expression: {reason}");
            self.require(false, "split.patient_pattern", message, "expected one, such as `^(patient[0-9]+)_`");
        }
        let is_enough = folds <= cases || !self.are_usable(&["data.cases"]);
        let message = format!("{} cannot be split into {}", counted(cases, "training case"), counted(folds, "fold"));
        let expected = format!("expected at most {cases}: `data.cases` is {cases}");
        self.require(is_enough, "split.folds", message, expected);
    }

    pub(super) fn cascade(&mut self, plan: &Plan) {
        for name in plan.configurations.keys() {
            let Some(first) = ConfigurationName::first_stage(*name) else { continue };
            let is_planned = plan.configurations.contains_key(&first);
            let message = format!("`{name}` is in the plan without its first stage");
            let path = format!("configurations.{name}");
            self.require(is_planned, &path, message, format!("expected `configurations.{first}`, too"));
        }
    }
}
