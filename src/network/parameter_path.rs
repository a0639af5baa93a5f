//! The name of a parameter while a network is traversed.

use std::fmt;

/// The path of field names to a parameter, such as `encoder.0.1.conv.weight`. The variants of an enum have no part in it.
#[derive(Debug, Default)]
pub(crate) struct ParameterPath(Vec<String>);

impl ParameterPath {
    /// To be called by `enter_module` of a visitor or mapper.
    pub(crate) fn enter(&mut self, name: &str, container: &str) {
        if !is_enum(container) {
            self.0.push(name.to_owned());
        }
    }

    /// To be called by `exit_module` of a visitor or mapper.
    pub(crate) fn exit(&mut self, container: &str) {
        if !is_enum(container) {
            self.0.pop();
        }
    }
}

impl fmt::Display for ParameterPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0.join("."))
    }
}

/// Whether a container, as Burn names it, is an enum.
fn is_enum(container: &str) -> bool {
    container.starts_with("Enum:")
}
