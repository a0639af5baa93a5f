//! The modules of a crate, and which file names items of which other file.
//!
//! Paths are resolved as the compiler does it, as far as names alone allow: `crate`, `self` and `super`, child modules, nested
//! `use` groups, aliases, and re-exports, which lead to the file that they re-export from.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{Kind, Token, is_test_attribute, tokens, without_tests};

/// A reference from one file to another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reference {
    /// The file that contains the path, relative to the source folder.
    pub from: String,
    /// The file that declares the item.
    pub to: String,
    /// Line of the path in the first file.
    pub line: usize,
}

#[derive(Debug, Default)]
struct Module {
    file: String,
    children: BTreeSet<String>,
    /// Names brought into scope, with the path that each stands for.
    imports: BTreeMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
    items: BTreeSet<String>,
    /// Paths in the module's code, with their lines.
    paths: Vec<(Vec<String>, usize)>,
}

/// All modules of a crate, by path; the root is the empty path.
#[derive(Debug, Default)]
pub(crate) struct Modules {
    modules: BTreeMap<Vec<String>, Module>,
    test_files: BTreeSet<String>,
}

/// How many re-exports are followed from one name.
const MAX_REEXPORTS: usize = 16;

impl Modules {
    /// Reads source files, given as paths relative to the source folder (such as `plan/mod.rs`) and their texts.
    ///
    /// With `tests`, code marked `#[cfg(test)]` counts, too.
    pub(crate) fn read(files: &BTreeMap<String, String>, tests: bool) -> Self {
        let mut all = Self::default();
        for (file, text) in files {
            let tokens = tokens(text);
            all.test_files.extend(test_modules(&tokens).map(|name| test_file(file, name)));
            let tokens = if tests { tokens } else { without_tests(&tokens) };
            let code: Vec<Token<'_>> =
                tokens.into_iter().filter(|token| matches!(token.kind, Kind::Word | Kind::Sign)).collect();
            all.read_file(file, &code);
        }
        if !tests {
            let test_files = all.test_files.clone();
            let is_test = |file: &str| {
                test_files.iter().any(|test| file == format!("{test}.rs") || file.starts_with(&format!("{test}/")))
            };
            all.modules.retain(|_, module| !is_test(&module.file));
        }
        all
    }

    /// The references of all files to other files, sorted, each pair of files once.
    pub(crate) fn references(&self) -> Vec<Reference> {
        let mut found = BTreeMap::<(&str, &str), usize>::new();
        for (at, module) in &self.modules {
            for (path, line) in &module.paths {
                let Some(target) = self.resolve(at, path, MAX_REEXPORTS) else { continue };
                if target != module.file {
                    let first = found.entry((&module.file, target)).or_insert(*line);
                    *first = (*first).min(*line);
                }
            }
        }
        let reference =
            |((from, to), line): ((&str, &str), usize)| Reference { from: from.to_owned(), to: to.to_owned(), line };
        found.into_iter().map(reference).collect()
    }

    fn read_file(&mut self, file: &str, code: &[Token<'_>]) {
        let mut reader = FileReader { modules: self, file, at: module_path(file), blocks: Vec::new() };
        reader.open();
        reader.read(code);
    }

    /// The file that declares what a path in a module names; `None` if it is of another crate.
    fn resolve(&self, module: &[String], path: &[String], depth: usize) -> Option<&str> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.descend(&[], rest, depth),
            "self" => self.descend(module, rest, depth),
            "super" => self.descend(module.split_last()?.1, rest, depth),
            name => {
                let here = self.modules.get(module)?;
                let is_known = here.children.contains(name) || here.imports.contains_key(name);
                if is_known { self.descend(module, path, depth) } else { None }
            }
        }
    }

    fn descend(&self, module: &[String], rest: &[String], depth: usize) -> Option<&str> {
        let here = self.modules.get(module)?;
        let Some((next, further)) = rest.split_first() else { return Some(&here.file) };
        if next == "super" {
            return self.descend(module.split_last()?.1, further, depth);
        }
        let child = [module, std::slice::from_ref(next)].concat();
        if here.children.contains(next) && self.modules.contains_key(&child) {
            return self.descend(&child, further, depth);
        }
        if here.items.contains(next) || depth == 0 {
            return Some(&here.file);
        }
        if let Some(target) = here.imports.get(next) {
            let whole = [target.as_slice(), further].concat();
            // An import of another crate's item is an item of this file.
            return self.resolve_import(module, &whole, depth - 1).or(Some(&here.file));
        }
        let through_glob = here.globs.iter().find_map(|glob| {
            let target = self.module_of(module, glob)?;
            self.modules[&target].defines(next).then(|| self.descend(&target, rest, depth - 1))?
        });
        through_glob.or(Some(&here.file))
    }

    /// Resolves the target of a `use`, whose first name may be the name that it declares.
    fn resolve_import(&self, module: &[String], path: &[String], depth: usize) -> Option<&str> {
        let (first, rest) = path.split_first()?;
        let here = self.modules.get(module)?;
        match first.as_str() {
            "crate" | "self" | "super" => self.resolve(module, path, depth),
            name if here.children.contains(name) => self.descend(module, path, depth),
            name if here.imports.get(name).is_some_and(|target| target != path && target.first() != Some(first)) => {
                let whole = [here.imports[name].as_slice(), rest].concat();
                if depth == 0 { None } else { self.resolve_import(module, &whole, depth - 1) }
            }
            _ => None,
        }
    }

    /// The module that a glob import names.
    fn module_of(&self, module: &[String], path: &[String]) -> Option<Vec<String>> {
        let (first, rest) = path.split_first()?;
        let mut at = match first.as_str() {
            "crate" => Vec::new(),
            "self" => module.to_vec(),
            "super" => module.split_last()?.1.to_vec(),
            name => [module, &[name.to_owned()]].concat(),
        };
        for name in rest {
            if name == "super" {
                at.pop()?;
            } else {
                at.push(name.clone());
            }
        }
        self.modules.contains_key(&at).then_some(at)
    }
}

impl Module {
    fn defines(&self, name: &str) -> bool {
        self.children.contains(name) || self.items.contains(name) || self.imports.contains_key(name)
    }
}

/// Modules that a file declares for tests only.
fn test_modules<'a>(tokens: &[Token<'a>]) -> impl Iterator<Item = &'a str> {
    let code: Vec<Token<'a>> =
        tokens.iter().filter(|token| matches!(token.kind, Kind::Word | Kind::Sign)).copied().collect();
    let mut found = Vec::new();
    for at in 2..code.len().saturating_sub(1) {
        let declares = code[at].is("mod") && code.get(at + 2).is_some_and(|token| token.is(";"));
        // The attribute ends just before `mod`, or before its visibility.
        let start = code[..at].iter().rposition(|token| token.is("#") || token.is(";") || token.is("}"));
        if declares && start.is_some_and(|start| code[start].is("#") && is_test_attribute(attribute(&code[start..at])))
        {
            found.push(code[at + 1].text);
        }
    }
    found.into_iter()
}

/// The attribute at the start of these tokens, without what follows it.
fn attribute<'a, 'b>(tokens: &'b [Token<'a>]) -> &'b [Token<'a>] {
    let end = tokens.iter().rposition(|token| token.is("]")).map_or(tokens.len(), |end| end + 1);
    &tokens[..end]
}

/// Where the file of a module that `file` declares is, without `.rs` or `/mod.rs`.
fn test_file(file: &str, name: &str) -> String {
    let folder = module_path(file).join("/");
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// The path of the module in a file.
fn module_path(file: &str) -> Vec<String> {
    let stem = file.strip_suffix(".rs").unwrap_or(file);
    let stem = if stem == "lib" { "" } else { stem.strip_suffix("/mod").unwrap_or(stem) };
    stem.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

const ITEMS: [&str; 9] = ["fn", "struct", "enum", "trait", "const", "static", "type", "union", "macro_rules"];

struct FileReader<'a> {
    modules: &'a mut Modules,
    file: &'a str,
    /// The module that the reader is in; below the file's own in an inline module.
    at: Vec<String>,
    /// For each open brace, whether it is an inline module's.
    blocks: Vec<bool>,
}

impl FileReader<'_> {
    fn open(&mut self) {
        let module = self.modules.modules.entry(self.at.clone()).or_default();
        self.file.clone_into(&mut module.file);
    }

    fn module(&mut self) -> &mut Module {
        self.modules.modules.get_mut(&self.at).expect("opened before")
    }

    fn read(&mut self, code: &[Token<'_>]) {
        let mut at = 0;
        while at < code.len() {
            at += match code[at].text {
                "mod" if code.get(at + 1).is_some_and(|token| token.kind == Kind::Word) => {
                    self.declaration(&code[at..])
                }
                "use" => self.import(&code[at..]),
                "{" => {
                    self.blocks.push(false);
                    1
                }
                "}" => {
                    if self.blocks.pop() == Some(true) {
                        self.at.pop();
                    }
                    1
                }
                _ if code[at].kind == Kind::Word => self.word(code, at),
                _ => 1,
            };
        }
    }

    /// `mod name;` or `mod name {`.
    fn declaration(&mut self, code: &[Token<'_>]) -> usize {
        let name = code[1].text.to_owned();
        self.module().children.insert(name.clone());
        if code.get(2).is_some_and(|token| token.is("{")) {
            self.at.push(name);
            self.blocks.push(true);
            self.open();
            return 3;
        }
        2
    }

    /// `use a::{b, c as d};`
    fn import(&mut self, code: &[Token<'_>]) -> usize {
        let end = code.iter().position(|token| token.is(";")).unwrap_or(code.len());
        let line = code[0].line;
        let mut leaves = Vec::new();
        expand(&code[1..end], &[], &mut leaves);
        // `use<'a>` in a bound is no import.
        let leaves = leaves.into_iter().filter(|leaf| !leaf.path.is_empty());
        for Leaf { path, alias, is_glob } in leaves {
            let module = self.module();
            if is_glob {
                module.globs.push(path.clone());
            } else if let Some(name) = alias {
                module.imports.insert(name, path.clone());
            }
            module.paths.push((path, line));
        }
        end + 1
    }

    /// A path such as `crate::plan::load`, or a declared item.
    fn word(&mut self, code: &[Token<'_>], at: usize) -> usize {
        let (path, length) = path(&code[at..]);
        let is_qualified = at >= 2 && code[at - 1].is(":") && code[at - 2].is(":");
        // `pub(in crate::room)` uses nothing of the room.
        let is_visibility = at >= 3 && code[at - 1].is("in") && code[at - 2].is("(") && code[at - 3].is("pub");
        if path.len() > 1 && !is_qualified && !is_visibility {
            let line = code[at].line;
            self.module().paths.push((path, line));
        } else if ITEMS.contains(&code[at].text) {
            let name = code[at + 1..].iter().find(|token| token.kind == Kind::Word && !ITEMS.contains(&token.text));
            if let Some(name) = name {
                let name = name.text.to_owned();
                self.module().items.insert(name);
            }
        }
        length
    }
}

/// Words joined by `::`, and the number of tokens that they take.
fn path(code: &[Token<'_>]) -> (Vec<String>, usize) {
    let mut path = vec![code[0].text.to_owned()];
    let mut at = 1;
    while at + 2 < code.len() && code[at].is(":") && code[at + 1].is(":") && code[at + 2].kind == Kind::Word {
        path.push(code[at + 2].text.to_owned());
        at += 3;
    }
    (path, at)
}

struct Leaf {
    path: Vec<String>,
    /// The name that it is known by here.
    alias: Option<String>,
    is_glob: bool,
}

/// The paths of a tree of a `use`.
fn expand(tree: &[Token<'_>], prefix: &[String], leaves: &mut Vec<Leaf>) {
    let mut path_so_far = prefix.to_vec();
    let mut at = 0;
    while at < tree.len() {
        let token = tree[at];
        if token.is("{") {
            let end = matching(&tree[at..]) + at;
            for branch in split(&tree[at + 1..end]) {
                expand(branch, &path_so_far, leaves);
            }
            return;
        }
        if token.is("*") {
            leaves.push(Leaf { path: path_so_far, alias: None, is_glob: true });
            return;
        }
        if token.is("as") {
            let alias = tree.get(at + 1).map(|token| token.text.to_owned());
            leaves.push(Leaf { path: path_so_far, alias, is_glob: false });
            return;
        }
        let is_module_itself = token.is("self") && !path_so_far.is_empty();
        if token.kind == Kind::Word && !is_module_itself {
            path_so_far.push(token.text.to_owned());
        }
        at += 1;
    }
    let alias = path_so_far.last().cloned();
    leaves.push(Leaf { path: path_so_far, alias, is_glob: false });
}

/// Position of the brace that closes the first one.
fn matching(tokens: &[Token<'_>]) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        if token.is("{") {
            depth += 1;
        } else if token.is("}") {
            depth -= 1;
            if depth == 0 {
                return at;
            }
        }
    }
    tokens.len()
}

/// The branches of a group, split at its own commas.
fn split<'a, 'b>(group: &'b [Token<'a>]) -> Vec<&'b [Token<'a>]> {
    let mut branches = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, token) in group.iter().enumerate() {
        match token.text {
            "{" => depth += 1,
            "}" => depth -= 1,
            "," if depth == 0 => {
                branches.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    branches.push(&group[start..]);
    branches.into_iter().filter(|branch| !branch.is_empty()).collect()
}
